"""Pictures of components."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from tests import swirl
from tests.aliases import Fake

from plugnet.reference.component import Component
from plugnet.reference.plots import _horizon, _seen, picture
from plugnet.registry import Entry, registry

DRAWN = ("activation", "lr_policy", "initializer", "loss")
WINDOWS = {"conv2d", "conv2d_transpose", "max_pool", "average_pool"}


@pytest.mark.parametrize("entry", registry.entries(), ids=str)
def test_what_is_drawn_is_well_formed(entry: Entry) -> None:
    drawn = picture(Component(entry))
    assert (drawn is not None) == (entry.kind in DRAWN or entry.name in WINDOWS)
    if drawn is not None:
        root = ET.fromstring(drawn.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.attrib["aria-label"] == drawn.description
        assert "font-family: var(--font-stack, sans-serif)" in root.attrib["style"]
        assert len(drawn.svg) < 100_000


def test_a_strangers_activation_is_drawn(install: Fake) -> None:
    drawn = picture(swirl.installed(install))
    assert drawn is not None
    assert drawn.description == "swirl and its derivative, from -4 to 4."


def test_what_fails_is_not_drawn(install: Fake) -> None:
    code = swirl.CODE.replace("slope = ", "slope = 1 / 0 * ")
    assert picture(swirl.installed(install, code=code)) is None


def test_what_a_convolution_sees_follows_its_formula() -> None:
    """y[p] is made of x[p s + i d - padding] for i below the kernel's size."""
    layer = registry.layers.build("conv2d", 1, (3, 2), stride=(2, 1), padding=(1, 0), dilation=2)
    seen = _seen(layer)
    assert seen is not None
    for p, q in np.ndindex(*seen.shape[2:]):
        rows = {p * 2 + i * 2 - 1 for i in range(3)} & {*range(7)}
        columns = {q + j * 2 for j in range(2)}
        found = {(int(row), int(column)) for row, column in np.argwhere(seen[:, :, p, q])}
        assert found == {(row, column) for row in rows for column in columns}


@pytest.mark.parametrize(
    ("policy", "arguments", "last"),
    [
        (lambda i: 0.1, {}, 10_000),
        (lambda i: 0.1 if i < 100 else 0.01, {"step": 100}, 125),
        (lambda i: abs(i % 1000 - 500), {"half": 500}, 2500),
    ],
)
def test_rates_are_drawn_until_they_settle(policy: object, arguments: object, last: int) -> None:
    assert callable(policy)
    assert isinstance(arguments, dict)
    assert _horizon(policy, arguments) == pytest.approx(last, rel=0.06)
