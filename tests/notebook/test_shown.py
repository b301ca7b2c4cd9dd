"""Networks, models, trainers and the registry in a notebook: right, short, escaped, and always."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from plugnet import Model, Network, Trainer, registry
from plugnet.errors import ArgumentError, DivergenceError
from plugnet.interfaces import Batch, DataSplits, Layer, Rows
from plugnet.schema import Schema
from tests.notebook.parsed import Parsed, parsed

LAYERS = [("fc", 64, 50), "tanh", ("fc", 50, 10)]
HOSTILE = "<script>alert('x')</script>&amp;\"\n\u202e\ud800"


def digits() -> DataSplits:
    found: DataSplits = registry.datasets.build("digits").load()
    return found


@pytest.fixture(scope="module")
def trained() -> Trainer:
    trainer = Trainer(Network(LAYERS), hooks=["early_stop"])
    trainer.fit(digits(), iterations=40, validation=0.2, evaluate_every=10)
    return trainer


def test_a_network_is_a_table_of_its_layers() -> None:
    found = parsed(Network([*LAYERS[:2], ("residual", [("fc", 50, 50), "relu"]), LAYERS[2]]))
    rows = {row[0]: row[1:] for row in found.cells}
    assert rows["layer"] == ["component", "output shape", "parameters"]
    assert rows["fc1"][1:] == ["50", f"{64 * 50 + 50:,}"]
    assert rows["fc1"][0].startswith("FullyConnected(inputs=64, outputs=50")
    assert rows["residual1"][1:] == ["50", f"{50 * 50 + 50:,}"]
    assert rows["residual1.fc1"][1:] == ["", f"{50 * 50 + 50:,}"]
    assert rows["total"] == ["", "10", f"{64 * 50 + 50 + 50 * 50 + 50 + 50 * 10 + 10:,}"]
    assert list(rows) == [
        *("layer", "input", "fc1", "tanh1"),
        *("residual1", "residual1.fc1", "residual1.relu1", "fc2", "total"),
    ]


def test_a_network_without_a_shape_says_what_is_not_known() -> None:
    network = Network(["flatten", ("fc", {"outputs": 3})])
    found = parsed(network)
    assert found.cells[-2][2:] == ["?", "?"]
    assert "come with the first data" in found.text
    network.initialize((4, 4))
    assert parsed(network).cells[-2][2:] == ["3", "51"]
    network.uninitialize()
    assert parsed(network).cells[-1][2:] == ["?", "?"]


def test_of_a_deep_network_only_the_first_layers_are_looked_at() -> None:
    asked = []

    class Counting(Layer):
        def parameters(self) -> dict[str, Any]:
            asked.append(self)
            return {}

        def forward(self, x: Any, training: bool = False) -> Any:
            return x

    network = Network([Counting() for _ in range(2000)], (3,))
    asked.clear()
    found = parsed(network)
    assert len(asked) < 100
    assert "and the rest of 2000 layers" in found.text
    assert found.cells[-1] == ["total", "", "3", "0"]
    assert len(repr(network)) < 500
    assert repr(network).endswith("(1,980 more) -> counting1999 -> counting2000)")


def test_tables_have_headings_and_scroll_by_keyboard(trained: Trainer) -> None:
    for shown in (trained, trained.network, trained.model, trained.history, registry):
        found = parsed(shown)
        for row, tag in zip(found.cells, [a for a in found.tags if a == "tr"], strict=True):
            assert row, tag
        assert found.headings >= len(found.cells)
        scopes = [
            one.get("scope")
            for tag, one in zip(found.tags, found.attributes, strict=True)
            if tag == "th"
        ]
        assert set(scopes) <= {"row", "col"}
        groups = [one for one in found.attributes if one.get("role") == "group"]
        assert len(groups) == found.tags.count("table") == found.tags.count("caption")
        assert all(one["tabindex"] == "0" and one["aria-label"] for one in groups)


def test_a_model_says_what_it_answers(trained: Trainer) -> None:
    found = parsed(trained.model)
    rows = {row[0]: row[-1] for row in found.cells}
    assert rows["answers"] == "one of 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert rows["inputs"] == "samples of shape (64,)"
    assert rows["loss"] == "SoftmaxWithLoss()"
    assert rows["metrics"] == "Accuracy()"
    assert rows["total"] == "3,760"
    assert found.tags.count("details") == 1
    schema = Schema("real", targets=("price",), columns=("area", "rooms"), dropped=("id",))
    rows = {
        row[0]: row[-1] for row in parsed(Model(Network([("fc", 2, 1)]), "huber", schema)).cells
    }
    assert rows["answers"] == "1 real value: 'price'"
    assert rows["inputs"] == "2 columns: 'area', 'rooms'"
    assert rows["left out"] == "1 column: 'id'"


def test_a_thousand_classes_and_columns_are_counted() -> None:
    names = tuple(f"name{index}" for index in range(1000))
    model = Model(
        Network([("fc", 1000, 1000)]),
        "softmax_with_loss",
        Schema("class", classes=names, columns=names),
    )
    assert "one of 1000 classes: 'name0'" in parsed(model).text
    assert "1000 columns: 'name0'" in parsed(model).text
    assert len(repr(model)) < 400
    assert len(repr(model.schema)) < 600


def test_a_trainer_shows_settings_and_where_it_is(trained: Trainer) -> None:
    rows = {row[0]: row[-1] for row in parsed(trained).cells}
    assert rows["optimizer"] == "SGD(momentum=0.9)"
    assert rows["batch_size"] == "100"
    assert rows["hooks"] == "early_stop"
    assert "at iteration 40" in parsed(trained).text
    assert repr(trained) == "Trainer(Network(fc1 -> tanh1 -> fc2), iteration 40)"
    assert parsed(Trainer(Network(["tanh", ("fc", {"outputs": 2})]))).tags.count("svg") == 0


def test_a_trainer_that_has_diverged_is_shown() -> None:
    trainer = Trainer(Network(LAYERS), policy=("fixed", 1e30))
    with pytest.raises(DivergenceError):
        trainer.fit(digits(), iterations=50)
    assert "at iteration 0 of 50" in parsed(trainer).text
    assert parsed(trainer.history).tags.count("table") == 1
    assert trainer.model._repr_html_()


def test_everything_can_be_shown_while_another_thread_trains() -> None:
    class Shown:
        """Tells that the training has begun, and ends it when all has been shown."""

        begun, done = threading.Event(), threading.Event()

        def plugnet_step_end(self, training: Any, iteration: int) -> None:
            self.begun.set()
            if self.done.is_set():
                training.stop("all was shown")

    trainer = Trainer(Network(LAYERS), hooks=[Shown()])
    data = digits()
    training = threading.Thread(
        target=trainer.fit, args=(data,), kwargs={"iterations": 10**6, "validation": 0.1}
    )
    training.start()
    try:
        assert Shown.begun.wait(20)
        for _ in range(5):
            for one in (trainer, trainer.network, trainer.model, trainer.history):
                assert parsed(one)
                assert repr(one)
    finally:
        Shown.done.set()
        training.join()
    assert "all was shown" in parsed(trainer.history).text


def test_no_name_becomes_markup() -> None:
    schema = Schema(
        "class", classes=(HOSTILE, "b"), columns=(HOSTILE, "y"), dropped=(f"{HOSTILE}2",)
    )
    model = Model(Network([("fc", 2, 2)]), "softmax_with_loss", schema, versions={HOSTILE: HOSTILE})

    class Hostile(Layer):
        def __init__(self, text: str = HOSTILE) -> None:
            self.text = text

        def forward(self, x: Any, training: bool = False) -> Any:
            return x

        def __repr__(self) -> str:
            return self.text

    class Broken(Hostile):
        def __repr__(self) -> str:
            raise RuntimeError(HOSTILE)

    network = Network([Hostile(), Broken(), Hostile(HOSTILE * 10_000)], (3,))
    hooks: list[Any] = [type(HOSTILE[:8], (), {"plugnet_step_end": lambda self: None})()]
    trainer = Trainer(Network([("fc", 2, 2)]), hooks=hooks)
    for shown in (model, network, trainer):
        found = parsed(shown)
        assert not {"script", "b", "img"} & set(found.tags)
        assert "\u202e" not in found.text
        assert "<script>" in found.text


def test_the_registry_lists_components_without_importing_them() -> None:
    code = (
        "import sys; from plugnet import registry; text = registry._repr_html_();"
        "print(len(text) < 100_000, 'y = x W + b for each sample' in text,"
        "[name for name in sys.modules if name.startswith(('plugnet_', 'scipy'))])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout == "True True []\n"


def test_the_registry_says_the_first_sentence_of_each_documentation() -> None:
    for kind in ("layer", "metric", "hook", "dataset"):
        view = registry.view(kind)
        rows = {row[0]: row[1:] for row in parsed(view).cells}
        for name in view.names():
            doc = " ".join((view.get(name).__doc__ or "").split())
            assert rows[name][1]
            assert doc.startswith(rows[name][1].removesuffix("…"))
            assert rows[name][0] == view.find(name).provider
    assert parsed(registry).tags.count("details") == 10


def test_the_registry_shows_what_the_program_registers_and_a_bound_of_it() -> None:
    with registry.isolated():

        @registry.layers.register("mine")
        class Mine(Layer):
            """Does <nothing>. And more."""

            def forward(self, x: Any, training: bool = False) -> Any:
                return x

        assert ["mine", "this program", "Does <nothing>"] in parsed(registry.layers).cells
        for index in range(300):
            registry.layers.register(f"mine{index}")(copy.copy(Mine))
        assert "and the rest of" in parsed(registry.layers).text


@pytest.mark.parametrize(
    "many",
    [
        Batch(np.zeros((20, 30)), np.zeros(20, int)),
        DataSplits(Batch(np.zeros((20, 30)), np.zeros(20)), columns=tuple(map(str, range(10**5)))),
        Rows(np.zeros((20, 30)), None, range(20)),
        Schema("class", classes=tuple(range(10**5))),
        registry.lr_policies.build("multistep", 0.1, list(range(1, 10**4))),
        Network(LAYERS).parameters(),
        Network(LAYERS).parameters()["fc1.weight"],
        Network([("fc", 3, 3)] * 500).parameters(),
        Network([("chain", [("fc", 3, 3)] * 500)]).layers[0],
    ],
    ids=lambda one: type(one).__name__,
)
def test_nothing_prints_a_wall_of_numbers(many: object) -> None:
    assert len(repr(many)) < 2500
    assert "0., 0." not in repr(many)
    assert "\n" not in repr(many)


def test_a_short_repr_is_whole() -> None:
    assert repr(Batch(np.zeros((2, 3), np.float32), np.array([0, 1]))) == (
        "Batch(x=<ndarray (2, 3) float32>, y=<ndarray (2,) int64>, weights=None)"
    )
    assert repr(Network([("fc", 2, 3)]).parameters()) == (
        "Parameters(fc1.weight (2, 3), fc1.bias (3,))"
    )
    assert repr(registry.lr_policies.build("multistep", 0.5, [3, 7], 0.1)) == (
        "MultiStep(rate=0.5, steps=(3, 7), gamma=0.1)"
    )


def test_errors_quote_no_wall_of_numbers() -> None:
    wall = np.zeros((40, 20)).tolist()
    for make in (
        lambda: Trainer(Network(LAYERS), class_weight=wall),  # type: ignore[arg-type]
        lambda: Network(LAYERS, parameters=wall),  # type: ignore[arg-type]
        lambda: Network([wall]),
        lambda: setattr(Network(LAYERS).parameters()["fc1.bias"], "lr_mult", wall),
    ):
        with pytest.raises(ArgumentError) as caught:
            make()
        assert len(str(caught.value)) < 500


def test_the_parser_would_see_an_open_element() -> None:
    with pytest.raises(AssertionError):
        Parsed("<div><p></div>")
