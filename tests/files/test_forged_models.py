"""Small files that would fill the memory, or take for ever, are refused before they do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.process import printed

from plugnet import registry
from plugnet.files import documents, safetensors

#: MB above the idle process, and seconds of CPU time, that a file under 1 MB may take.
MOST_MEMORY, MOST_SECONDS = 200, 2


def spec(name: str, **args: Any) -> dict[str, Any]:
    return registry.spec(registry.layers.resolve((name, args)))


def short(name: str, **args: Any) -> dict[str, Any]:
    """Return a spec that takes few bytes, and may be of any depth."""
    return {"kind": "layer", "name": name, "args": args}


def document(layers: list[Any], shape: list[int], **parameters: Any) -> dict[str, Any]:
    network = {"layers": layers, "input_shape": shape, "parameters": parameters}
    fixed = {"kind": "network", "dtype": "float32", "seed": 0}
    return {"network": {**fixed, **network}, "generators": {}}


def fc(inputs: int, outputs: int, **args: Any) -> dict[str, Any]:
    return spec("fc", inputs=inputs, outputs=outputs, **args)


def residuals(depth: int) -> list[Any]:
    layers = [spec("flatten")]
    for _ in range(depth):
        layers = [short("residual", layers=layers, shortcut=None)]
    return layers


HUGE = 10**12
DOCUMENTS: Mapping[str, dict[str, Any]] = {
    "fc": document([fc(20_000, 20_000)], [20_000]),
    "fc of a constant": document([fc(20_000, 20_000, initializer="constant")], [20_000]),
    "fc, a little too large": document([fc(2_000, 2_000)], [2_000]),
    "fc of many neurons": document([fc(HUGE, HUGE)], [HUGE]),
    "fc of many inputs": document([spec("fc", outputs=1)], [HUGE]),
    "fc of sizes beyond all": document([fc(2**70, 2**70)], [2**70]),
    "many fc": document([fc(300, 300)] * 2_500, [300]),
    "conv2d": document([spec("conv2d", outputs=20_000, kernel_size=99)], [99, 99, 99]),
    "conv2d, padded": document(
        [spec("conv2d", outputs=2, kernel_size=3, padding=10**6)], [9, 9, 1]
    ),
    "conv2d_transpose": document(
        [spec("conv2d_transpose", outputs=2, kernel_size=3, stride=10**5)], [9, 9, 1]
    ),
    "rnn": document([spec("rnn", outputs=2_000)], [3, 3]),
    "lstm": document([spec("lstm", outputs=1_000)], [3, 3]),
    "gru": document([spec("gru", outputs=20_000)], [3, 3]),
    "embedding": document([spec("embedding", words=10**7, size=1_000)], [3]),
    **{
        f"{name} of {shape}": document([spec(name)], shape)
        for name in ("batch_norm", "layer_norm", "standardize", "dropout", "flatten", "tanh")
        for shape in ([HUGE], [10**9], [2**62, 2**62], [1] * 65, [10**4000])
    },
    "batch_norm of 16 million": document([spec("batch_norm")], [16_000_000]),
    "standardize of 16 million": document([spec("standardize")], [4_000, 4_000, 1]),
    "within residuals": document([short("residual", layers=[fc(9_999, 9_999)])], [9_999]),
    "residuals 60 deep": document(residuals(60), [3]),
    "residuals 2,000 deep": document([], [3]) | {"network": "[" * 6_000 + "]" * 6_000},
    "many layers": document([short("flatten")] * 6_000 + [fc(3, 3)], [3]),
    "many patterns": document(
        [fc(1, 1)] * 900, [1], **{"*" + "?" * i + "*": {} for i in range(900)}
    ),
    "lists": {"network": [[]] * 240_000},
    "objects": {"network": [{"": 0}] * 90_000},
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float, float]]:
    """The error, the seconds and the MB so far of each, loaded one after another."""
    folder = tmp_path_factory.mktemp("forged")
    for number, content in enumerate(DOCUMENTS.values()):
        text = json.dumps({"version": documents.VERSION, **content})
        if isinstance(content["network"], str):
            text = text.replace(json.dumps(content["network"]), content["network"])
        safetensors.write(folder / str(number), {}, {"plugnet": text})
        assert (folder / str(number)).stat().st_size < 10**6
    code = f"""
import json, resource, time
from plugnet import Network

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

idle, found = peak(), []
for number in range({len(DOCUMENTS)}):
    start, error = time.process_time(), ""
    try:
        Network.load({str(folder)!r} + f"/{{number}}")
    except Exception as raised:
        error = f"{{type(raised).__module__}}.{{type(raised).__name__}}"
    found.append((error, time.process_time() - start, peak() - idle))
print(json.dumps(found))
"""
    return dict(zip(DOCUMENTS, json.loads(printed(code)), strict=True))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_forged_file_is_refused_before_it_costs_much(
    outcomes: dict[str, tuple[str, float, float]], name: str
) -> None:
    error, seconds, memory = outcomes[name]
    assert error.startswith("plugnet.errors.")
    assert seconds < MOST_SECONDS
    assert memory < MOST_MEMORY
