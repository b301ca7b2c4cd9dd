"""A trained model answers in its user's words, or says what does not fit."""

import copy
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Model, Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import (
    ArgumentError,
    CallOrderError,
    DataError,
    FileFormatError,
    PlugnetError,
    ShapeError,
    SpecError,
)
from plugnet.files import documents
from plugnet.interfaces import Batch, DataSplits, Metric
from plugnet.schema import Schema

RNG = np.random.default_rng(0)
COLUMNS = {"length": RNG.normal(size=60), "width": RNG.normal(size=60)}
X: Array = np.column_stack([COLUMNS["length"], COLUMNS["width"]])
IDS: Array = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
NAMES: Array = np.array(["ant", "bee", "cow"])[IDS]
REAL: Array = X[:, 0] - 2 * X[:, 1] + 3


def trained(y: Any, outputs: int, x: Any = X, classes: Any = None, **settings: Any) -> Model:
    trainer = Trainer(Network([("fc", 2, outputs)]), batch_size=60, **settings)
    trainer.fit(x, y, 300, classes=classes)
    return trainer.model


@pytest.fixture(scope="module")
def model() -> Model:
    """A model that was trained on named columns and named classes."""
    return trained(NAMES, 3, COLUMNS, metrics=["accuracy", "f1"])


def reordered() -> dict[str, Array]:
    return dict(reversed(COLUMNS.items()))


# Answers -----------------------------------------------------------------------------------------


def test_classes_are_predicted_by_name(model: Model) -> None:
    answers = model.predict(COLUMNS)
    scores = X @ model.network.state()["fc1.weight"] + model.network.state()["fc1.bias"]
    assert answers.tolist() == [("ant", "bee", "cow")[i] for i in scores.argmax(axis=1)]
    assert np.mean(answers == NAMES) > 0.7
    assert model.classes == ("ant", "bee", "cow")


def test_probabilities_are_in_the_order_of_the_classes(model: Model) -> None:
    p = model.predict_proba(COLUMNS)
    scores = X @ model.network.state()["fc1.weight"] + model.network.state()["fc1.bias"]
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, expected, rtol=1e-4)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert [model.classes[i] for i in p.argmax(axis=1)] == model.predict(COLUMNS).tolist()


def test_answers_follow_the_rows(model: Model) -> None:
    order = RNG.permutation(60)
    shuffled = {name: column[order] for name, column in COLUMNS.items()}
    assert (model.predict(shuffled) == model.predict(COLUMNS)[order]).all()
    one = {name: column[7:8] for name, column in COLUMNS.items()}
    assert model.predict(one).tolist() == [model.predict(COLUMNS)[7]]


def test_columns_are_found_by_name(model: Model) -> None:
    expected = model.predict_proba(COLUMNS)
    rows = zip(COLUMNS["width"], COLUMNS["length"], strict=True)
    structured = np.array([*rows], [("width", float), ("length", float)])
    for frame in (reordered(), structured, X, X.tolist()):
        np.testing.assert_array_equal(model.predict_proba(frame), expected)


def test_columns_of_frames_are_found_by_name(model: Model) -> None:
    expected = model.predict_proba(COLUMNS)
    for package, make in (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")):
        frame = getattr(pytest.importorskip(package), make)(reordered())
        np.testing.assert_array_equal(model.predict_proba(frame), expected)


def test_wrong_columns_are_named(model: Model) -> None:
    with pytest.raises(DataError, match="lacks 'width' and has also 'height', 'depth'"):
        model.predict({"length": X[:, 0], "height": X[:, 0], "depth": X[:, 1]})
    with pytest.raises(ShapeError, match=r"shape \(N, 2\), but it got one of shape \(60, 3\)"):
        model.predict(np.column_stack([X, X[:, :1]]))


def test_known_other_columns_may_come() -> None:
    splits = DataSplits(
        Batch(X, NAMES), None, ("ant", "bee", "cow"), ("length", "width"), ("kind",), ("id",)
    )
    trainer = Trainer(Network([("fc", 2, 3)]), batch_size=60)
    trainer.fit(splits, iterations=5)
    frame = {"id": range(60), "kind": NAMES, **reordered()}
    assert (trainer.model.predict(frame) == trainer.model.predict(X)).all()
    assert trainer.model.evaluate(frame, frame) == trainer.model.evaluate(X, NAMES)
    with pytest.raises(DataError, match="has also 'key'"):
        trainer.model.predict({"key": range(60), **frame})


def test_a_missing_cell_is_named(model: Model) -> None:
    frame = reordered() | {"width": np.where(np.arange(60) == 4, np.nan, X[:, 1])}
    with pytest.raises(DataError, match="Row 4, column 'width'") as raised:
        model.predict(frame)
    assert raised.value.row == 4


def test_a_missing_cell_is_filled_as_in_training() -> None:
    trainer = Trainer(Network([("standardize", {"missing": "mean"}), ("fc", 2, 3)]), batch_size=60)
    trainer.fit(COLUMNS, NAMES, 100)
    gap = {"width": [np.nan, 1.0], "length": [0.5, None]}
    filled = {"width": [X[:, 1].mean(), 1.0], "length": [0.5, X[:, 0].mean()]}
    found = trainer.model.predict_proba(gap)
    np.testing.assert_allclose(found, trainer.model.predict_proba(filled), rtol=1e-5)


@pytest.mark.parametrize("x", [None, "iris.csv", {}, [], [[]], [1.0, 2.0], 3, {"length": []}])
def test_what_holds_no_samples_is_refused(model: Model, x: Any) -> None:
    with pytest.raises(PlugnetError):
        model.predict(x)


@pytest.mark.parametrize("kind", ["names", "real"])
def test_no_answer_is_given_where_the_network_gives_no_number(kind: str) -> None:
    model = MODELS[kind]()
    model.network.parameters()["fc1.weight"].value[0, 0] = np.inf  # 0 times it is not a number
    with pytest.raises(DataError, match="gives no answer for row") as raised:
        model.predict([[1e-30, 0.0], [0.0, 0.0]] if kind == "names" else [[0.0, 1.0]] * 2)
    assert raised.value.row == int(kind == "names")


def test_classes_that_are_numbers_keep_their_numbers() -> None:
    model = trained(np.array([10, 20, 50])[IDS], 3, classes=[10, 20, 50])
    assert set(model.predict(X).tolist()) == {10, 20, 50}
    assert model.predict(X).dtype == np.int64
    expected = trained(IDS, 3)
    np.testing.assert_array_equal(model.predict(X), np.array([10, 20, 50])[expected.predict(X)])
    assert model.evaluate(X, np.array([10.0, 20.0, 50.0])[IDS])["accuracy"] > 0.7
    for y in (IDS, IDS > 0, np.array(["10", "20", "50"])[IDS]):
        with pytest.raises(DataError, match="10, 20, 50, but"):
            model.evaluate(X, y)
    with pytest.raises(ShapeError):
        model.evaluate(X, IDS + 0.5)


def test_classes_may_come_in_any_order() -> None:
    forward, backward = trained(IDS, 3), trained(IDS, 3, classes=[2, 1, 0])
    assert backward.classes == (2, 1, 0)
    for y in (IDS, IDS[:, np.newaxis], IDS.astype(float)):
        found = backward.evaluate(X, y)["accuracy"]
        assert found == np.mean(backward.predict(X) == IDS) > 0.7
    assert np.mean(forward.predict(X) == backward.predict(X)) > 0.9


def test_booleans_are_answered_with_booleans() -> None:
    model = trained(IDS > 0, 2)
    assert model.predict(X).dtype == bool
    assert np.mean(model.predict(X) == (IDS > 0)) > 0.8


@pytest.mark.parametrize("y", [IDS > 0, (IDS > 0) * 1, np.where(IDS > 0, "yes", "no")])
def test_a_single_output_answers_both_classes(y: Array) -> None:
    model = trained(y, 1, loss="sigmoid_cross_entropy")
    scores = model.network.predict(X)[:, 0]
    assert set(model.predict(X).tolist()) == set(model.classes) == set(y.tolist())
    np.testing.assert_array_equal(model.predict(X) == model.classes[1], scores > 0)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-scores)), atol=1e-6)
    np.testing.assert_allclose(p[:, 0], 1 - p[:, 1], atol=1e-6)
    assert model.evaluate(X, y)["accuracy"] == np.mean(model.predict(X) == y)


def test_a_single_output_may_answer_minus_1_and_1() -> None:
    y = np.where(IDS > 0, 1, -1)
    model = trained(y, 1, loss="hinge", classes=[-1, 1])
    assert np.mean(model.predict(X) == y) > 0.8
    with pytest.raises(DataError, match=r"classes=\[-1, 1\]"):
        trained(y, 1, loss="hinge")


@pytest.mark.parametrize("loss", ["hinge", "least_square_error"])
def test_not_every_loss_gives_probabilities(loss: str) -> None:
    model = trained(NAMES, 3, loss=loss)
    assert set(model.predict(X)) <= {*NAMES}
    with pytest.raises(CallOrderError, match=f"this model's loss is '{loss}'"):
        model.predict_proba(X)


def test_real_values_are_one_per_sample_or_rows() -> None:
    settings = {"loss": "least_square_error", "policy": ("fixed", 0.1), "regularizer": None}
    one = trained(REAL, 1, **settings)
    np.testing.assert_allclose(one.predict(X), REAL, atol=0.01)
    np.testing.assert_allclose(
        trained(REAL[:, np.newaxis], 1, **settings).predict(X), one.predict(X)
    )
    two = trained(np.column_stack([REAL, -REAL]), 2, **settings)
    np.testing.assert_allclose(two.predict(X), np.column_stack([REAL, -REAL]), atol=0.02)
    with pytest.raises(CallOrderError, match="answers are real values"):
        one.predict_proba(X)


def test_values_are_answered_up_to_the_largest_float() -> None:
    network = Network([("fc", 2, 2, {"initializer": ("constant", 2e38)})])
    model = Model(network, "least_square_error", Schema("real"))
    np.testing.assert_array_equal(model.predict([[1.0, 0.0]]), np.full((1, 2), np.float32(2e38)))


def test_scaled_targets_are_answered_in_their_units() -> None:
    y = 1e5 * REAL + 3e5
    model = trained(y, 1, loss="least_square_error", scale_targets=True)
    found = model.predict(X)
    rmse = np.sqrt(np.mean((found - y) ** 2))
    assert rmse < 0.1 * y.std()
    evaluation = model.evaluate(X, y)
    assert evaluation["rmse"] == pytest.approx(rmse, rel=1e-4)
    assert evaluation["r2"] == pytest.approx(1 - rmse**2 / y.var(), abs=1e-5)


def test_targets_of_a_frame_are_found_by_name() -> None:
    y = {"u": REAL, "v": -REAL}
    model = trained(y, 2, COLUMNS, loss="least_square_error")
    assert model.schema.targets == ("u", "v")
    assert model.evaluate(COLUMNS, {"v": -REAL, "u": REAL}) == model.evaluate(COLUMNS, y)
    with pytest.raises(DataError, match="lacks 'u' and has also 'w'"):
        model.evaluate(COLUMNS, {"v": -REAL, "w": REAL})


def test_several_labels_at_once_are_answered_with_probabilities() -> None:
    y = (X > 0).astype(int)
    model = trained(y, 2, loss="sigmoid_cross_entropy")
    scores = model.network.predict(X)
    np.testing.assert_allclose(model.predict(X), 1 / (1 + np.exp(-scores)), atol=1e-6)
    assert np.mean((model.predict(X) > 0.5) == y) > 0.9


# Evaluation --------------------------------------------------------------------------------------


def test_evaluation_counts_by_name_and_by_weight(model: Model) -> None:
    right = model.predict(COLUMNS) == NAMES
    assert model.evaluate(COLUMNS, NAMES)["accuracy"] == np.mean(right)
    weights = RNG.random(60)
    found = model.evaluate(Batch(X, NAMES, weights))
    assert found == model.evaluate(reordered(), NAMES, weights)
    assert found["accuracy"] == pytest.approx(np.sum(weights * right) / weights.sum(), abs=1e-6)


def test_evaluation_needs_only_some_of_the_classes(model: Model) -> None:
    rows = NAMES != "bee"
    some = {name: column[rows] for name, column in COLUMNS.items()}
    expected = np.mean(model.predict(some) == NAMES[rows])
    assert model.evaluate(some, NAMES[rows])["accuracy"] == expected


def test_unknown_classes_are_named_with_their_rows(model: Model) -> None:
    y = NAMES.copy()
    y[[3, 8]] = "cat", "dog"
    with pytest.raises(DataError, match="but 'cat', 'dog' came, in row 3, 8") as raised:
        model.evaluate(COLUMNS, y)
    assert raised.value.row == 3


@pytest.mark.parametrize("y", [None, IDS, NAMES[:59], IDS.astype(str), [*NAMES[:59], None]])
def test_other_labels_are_refused(model: Model, y: Any) -> None:
    with pytest.raises(DataError):
        model.evaluate(COLUMNS, y)


def test_an_evaluation_names_what_it_does_not_have(model: Model) -> None:
    with pytest.raises(KeyError, match="rmse"):
        model.evaluate(COLUMNS, NAMES)["rmse"]


# Building ----------------------------------------------------------------------------------------


def test_a_model_may_be_put_together_by_hand() -> None:
    network = Network([("fc", 2, 3)])
    model = Model(network, "softmax_with_loss", Schema("class", ("x", "y", "z"), ("u", "v")))
    expected = network.predict(X).argmax(axis=1)
    assert model.predict({"v": X[:, 1], "u": X[:, 0]}).tolist() == [
        ("x", "y", "z")[i] for i in expected
    ]
    assert list(model.metrics) == ["accuracy"]
    assert {"plugnet", "numpy"} <= model.versions.keys()
    assert repr(model) == "Model(Network(fc1), class: ('x', 'y', 'z'))"


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        (Schema("class", ("x", "y")), ShapeError),
        (Schema("class", ("x", "y", "z", "w")), ShapeError),
        (Schema("class", ("x", "y", "y")), ArgumentError),
        (Schema("class", ("x", "y", "z"), ("u",)), ShapeError),
        (Schema("class", ("x", "y", "z"), ("u", "u")), ArgumentError),
        (Schema("class", ("x", "y", "z"), input_shape=(3,)), ShapeError),
        (Schema("real", targets=("p", "q")), ShapeError),
        (Schema("real", offsets=(1.0,), scales=(2.0,)), ShapeError),
        (Schema("rank"), ArgumentError),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_network_and_schema_fit_together(schema: Schema, error: Any) -> None:
    with pytest.raises(error):
        Model(Network([("fc", 2, 3)]), "least_square_error", schema)


def test_a_metric_suits_the_answers() -> None:
    network = Network([("fc", 2, 1)])
    with pytest.raises(ArgumentError, match="'accuracy' judges predicted classes"):
        Model(network, "least_square_error", Schema("real"), ["accuracy"])


def test_a_network_of_images_is_no_model() -> None:
    network = Network([("reshape", (2, 2, 1))], input_shape=(4,))
    with pytest.raises(ShapeError, match="a row of numbers for each sample"):
        Model(network, "least_square_error", Schema("real"))


def test_there_is_no_model_before_training() -> None:
    with pytest.raises(CallOrderError, match="Call fit first"):
        _ = Trainer(Network([("fc", 2, 3)])).model


# Files -------------------------------------------------------------------------------------------

MODELS: dict[str, Callable[[], Model]] = {
    "names": lambda: trained(NAMES, 3, COLUMNS, metrics=["f1", ("top_k", 2)]),
    "numbers": lambda: trained(np.array([10, 20, 50])[IDS], 3, classes=[10, 20, 50]),
    "booleans": lambda: trained(IDS > 0, 1, loss="sigmoid_cross_entropy"),
    "hinge": lambda: trained(NAMES, 3, loss=("hinge", "L2")),
    "real": lambda: trained(1e5 * REAL, 1, loss=("huber", 0.5), scale_targets=True),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_is_the_same(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    model.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    assert loaded.schema == model.schema
    assert [type(c) for c in loaded.classes] == [type(c) for c in model.classes]
    assert loaded.section() == model.section()
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    y = np.array(model.predict(X))
    assert loaded.evaluate(X, y) == model.evaluate(X, y)
    network = Network.load(tmp_path / "model")
    np.testing.assert_array_equal(network.predict(X), model.network.predict(X))


def test_models_are_read_from_trainings_and_runs(model: Model, tmp_path: Path) -> None:
    trainer = Trainer(Network([("fc", 2, 3)]), batch_size=60)
    trainer.fit(COLUMNS, NAMES, 5)
    trainer.save(tmp_path / "model.safetensors")
    for path in (tmp_path, str(tmp_path / "model.safetensors")):
        assert (Model.load(path).predict(reordered()) == trainer.model.predict(COLUMNS)).all()
    resumed = Trainer.resume(tmp_path / "model.safetensors")
    assert (resumed.model.predict(COLUMNS) == trainer.model.predict(COLUMNS)).all()


def test_the_home_folder_may_be_written_with_a_tilde(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    model.save("~/mine.safetensors")
    assert (tmp_path / "mine.safetensors").is_file()
    assert Model.load("~/mine.safetensors").schema == model.schema
    assert Network.load("~/mine.safetensors").spec() == model.network.spec()


@pytest.mark.parametrize("name", ["nothing", "junk", "cut", "folder"])
def test_a_file_that_is_no_model_is_refused(name: str, model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "whole")
    (tmp_path / "junk").write_bytes(b"junk")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-1])
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileFormatError):
        Model.load(tmp_path / name)


def test_a_network_alone_lacks_what_answers_mean(model: Model, tmp_path: Path) -> None:
    model.network.save(tmp_path / "network")
    Trainer(Network([("fc", 2, 3)])).save(tmp_path / "training")
    for name in ("network", "training"):
        with pytest.raises(FileFormatError, match="the loss and the classes are missing"):
            Model.load(tmp_path / name)
    network = Network.load(tmp_path / "network")
    Model(network, "softmax_with_loss", model.schema).save(tmp_path / "model")
    assert (Model.load(tmp_path / "model").predict(X) == model.predict(X)).all()


def spec(kind: str, name: str, provider: str = "plugnet", **args: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "provider": provider, "version": "0.1.0", "args": args}


#: What is forged: the place in the section, and values. ... leaves it out.
FORGED: dict[str, list[Any]] = {
    "schema": [..., None, 3, "x", [1], [["a"]]],
    "versions": [..., None, 3, "x", [1], [["a"]]],
    "schema.kind": [..., "rank", ["class"], None, "real"],
    "schema.future": [[1]],
    "schema.classes": [
        *(..., "abc", None, {"a": 1, "b": 2, "c": 3}, 3),
        *([], ["a", "b"], ["a", "a", "b"], ["a", 1, 2], [True, 2, 3], [1, 2, 2**70]),
        *([1.0, 2.0, 3.0], [None, "b", "c"], [["a"], "b", "c"], [{}, "b", "c"]),
    ],
    "schema.columns": ["ab", [1, 2], ["a"], ["a", "a"], [["a"], ["b"]], 3],
    "schema.targets": [[1], [[]], ["width"], "width"],
    "schema.dropped": [[1], [[]], ["width"], None],
    "schema.input_shape": [[3], ["2"], [[2]], 2, None],
    "schema.offsets": [[1.0], ["x"], [None]],
    "schema.scales": [[1.0], ["x"], [None]],
    "loss": [
        *(..., None, 3, "hinge", ["hinge"], {}, spec("loss", "fc")),
        spec("layer", "fc", inputs=2, outputs=3),
        spec("loss", "hinge", norm="L7"),
        spec("loss", "never_seen"),
    ],
    "metrics": [
        *(..., None, 3, "f1", ["f1"], [3], {"a": 1}),
        [spec("metric", "rmse")],
        [spec("loss", "hinge")],
        [spec("metric", "top_k", k=0)],
        [spec("metric", "top_k", depth=1)],
        [spec("metric", "auc", provider="nn-swirl")],
    ],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in FORGED.items() for value in values], ids=str
)
def test_a_forged_section_is_refused(key: str, value: Any, model: Model, tmp_path: Path) -> None:
    document = copy.deepcopy(model.document())
    *path, last = key.split(".")
    section = document["model"]
    for name in path:
        section = section[name]
    if value is ...:
        del section[last]
    else:
        section[last] = value
    documents.write(tmp_path / "model", model.network.state(), document)
    with pytest.raises((FileFormatError, SpecError)):
        Model.load(tmp_path / "model")


@pytest.mark.parametrize("section", [3, "x", [1], {}, True])
def test_a_section_of_another_type_is_refused(section: Any, model: Model, tmp_path: Path) -> None:
    document = {**model.document(), "model": section}
    documents.write(tmp_path / "model", model.network.state(), document)
    with pytest.raises(FileFormatError, match="does not describe a model"):
        Model.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("offsets", []),
        ("scales", []),
        ("offsets", [1.0, 2.0]),
        ("scales", [0.0]),
        ("scales", [-1.0]),
        ("scales", [float("nan")]),
        ("scales", [float("inf")]),
        ("scales", [True]),
        ("scales", ["1"]),
        ("classes", ["a"]),
        ("kind", "class"),
        ("targets", ["u", "v"]),
    ],
)
def test_forged_scales_are_refused(key: str, value: Any, tmp_path: Path) -> None:
    model = MODELS["real"]()
    document = copy.deepcopy(model.document())
    document["model"]["schema"][key] = value
    documents.write(tmp_path / "model", model.network.state(), document)
    with pytest.raises(FileFormatError, match="does not describe a model"):
        Model.load(tmp_path / "model")


class Closeness(Metric):
    """A metric that a plugin brings."""

    kind = "class"

    def reset(self) -> None:
        self.rows = 0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        self.rows += len(scores)

    def compute(self) -> float:
        return float(self.rows)


@pytest.fixture
def saved_with_plugin(tmp_path: Path) -> Path:
    """A model that was saved with a metric of a plugin that is gone."""
    with registry.isolated():
        registry.metrics.register("closeness")(Closeness)
        model = trained(NAMES, 3, metrics=["closeness"])
        assert model.evaluate(X, NAMES)["closeness"] == 60
        model.save(tmp_path / "model")
    return tmp_path / "model"


def test_a_metric_that_is_not_installed_is_named(saved_with_plugin: Path) -> None:
    with pytest.raises(SpecError, match="metric 'closeness'"):
        Model.load(saved_with_plugin)


# Copies and threads ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_answer_the_same(duplicate: Callable[[Model], Model], model: Model) -> None:
    found = duplicate(model)
    np.testing.assert_array_equal(found.predict_proba(reordered()), model.predict_proba(COLUMNS))
    assert found.evaluate(COLUMNS, NAMES) == model.evaluate(COLUMNS, NAMES)
    assert (found.schema, found.versions) == (model.schema, model.versions)


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Let threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def run_in_threads(*tasks: Callable[[], None]) -> None:
    """Run tasks at the same time, and raise what one of them raises."""
    errors: list[BaseException] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.usefixtures("many_switches")
def test_evaluations_in_several_threads_do_not_mix(model: Model) -> None:
    parts = [slice(0, 20), slice(10, 60), slice(30, 31)]
    expected = [model.evaluate(X[part], NAMES[part]) for part in parts]

    def check(part: slice, wanted: object) -> None:
        for _ in range(100):
            assert model.evaluate(X[part], NAMES[part]) == wanted

    run_in_threads(
        *(
            lambda p=part, w=wanted: check(p, w)
            for part, wanted in zip(parts, expected, strict=True)
        )
    )


def test_a_model_answers_while_it_is_trained() -> None:
    def trainer() -> Trainer:
        network = Network([("fc", 2, 20), "tanh", ("fc", 20, 3)])
        made = Trainer(network, batch_size=20)
        made.fit(COLUMNS, NAMES, 1)
        return made

    alone, watched = trainer(), trainer()
    alone.fit(COLUMNS, NAMES, 400)
    is_done = threading.Event()

    def train() -> None:
        try:
            watched.fit(reordered(), NAMES, 400)
        finally:
            is_done.set()

    def ask() -> None:
        while not is_done.is_set():
            p = watched.model.predict_proba(reordered())
            np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
            assert set(watched.model.predict(COLUMNS)) <= {*NAMES}
            assert 0 <= watched.model.evaluate(COLUMNS, NAMES)["accuracy"] <= 1

    run_in_threads(train, ask, ask)
    for name, value in alone.network.state().items():
        np.testing.assert_array_equal(watched.network.state()[name], value)


# Files -------------------------------------------------------------------------------------------


def test_a_model_is_asked_about_a_file_by_its_path(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    labels = np.array(["bee", "fly"])[y]
    trainer = Trainer(Network([("fc", 2, 2)]), batch_size=20)
    trainer.fit({"a": x[:, 0], "b": x[:, 1]}, labels, 30)
    rows = [f"{b!r},{a!r},{label}" for (a, b), label in zip(x.tolist(), labels, strict=True)]
    (tmp_path / "known.csv").write_text("\n".join(["b,a,label", *rows]))
    (tmp_path / "new.tsv").write_text(
        "\n".join(["b\ta", *(f"{b!r}\t{a!r}" for a, b in x[:5].tolist())])
    )
    model = trainer.model
    np.testing.assert_array_equal(model.predict(str(tmp_path / "known.csv")), model.predict(x))
    found = model.predict_proba(tmp_path / "new.tsv")
    np.testing.assert_allclose(found, model.predict_proba(x[:5]), rtol=1e-6)
    judged = model.evaluate(tmp_path / "known.csv")
    assert judged["accuracy"] == model.evaluate(x, labels)["accuracy"]
    assert judged.loss == pytest.approx(model.evaluate(x, labels).loss)
    with pytest.raises(DataError, match="must have labels"):
        model.evaluate(tmp_path / "new.tsv")
    with pytest.raises(FileFormatError, match="must have a suffix"):
        model.predict(tmp_path / "new")


def test_a_table_by_class_is_that_of_the_confusion_matrix() -> None:
    x, y = np.random.default_rng(0).normal(size=(90, 2)), np.arange(90) % 3
    trainer = Trainer(Network([("fc", 2, 3)]), batch_size=30)
    trainer.fit(x, np.array(["a", "b", "c"])[y], 20)
    model, weights = trainer.model, (np.arange(90) % 5 > 0).astype(float)
    predicted, true = model.predict(x)[weights > 0], np.array(["a", "b", "c"])[y][weights > 0]
    for row in model.evaluate_by_class(x, np.array(["a", "b", "c"])[y], weights):
        is_true, is_predicted = true == row["class"], predicted == row["class"]
        right = np.count_nonzero(is_true & is_predicted)
        assert (row["samples"], row["correct"]) == (is_true.sum(), right)
        assert row["recall"] == pytest.approx(right / is_true.sum())
        assert row["precision"] == pytest.approx(right / is_predicted.sum())
    real = Trainer(Network([("fc", 2, 1)]), "least_square_error", batch_size=30)
    real.fit(x, x[:, 0], 3)
    with pytest.raises(CallOrderError, match="needs classes"):
        real.model.evaluate_by_class(x, x[:, 0])
