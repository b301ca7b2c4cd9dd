"""The same data in any form that people hold them in give the same bits and the same answers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from tests import hugging_face
from tests.trained import saved_bits

from plugnet import Model, Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import DataError, ShapeError

RNG = np.random.default_rng(0)
X: Array = np.round(RNG.normal(size=(60, 3)), 3)
NAMES = ("length", "width", "legs")
KINDS: Array = np.array(["cow", "ant", "bee"])[X.argmax(axis=1)]
COLUMNS: dict[str, Any] = {name: X[:, i].tolist() for i, name in enumerate(NAMES)}

Form = tuple[Any, Any]


def array() -> Form:
    return X, KINDS


def lists() -> Form:
    return X.tolist(), KINDS.tolist()


def mapping() -> Form:
    return COLUMNS, {"kind": KINDS}


def structured() -> Form:
    frame = np.array([tuple(row) for row in X], [(name, float) for name in NAMES])
    return frame, KINDS.astype(object)


def pandas() -> Form:
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(COLUMNS), pd.Series(KINDS, name="kind")


def pandas_nullable() -> Form:
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(COLUMNS).astype("Float64"), pd.Series(KINDS, dtype="string")


def pandas_arrow() -> Form:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(COLUMNS).astype("double[pyarrow]")
    return frame, pd.Series(KINDS, dtype="string[pyarrow]").astype("category")


def polars() -> Form:
    pl = pytest.importorskip("polars")
    return pl.DataFrame(COLUMNS), pl.Series("kind", KINDS, dtype=pl.Categorical)


def polars_enum() -> Form:
    pl = pytest.importorskip("polars")
    return pl.DataFrame(COLUMNS), pl.Series("kind", KINDS, dtype=pl.Enum(["ant", "bee", "cow"]))


def pyarrow() -> Form:
    pa = pytest.importorskip("pyarrow")
    return pa.table(COLUMNS), pa.chunked_array([KINDS[:20], KINDS[20:]])


def record_batch() -> Form:
    pa = pytest.importorskip("pyarrow")
    return pa.record_batch(COLUMNS), pa.array(KINDS).dictionary_encode()


class Stream:
    """Something that gives its values only as an Arrow stream."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._given.__arrow_c_stream__(requested_schema)


def arrow_stream() -> Form:
    x, y = pyarrow()
    return Stream(x), Stream(y)


def like_hugging_face() -> Form:
    dataset = hugging_face.Dataset({**COLUMNS, "kind": KINDS.tolist()})
    inputs = hugging_face.Dataset(COLUMNS)
    return inputs, dataset["kind"]


def datasets() -> Form:
    found = pytest.importorskip("datasets")
    dataset = found.Dataset.from_dict({**COLUMNS, "kind": KINDS.tolist()})
    return dataset.remove_columns("kind"), dataset["kind"]


def sparse() -> Form:
    return sp.csc_array(X), KINDS


FORMS: Sequence[Callable[[], Form]] = [
    array, lists, mapping, structured, pandas, pandas_nullable, pandas_arrow, polars, polars_enum,
    pyarrow, record_batch, arrow_stream, like_hugging_face, datasets, sparse,
]  # fmt: skip


def trained(x: Any, y: Any, **options: Any) -> Trainer:
    run = Trainer(Network(["standardize", ("fc", 3, 5), "tanh", ("fc", 5, 3)]), batch_size=16)
    run.fit(x, y, 40, **options)
    return run


def answers(model: Model, x: Any) -> tuple[Any, ...]:
    return model.predict(x).tolist(), model.predict_proba(x).tolist()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_weights_and_predictions_have_the_bits_of_those_from_arrays(
    form: Callable[[], Form],
) -> None:
    options: dict[str, Any] = {"validation": 0.2, "evaluate_every": 10}
    x, y = form()
    expected = trained(X, KINDS, **options, test=(X, KINDS))
    run = trained(x, y, **options, test=(x, y))
    assert saved_bits(run) == saved_bits(expected)
    assert run.model.classes == ("ant", "bee", "cow")
    assert answers(run.model, x) == answers(expected.model, X)
    assert answers(run.model, X) == answers(expected.model, x)  # by position
    assert run.evaluate(x, y) == expected.evaluate(X, KINDS)
    assert run.model.evaluate(x, y) == expected.model.evaluate(X, KINDS)


@pytest.mark.parametrize("validation", [None, 0.2])
@pytest.mark.parametrize("ignore_label", [None, "emu"])
def test_categories_are_the_classes_in_their_order(
    validation: float | None, ignore_label: str | None
) -> None:
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    order = ["emu", "cow", "dog", "ant", "bee"]
    expected = tuple(label for label in order if label != ignore_label)
    for y in (
        pd.Series(pd.Categorical(KINDS, order)),
        pd.DataFrame({"kind": pd.Categorical(KINDS, order)}),
        pd.Categorical(KINDS, order),
        pl.Series(KINDS, dtype=pl.Enum(order)),
        pl.DataFrame({"kind": pl.Series(KINDS, dtype=pl.Enum(order))}),
    ):
        network = Network([("fc", 3, len(expected))])
        run = Trainer(network, batch_size=16, ignore_label=ignore_label)
        if ignore_label is None:
            run.fit(X, y, 10, validation=validation)
        else:
            with pytest.warns(match="No label is 'emu'"):
                run.fit(X, y, 10, validation=validation)
        assert run.model.classes == expected
        assert set(run.model.predict(X)) <= set(expected)


def test_whole_numbers_and_booleans_are_categories_too() -> None:
    pd = pytest.importorskip("pandas")
    for order in ([7, 1, 4], [True, False]):
        y = pd.Categorical(np.resize(order, 60), categories=order)
        run = Trainer(Network([("fc", 3, len(order))]), batch_size=16)
        run.fit(X, y, 10, validation=0.2)
        assert run.model.classes == tuple(order)
    halves = pd.Series(X[:, 0]).round().astype("category")  # of floats, which name no class
    run = Trainer(Network([("fc", 3, 1)]), batch_size=16, loss="least_square_error")
    run.fit(X, halves, 10)
    assert run.model.classes == ()


def missing_labels() -> list[Any]:
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    names = [*KINDS[:59].tolist(), None]
    ids = [*np.arange(59) % 3, None]
    numbers = [None if i is None else int(i) for i in ids]
    return [
        names, ids,
        pd.Series(names), pd.Series(names, dtype="string"), pd.Series(names, dtype="object"),
        pd.Series(names, dtype="category"), pd.Series(names, dtype="string[pyarrow]"),
        pd.Series(ids), pd.Series(ids, dtype="Int64"), pd.Series(ids, dtype="int64[pyarrow]"),
        pd.Series(numbers, dtype="category"),
        pl.Series(names), pl.Series(names, dtype=pl.Categorical),
        pl.Series(names, dtype=pl.Enum(["ant", "bee", "cow"])), pl.Series(numbers),
        pa.array(names), pa.array(names).dictionary_encode(), pa.array(numbers),
        hugging_face.Column(names), hugging_face.Column(ids),
    ]  # fmt: skip


@pytest.mark.parametrize("validation", [None, 0.2])
def test_a_missing_label_is_refused_by_its_row(validation: float | None) -> None:
    for y in missing_labels():
        with pytest.raises(DataError, match="Every sample needs a label, but row 59 has") as caught:
            trained(X, y, validation=validation)
        assert caught.value.row == 59


def test_a_source_learns_from_blocks_by_the_names_of_columns() -> None:
    frames = [dict(list(COLUMNS.items())[::step]) for step in (1, -1)]

    class Source:
        def __init__(self, *blocks: Any) -> None:
            self._blocks = blocks
            self._batches = iter([(frames[0], KINDS)] * 5)

        def __next__(self) -> Any:
            return next(self._batches)

        def blocks(self) -> Any:
            return iter(self._blocks)

    found = []
    for blocks in ((frames[0], frames[0]), (frames[1], frames[0]), (frames[1], frames[1])):
        run = Trainer(Network(["standardize", ("fc", 3, 3)]))
        run.fit(Source(*blocks), iterations=5)
        found.append(saved_bits(run))
    assert found[0] == found[1] == found[2]


def test_a_model_of_plain_arrays_takes_a_frame_by_position_if_it_has_as_many_columns() -> None:
    model = trained(X, KINDS).model
    assert model.predict(COLUMNS).tolist() == model.predict(X).tolist()
    with pytest.raises(ShapeError, match=r"samples of shape \(3,\)"):
        model.predict({**COLUMNS, "more": X[:, 0]})
