"""The embedded digits: what the reader gives, and that the script makes this very file."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from plugnet_builtin.datasets import digits
from plugnet_builtin.datasets.digits import Digits
from plugnet_builtin.datasets.matlab_v5 import read_mat

SCRIPT = Path(__file__).parents[2] / "plugins/builtin/make_digits.py"


def test_shapes_scale_and_classes() -> None:
    samples = Digits().load()
    assert samples.train_data.shape == (1497, 8, 8, 1)
    assert samples.test_data.shape == (300, 8, 8, 1)
    assert samples.train_data.dtype == samples.test_data.dtype == np.float32
    assert samples.train_data.flags.c_contiguous
    assert (samples.train_data.min(), samples.train_data.max()) == (0, 1)
    assert np.bincount(samples.test_label).tolist() == [30] * 10
    assert np.bincount(samples.train_label).min() > 100
    assert samples.classes == tuple("0123456789")


def test_no_scan_is_in_both_parts() -> None:
    samples = Digits().load()
    train = {image.tobytes() for image in samples.train_data}
    assert not any(image.tobytes() in train for image in samples.test_data)


def test_the_file_is_what_the_script_makes() -> None:
    pytest.importorskip("sklearn")
    specification = importlib.util.spec_from_file_location("make_digits", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    expected = script.digits()
    found = read_mat(str(digits._FILE), expected)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_source_and_licence_lie_beside_the_file() -> None:
    text = digits._FILE.with_suffix(".md").read_text(encoding="utf-8")
    for statement in ("Alpaydin", "10.24432/C50P49", "CC BY 4.0", "creativecommons.org", "Changes"):
        assert statement in text
