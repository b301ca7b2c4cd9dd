"""What a training step computes in a layer."""

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Layer


def step(layer: Layer, x: Array, dy: Array) -> dict[str, Array]:
    """Return copies of y, dx and the gradients of a training step."""
    y = layer.forward(x, training=True).copy()
    layer.gradients(dy)
    given = {name: parameter.grad.copy() for name, parameter in layer.parameters().items()}
    return given | {"y": y, "dx": layer.backward(dy).copy()}


def assert_equal_steps(
    found: dict[str, Array], expected: dict[str, Array], rtol: float = 1e-11
) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=rtol, atol=rtol, err_msg=name)
