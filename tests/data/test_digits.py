"""The embedded digits: what the reader gives, and that the script makes this very file."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from tests.splits import as_four, held_out

from plugnet_builtin.datasets.digits import FILE, Digits

SCRIPT = Path(__file__).parents[2] / "plugins/builtin/make_digits.py"


def test_shapes_scale_and_classes() -> None:
    samples = Digits().load()
    assert samples.train.x.shape == (1497, 8, 8, 1)
    assert held_out(samples).x.shape == (300, 8, 8, 1)
    assert samples.train.x.dtype == held_out(samples).x.dtype == np.float32
    assert samples.train.y.dtype == held_out(samples).y.dtype == np.int64
    assert samples.train.x.flags.c_contiguous
    assert (samples.train.x.min(), samples.train.x.max()) == (0, 1)
    assert np.bincount(held_out(samples).y).tolist() == [30] * 10
    assert np.bincount(samples.train.y).min() > 100
    assert samples.classes == tuple(range(10))


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("train_data", "17e72826f1537bc6817e3e24f97142aa2303e62a2c619adc89fb8dbd5a4f1bb7"),
        ("train_label", "2851ab41eb043d7bc9de7134b56c8eaee3398c3d92d9fe74a3a75a40e196257d"),
        ("test_data", "d4722c4d9082b5c814f283d238717701c683b84e4d3ecfca2c4dde13de8562c0"),
        ("test_label", "a9a9b10b3ac0e441a8b35d1e399925458148eef9e3228d47642a808a64929ff5"),
    ],
)
def test_samples_their_order_and_the_split_stay_as_they_are(name: str, digest: str) -> None:
    array = as_four(Digits().load())[name]
    little_endian = array.astype(array.dtype.newbyteorder("<"))
    assert hashlib.sha256(little_endian.tobytes()).hexdigest() == digest


def test_no_scan_is_in_both_parts() -> None:
    samples = Digits().load()
    train = {image.tobytes() for image in samples.train.x}
    assert not any(image.tobytes() in train for image in held_out(samples).x)


def test_all_scans_are_those_of_scikit_learn() -> None:
    data, label = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    rows = np.column_stack([data, label])
    found = np.load(FILE)
    assert sorted(found.tolist()) == sorted(rows.tolist())


def test_the_file_is_what_the_script_makes() -> None:
    pytest.importorskip("sklearn")
    specification = importlib.util.spec_from_file_location("make_digits", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    np.testing.assert_array_equal(np.load(FILE), script.digits(), strict=True)


def test_source_and_licence_are_named_beside_the_file() -> None:
    text = FILE.with_suffix(".md").read_text(encoding="utf-8")
    for statement in ("Alpaydin", "10.24432/C50P49", "CC BY 4.0", "creativecommons.org", "Changes"):
        assert statement in text
