"""Training on frames: columns, rows and classes are what their names say, in every call of fit."""

from typing import Any

import numpy as np
import pytest
from tests.trained import weights_of

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError, DataWarning

RNG = np.random.default_rng(1)
COLUMNS = {"length": RNG.normal(size=40), "width": RNG.normal(size=40)}
REORDERED = dict(reversed(COLUMNS.items()))
NAMES: Array = np.where(COLUMNS["length"] > 0, "cow", "ant")


def trainer(outputs: int = 2, **settings: Any) -> Trainer:
    return Trainer(Network([("fc", 2, outputs)]), batch_size=20, **settings)


@pytest.mark.parametrize("validation", [None, 0.25, (REORDERED, NAMES)], ids=str)
def test_later_fits_find_columns_by_name(validation: Any) -> None:
    found = []
    for again in (COLUMNS, REORDERED, {**REORDERED, "kind": NAMES}):
        one = trainer()
        one.fit(COLUMNS, {"kind": NAMES}, 20)
        one.fit(again, {"kind": NAMES}, 20, validation=validation)
        found.append(weights_of(one))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_a_source_finds_columns_by_name() -> None:
    found = []
    for second, validation in ((COLUMNS, None), (REORDERED, None), (REORDERED, (COLUMNS, NAMES))):
        one = trainer()
        source = iter([(COLUMNS, NAMES), (second, NAMES)])
        one.fit(source, iterations=2, validation=validation)
        found.append(weights_of(one))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_later_fits_find_targets_by_name() -> None:
    u, v = COLUMNS["length"], 2 * COLUMNS["width"]
    found = []
    for again in ({"u": u, "v": v}, {"v": v, "u": u}):
        one = trainer(loss="least_square_error")
        one.fit(COLUMNS, {"u": u, "v": v}, 20)
        one.fit(COLUMNS, again, 20, validation=0.25)
        found.append(weights_of(one))
    np.testing.assert_array_equal(found[0], found[1])


def test_classes_are_fixed_by_the_first_fit() -> None:
    one = trainer()
    one.fit(COLUMNS, NAMES, 5)
    one.fit(COLUMNS, NAMES, 5, classes=["ant", "cow"])
    with pytest.raises(ArgumentError, match="fixed by the first fit, 'ant', 'cow', but now they"):
        one.fit(COLUMNS, NAMES, 5, classes=["cow", "ant"])
    assert one.iteration == 10


def test_the_name_of_a_series_is_that_of_the_target() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({**COLUMNS, "kind": NAMES})
    one = trainer()
    one.fit(frame[["length", "width"]], frame["kind"], 20)
    assert one.schema is not None
    assert one.schema.targets == ("kind",)
    assert (one.model.predict(frame) == one.model.predict(COLUMNS)).all()
    assert one.model.evaluate(frame, frame) == one.model.evaluate(COLUMNS, NAMES)


def test_the_inputs_do_not_hold_the_labels() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"length": COLUMNS["length"], "kind": (NAMES == "cow") * 1})
    for y in (frame["kind"], frame[["kind"]]):
        with pytest.raises(DataError, match="have the column 'kind', too"):
            trainer().fit(frame, y, 5)


def test_rows_are_in_one_order() -> None:
    pd = pytest.importorskip("pandas")
    x, y = pd.DataFrame(COLUMNS), pd.Series(NAMES)
    shuffled = y.sample(frac=1, random_state=0)
    one = trainer()
    for validation in (None, 0.25):
        with pytest.raises(DataError, match=r"y\.loc\[x\.index\]"):
            one.fit(x, shuffled, 5, validation=validation)
        with pytest.raises(DataError, match=r"weights\.loc\[x\.index\]"):
            one.fit(x, y, 5, weights=(shuffled == "cow") + 1.0, validation=validation)
    one.fit(x, shuffled.loc[x.index], 5, validation=0.25)
    with pytest.raises(DataError, match="rows in different orders"):
        one.evaluate(x, shuffled)
    with pytest.raises(DataError, match="rows in different orders"):
        one.model.evaluate(x, shuffled)
    other_rows = y.set_axis(range(100, 140))
    assert one.evaluate(x, other_rows) == one.evaluate(x, NAMES)


@pytest.mark.parametrize("label", [True, "1"])
def test_a_label_of_another_type_is_neither_ignored_nor_weighed(label: Any) -> None:
    ids = (NAMES == "cow") * 1
    with pytest.raises(DataError, match="needs one label of its type"):
        trainer(ignore_label=label).fit(COLUMNS, ids, 5)
    with pytest.raises(ArgumentError, match=f"it names {label!r}"):
        trainer(class_weight={label: 2.0}).fit(COLUMNS, ids, 5)


def test_the_only_class_is_warned_of_by_name() -> None:
    with pytest.warns(DataWarning, match="are of class cow"):
        trainer().fit(COLUMNS, ["cow"] * 40, 5, classes=["ant", "cow"])
