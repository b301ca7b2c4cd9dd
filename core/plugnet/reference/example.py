"""The example of a component: the docstring's, the package's, or one made from ``examples()``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plugnet.reference.component import Component, keywords, python
from plugnet.reference.documentation import Code, blocks
from plugnet.reference.loss_targets import first_taken
from plugnet.reference.transcript import checked, run
from plugnet.registry.kinds import KINDS
from plugnet.testing.cases import working_cases
from plugnet.testing.layer_harness import LayerHarness
from plugnet.testing.target import Example

START = """import numpy as np
from plugnet import registry
{it} = registry.{view}.build("{name}"{given})
"""
#: For each kind, what is done with the component.
USES: Mapping[str, str] = {
    "activation": """x = np.array({x})
y = activation.forward(x)
y.round(3).tolist()
activation.derivative(x, y).round(3).tolist()""",
    "layer": """layer.initialize({shape}, np.random.default_rng(0), np.dtype("float32"))
x = {x}
layer.forward(x).shape{parameters}""",
    "loss": """outputs, targets = np.array({outputs}), np.array({targets})
round(loss.forward(outputs, targets, training=True), 4)
loss.backward().round(4).tolist()""",
    "initializer": """rng = np.random.default_rng(0)
weight = initializer((400, 300), rng, np.dtype("float32"))
weight.shape, round(float(weight.std()), 3)""",
    "lr_policy": "[round(policy(iteration), 6) for iteration in (0, 1, 10, 100, 1000)]",
    "optimizer": """value, grad = np.array([1.0, -2.0]), np.array([0.5, -0.25])
arrays = [np.zeros(2) for _ in range(len(optimizer.slots) + optimizer.scratches)]
for t in (1, 2, 3):
    optimizer.step(value, grad, 0.1, 1.0, t, *arrays)
value.round(4).tolist()""",
    "regularizer": """value, grad = np.array([3.0, -1.0]), np.zeros(2)
round(regularizer.penalty(value), 4)
regularizer.add_gradient(value, grad, 1.0, np.empty(2))
grad.round(4).tolist()""",
    "metric": """metric.reset()
metric.update(np.array({scores}), np.array({targets}))
round(metric.compute(), 4)""",
    "dataset": """splits = dataset.load()
splits.train.x.shape, splits.train.y.shape""",
}
HOOK = """from plugnet import Network, Trainer, registry
digits = registry.datasets.build("digits").load()
trainer = Trainer(Network([("fc", 64, 10)]), hooks=[{it}])
history = trainer.fit(digits, iterations=20, validation=0.1, evaluate_every=10)
len(history.loss)"""
PARAMETERS = """
{name: parameter.value.shape for name, parameter in layer.parameters().items()}"""


def example(component: Component) -> str | None:
    """Return an example as at a prompt, which has just been run; None if none can be made.

    Raises:
        ConfigError: it fails, or prints something else than it says.
    """
    parts = blocks(component.cls.__doc__)
    written = [part.text for part in parts if isinstance(part, Code) and part.is_example]
    subject = str(component.entry)
    if written:
        return checked("\n\n".join(written), subject, component.cls.__module__)
    source = component.proof.example or _made(component)
    return None if source is None else run(source, subject)


def _made(component: Component) -> str | None:
    """Return a program that uses a component as its kind is used; None if nothing can be built."""
    given, kind = component.example, component.entry.kind
    if given is None:
        return None
    if kind == "hook":
        return HOOK.format(it=component.in_python)
    values = _values(component, given)
    if values is None:
        return None
    it = "policy" if kind == "lr_policy" else kind
    view, arguments = KINDS[kind].view, keywords(given.arguments)
    start = START.format(it=it, view=view, name=component.name, given=arguments)
    use = USES[kind].format(**values)
    return (start if "np." in use else start.removeprefix("import numpy as np\n")) + use


def _values(component: Component, given: Example) -> dict[str, str] | None:
    """Return what the program of a kind leaves open; None if nothing fits the component."""
    match component.entry.kind:
        case "activation":
            return _inputs(given)
        case "layer":
            return _shape(component, given)
        case "loss":
            return _targets(component.target.build(given))
        case "metric":
            return _answers(component.target.build(given))
    return {}


def _inputs(given: Example) -> dict[str, str]:
    if given.inputs is None:
        return {"x": "[-2.0, -0.5, 0.0, 0.5, 2.0]"}
    return {"x": python(np.unique(given.inputs).round(3).astype(float).tolist()[:5])}


def _shape(component: Component, given: Example) -> dict[str, str] | None:
    """Return the shape of a sample with which the layer works, and two samples."""
    cases = [case for case in working_cases(component.target) if case.example is given]
    if not cases:
        return None
    shape = cases[0].shape
    x = f'np.random.default_rng(1).normal(size={(2, *shape)}).astype("float32")'
    if given.inputs is not None:
        x = f'np.array({python(given.inputs[:2].tolist())}, dtype="float32")'
    has_any = bool(LayerHarness(component.target, cases[0]).layer.parameters())
    return {"shape": repr(shape), "x": x, "parameters": PARAMETERS if has_any else ""}


def _targets(loss: Any) -> dict[str, str] | None:
    """Return outputs, and targets that the loss takes for them."""
    found = first_taken(
        loss,
        binary=([[2.0], [-1.0]], [1, 1]),
        classes=([[2.0, -1.0, 0.5], [0.0, 1.0, 0.0]], [0, 2]),
        real=([[1.0], [3.0]], [[0.0], [3.5]]),
    )
    return None if found is None else {"outputs": repr(found[0]), "targets": repr(found[1])}


def _answers(metric: Any) -> dict[str, str]:
    if metric.kind == "real":
        return {"scores": "[[1.0], [2.0], [4.0]]", "targets": "[[1.0], [2.5], [3.0]]"}
    scores = "[[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]]"
    return {"scores": scores, "targets": "[0, 1, 0, 0]"}
