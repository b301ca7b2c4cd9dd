"""plugnet's estimators do what scikit-learn's users expect of their own."""

import copy
import pickle
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6")
pytest.importorskip("plugnet_sklearn")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from plugnet import Model, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError, DataWarning, DivergenceError
from plugnet_sklearn import NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def irises() -> tuple[Array, Array]:
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


@pytest.fixture(scope="module")
def two() -> tuple[Array, Array]:
    """Two classes that a line does not tell apart."""
    x = np.random.default_rng(0).normal(size=(200, 2))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def patients() -> tuple[Array, Array]:
    x, y = load_diabetes(return_X_y=True)
    return x * 20, y


def values(estimator: Any) -> dict[str, Array]:
    """Return the values of a trained estimator's parameters, by path."""
    return {
        path: parameter.value.copy()
        for path, parameter in estimator.model_.network.parameters().items()
    }


def same(one: Any, other: Any) -> bool:
    """Tell whether two estimators have learnt the same bits."""
    a, b = values(one), values(other)
    return a.keys() == b.keys() and all(np.array_equal(a[path], b[path]) for path in a)


# Beside MLPClassifier -----------------------------------------------------------------------------

LIKE_MLP: dict[str, Any] = {
    "hidden_layer_sizes": (12,), "activation": "tanh", "batch_size": 50, "shuffle": False,
    "tol": 0, "random_state": 0, "warm_start": True,
}  # fmt: skip


def after_the_same_start(own: Any, peer: Any, x: Array, y: Array) -> None:
    """Train both for 30 epochs from the same weights."""
    own.set_params(max_iter=1).fit(x, y)
    peer.set_params(max_iter=1).fit(x, y)
    start = values(own)
    peer.coefs_ = [start["fc1.weight"], start["fc2.weight"]]
    peer.intercepts_ = [start["fc1.bias"], start["fc2.bias"]]
    own.set_params(max_iter=30).fit(x, y)
    peer.set_params(max_iter=30).fit(x, y)


def test_it_learns_what_mlp_classifier_learns(irises: tuple[Array, Array]) -> None:
    """With 1/50 of alpha: MLPClassifier divides it by the size of a batch."""
    x, y = irises[0][::-1], irises[1][::-1]
    own = NetworkClassifier(
        **LIKE_MLP, optimizer=("sgd", 0.9), policy=("fixed", 0.05), regularizer=("l2", 0.5 / 50),
        dtype="float64",
    )  # fmt: skip
    peer = MLPClassifier(
        **LIKE_MLP, solver="sgd", momentum=0.9, nesterovs_momentum=False, learning_rate_init=0.05,
        alpha=0.5,
    )  # fmt: skip
    after_the_same_start(own, peer, x, y)
    learnt = values(own)
    np.testing.assert_allclose(learnt["fc1.weight"], peer.coefs_[0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(learnt["fc2.bias"], peer.intercepts_[1], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(own.predict_proba(x), peer.predict_proba(x), rtol=1e-6)
    penalties = np.array(peer.loss_curve_[1:]) - own.loss_curve_[1:]
    assert (penalties > 0).all()  # which is all that theirs has more


def test_it_learns_what_mlp_regressor_learns(patients: tuple[Array, Array]) -> None:
    x, y = patients[0][:400], patients[1][:400] / 100
    own = NetworkRegressor(
        **LIKE_MLP, optimizer="adam", policy=("fixed", 0.01), regularizer=None, dtype="float64",
        scale_targets=False,
    )  # fmt: skip
    peer = MLPRegressor(**LIKE_MLP, solver="adam", learning_rate_init=0.01, alpha=0)
    after_the_same_start(own, peer, x, y)
    np.testing.assert_allclose(own.predict(x), peer.predict(x), rtol=1e-2)
    np.testing.assert_allclose(own.loss_curve_[1:], peer.loss_curve_[1:], rtol=1e-3)
    assert own.score(x, y) == pytest.approx(peer.score(x, y), rel=1e-3)


def test_the_attributes_are_those_of_mlp(irises: tuple[Array, Array]) -> None:
    for early in (False, True):
        own: Any
        own, peer = (
            cls(max_iter=20, early_stopping=early, random_state=0).fit(*irises)
            for cls in (NetworkClassifier, MLPClassifier)
        )
        for name in ("n_iter_", "loss_", "best_loss_", "best_validation_score_", "n_features_in_"):
            assert type(getattr(own, name)) is type(getattr(peer, name)) or np.isscalar(
                getattr(own, name)
            ), name
        assert len(own.loss_curve_) == own.n_iter_
        assert own.loss_ == own.loss_curve_[-1]
        if early:
            assert len(own.validation_scores_) == own.n_iter_
            assert own.best_validation_score_ == max(own.validation_scores_)
        else:
            assert own.validation_scores_ is None
            assert own.best_loss_ == min(own.loss_curve_)


# Layers and components ---------------------------------------------------------------------------


def test_layers_are_the_hidden_ones_and_the_output_comes_behind(
    irises: tuple[Array, Array],
) -> None:
    layers = ["standardize", ("fc", {"outputs": 8}), "tanh", ("fc", 8, 5), "relu"]
    model = NetworkClassifier(layers=layers, max_iter=2, random_state=0).fit(*irises)
    assert (
        ", ".join(model.model_.network.layer_names) == "standardize1, fc1, tanh1, fc2, relu1, fc3"
    )
    assert model.model_.network.output_shape == (3,)
    linear = NetworkClassifier(layers=[], max_iter=2).fit(*irises)
    assert len(linear.model_.network.layers) == 1
    assert same(
        NetworkClassifier(8, "tanh", max_iter=2, random_state=0).fit(*irises),
        NetworkClassifier((8,), "tanh", max_iter=2, random_state=0).fit(*irises),
    )


def test_layers_that_are_objects_stay_the_users_own(irises: tuple[Array, Array]) -> None:
    layer = registry.layers.build("fc", outputs=6)
    model: Any = NetworkClassifier(layers=[layer, "tanh"], max_iter=2, random_state=0)
    first = copy.deepcopy(model.fit(*irises))
    assert layer.owner is None
    assert model.layers[0] is layer
    assert same(model.fit(*irises), first)
    assert same(clone(model).fit(*irises), first)


def test_the_first_weights_suit_the_activation() -> None:
    x, y = np.ones((4, 1000)), np.arange(4) % 2
    for activation, fans in (
        ("relu", 1000),
        ("tanh", (1000 + 200) / 2),
        (("leaky_relu", 0.1), 1000),
    ):
        model = NetworkClassifier((200,), activation, policy=("fixed", 1e-9), max_iter=1)
        with pytest.warns(UserWarning, match="nothing distinguishes"):
            found = values(model.fit(x, y))["fc1.weight"].var()
        gain = 1.0 if activation == "tanh" else 2.0
        assert found == pytest.approx(gain / fans, rel=0.05)


def test_a_component_may_be_given_in_any_form(irises: tuple[Array, Array]) -> None:
    built = registry.optimizers.build("adam", beta1=0.8)
    forms = [("adam", {"beta1": 0.8}), ("adam", 0.8), built, registry.spec(built)]
    first, *others = (
        NetworkClassifier(8, optimizer=form, max_iter=3, random_state=0).fit(*irises)
        for form in forms
    )
    assert all(same(other, first) for other in others)


@pytest.mark.parametrize(
    "form",
    ["adam", ("adam",), ("adam", 0.7), ["adam", {"epsilon": 1e-8}], "object", "spec"],
    ids=str,
)
def test_arguments_of_components_are_parameters(form: Any, irises: tuple[Array, Array]) -> None:
    adam = registry.optimizers.build("adam")
    form = {"object": adam, "spec": registry.spec(adam)}.get(str(form), form)
    model = NetworkClassifier(8, optimizer=form, max_iter=2, random_state=0)
    assert model.get_params()["optimizer__beta2"] == 0.999
    before = copy.deepcopy(form)
    model.set_params(optimizer__beta1=0.5, max_iter=3)
    assert model.get_params()["optimizer__beta1"] == 0.5
    assert repr(form) == repr(before)  # not changed itself
    again = clone(model)
    assert again.get_params()["optimizer__beta1"] == 0.5
    wanted = NetworkClassifier(8, optimizer=("adam", 0.5), max_iter=3, random_state=0)
    assert same(again.fit(*irises), wanted.fit(*irises))


def test_a_component_and_its_arguments_may_change_at_once() -> None:
    model = NetworkClassifier(activation=("leaky_relu", 0.2))
    model.set_params(optimizer__momentum=0.5, optimizer="sgd", regularizer="elastic", loss="huber")
    model.set_params(regularizer__strength=0.1, regularizer__ratio=0.2, activation__slope=0.3)
    assert model.optimizer == ("sgd", {"momentum": 0.5})
    assert model.regularizer == ("elastic", {"strength": 0.1, "ratio": 0.2})
    found = model.get_params()
    assert (found["activation__slope"], found["optimizer__momentum"]) == (0.3, 0.5)
    assert found["loss__delta"] == 1.0


@pytest.mark.parametrize(
    "wrong", [{"optimizer__speed": 1}, {"regularizer__strength": 1}, {"speed": 1}]
)
def test_a_parameter_that_is_none_is_named(wrong: dict[str, Any]) -> None:
    model = NetworkClassifier(regularizer=None)
    with pytest.raises((ValueError, AttributeError), match=next(iter(wrong)).split("__")[0]):
        model.set_params(**wrong)


@pytest.mark.parametrize("wrong", [5, (), {"name": "sgd"}, [3, 4]], ids=str)
def test_what_is_no_component_has_no_arguments(wrong: Any) -> None:
    model = NetworkClassifier(optimizer=wrong)
    assert "optimizer__momentum" not in model.get_params()
    with pytest.raises(ArgumentError, match=r"optimizer must be a name, .* 'momentum'"):
        model.set_params(optimizer__momentum=0.5)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_iter": 0}, "max_iter"),
        ({"tol": -1}, "tol"),
        ({"batch_size": 0}, "batch_size"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"validation_fraction": 1.5}, "validation_fraction"),
        ({"hidden_layer_sizes": (5, -1)}, "hidden_layer_sizes"),
        ({"early_stopping": "yes"}, "early_stopping"),
        ({"dtype": "float16"}, "dtype"),
        ({"threads": 0}, "threads"),
        ({"layers": [3]}, "layer"),
        ({"layers": 5}, "layers must be a list"),
        ({"layers": {"kind": "layer"}}, "layers must be a list"),
        ({"hooks": None}, "hooks must be a list"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_parameter_is_refused_by_fit(
    wrong: dict[str, Any], named: str, irises: tuple[Array, Array]
) -> None:
    model = NetworkClassifier(**wrong)
    with pytest.raises(ArgumentError, match=named):
        model.fit(*irises)
    with pytest.raises(NotFittedError):
        model.predict(irises[0])


# Labels and answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        np.array(["setosa", "versicolor", "virginica"]),
        np.array(["setosa", "versicolor", "virginica"], object),
        np.array([10, 20, 30]),
        np.array([-2.0, 0.0, 2.0]),
        np.array(["", " ", "full"]),
        np.array([2**60, 2**60 + 1, 2**61]),
    ],
    ids=["strings", "objects", "integers", "floats", "empty strings", "huge integers"],
)
def test_labels_come_back_as_they_are(names: Array, irises: tuple[Array, Array]) -> None:
    x, ids = irises
    plain = NetworkClassifier(20, max_iter=30, random_state=0).fit(x, ids)
    model = NetworkClassifier(20, max_iter=30, random_state=0).fit(x, names[ids])
    np.testing.assert_array_equal(model.classes_, np.unique(names))
    assert model.predict(x).dtype == names.dtype
    np.testing.assert_array_equal(model.predict(x), names[plain.predict(x)])
    np.testing.assert_array_equal(model.predict_proba(x), plain.predict_proba(x))


def test_booleans_are_two_classes(two: tuple[Array, Array]) -> None:
    x, y = two
    model = NetworkClassifier(20, max_iter=100, policy=("fixed", 0.01), random_state=0)
    assert model.fit(x, y.astype(bool)).predict(x).dtype == bool
    assert model.score(x, y.astype(bool)) > 0.9


class Kind(str):
    """A string of one's own."""

    __slots__ = ()


@pytest.mark.parametrize("made", [np.str_, Kind], ids=["NumPy's", "a subclass"])
def test_objects_may_be_strings_of_another_type(made: Any, two: tuple[Array, Array]) -> None:
    x, ids = two
    classes = np.array([made("no"), made("yes")], object)
    y = np.empty(len(ids), object)
    y[:] = [classes[i] for i in ids]
    plain = NetworkClassifier(5, max_iter=3, random_state=0).fit(x, ids)
    model = NetworkClassifier(5, max_iter=3, random_state=0).fit(x, y)
    np.testing.assert_array_equal(model.predict(x), classes[plain.predict(x)])
    part = NetworkClassifier(5, random_state=0).partial_fit(x[:50], y[:50], classes=classes)
    assert set(part.predict(x)) <= {"no", "yes"}


@pytest.mark.parametrize("loss", ["softmax_with_loss", "sigmoid_cross_entropy", "hinge"])
def test_every_loss_of_classes_ranks_two_and_three(
    loss: str, irises: tuple[Array, Array], two: tuple[Array, Array]
) -> None:
    model = NetworkClassifier(
        30, loss=loss, policy=("fixed", 0.02), max_iter=100, random_state=0
    )  # fmt: skip
    x, y = two
    scores = model.fit(x, y).decision_function(x)
    assert scores.shape == (200,)
    np.testing.assert_array_equal(model.predict(x), scores > 0)
    assert roc_auc_score(y, scores) > 0.95
    assert model.n_outputs_ == (2 if loss == "softmax_with_loss" else 1)
    x, y = irises
    scores = model.fit(x, y).decision_function(x)
    assert scores.shape == (150, 3)
    np.testing.assert_array_equal(model.predict(x), scores.argmax(axis=1))
    assert model.score(x, y) > 0.95


@pytest.mark.parametrize("loss", ["softmax_with_loss", "sigmoid_cross_entropy"])
def test_probabilities_sum_to_1(
    loss: str, irises: tuple[Array, Array], two: tuple[Array, Array]
) -> None:
    for x, y in (irises, two):
        model = NetworkClassifier(5, loss=loss, max_iter=5, random_state=0).fit(x, y)
        found = model.predict_proba(x)
        assert found.shape == (len(x), len(np.unique(y)))
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(found.argmax(axis=1), model.predict(x))
        np.testing.assert_allclose(model.predict_log_proba(x), np.log(found), rtol=1e-5)


def test_a_loss_without_probabilities_has_no_predict_proba(irises: tuple[Array, Array]) -> None:
    model = NetworkClassifier(loss="hinge", max_iter=1)
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model.fit(*irises), "predict_log_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        model.predict_proba(irises[0])


@pytest.mark.parametrize(
    "y",
    [np.eye(3, dtype=int)[[0, 1, 2, 0]], np.array([[0, 1], [2, 1], [1, 1], [0, 2]])],
    ids=["multilabel", "several outputs"],
)
def test_several_labels_for_a_sample_are_refused(y: Array) -> None:
    with pytest.raises(ValueError, match="several per sample"):
        NetworkClassifier().fit(np.zeros((4, 2)), y)
    assert not NetworkClassifier().__sklearn_tags__().classifier_tags.multi_label


def test_real_values_are_no_classes(irises: tuple[Array, Array]) -> None:
    with pytest.raises(ValueError, match="Unknown label type"):
        NetworkClassifier().fit(irises[0], irises[0][:, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_offset_takes_no_digits_from_predictions(dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(200, 1))
    model = NetworkRegressor(20, policy=("fixed", 0.01), dtype=dtype, random_state=0)
    found = model.fit(x, 1e9 + x[:, 0]).predict(x)
    assert found.dtype == np.float64
    assert np.abs(found - 1e9 - x[:, 0]).max() < 1  # float32 has steps of 64 there
    plain = NetworkRegressor(5, scale_targets=False, dtype=dtype, max_iter=2).fit(x, x[:, 0])
    assert plain.predict(x).dtype == dtype


def test_several_targets_in_their_own_units() -> None:
    x = np.random.default_rng(0).normal(size=(300, 3))
    y = np.column_stack([1e4 + 100 * x[:, 0], 1e-3 * x[:, 1] * x[:, 2]])
    model = NetworkRegressor(50, policy=("fixed", 0.01), random_state=0).fit(x, y)
    assert model.predict(x).shape == (300, 2)
    assert model.score(x, y) > 0.9
    one = NetworkRegressor(50, max_iter=3, random_state=0).fit(x, y[:, 0])
    assert one.predict(x).shape == (300,)


def test_targets_that_look_like_one_hot_rows_are_real_values() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = np.eye(2)[(x[:, 0] > 0).astype(int)]
    model = NetworkRegressor(20, max_iter=50, random_state=0).fit(x, y)
    assert model.model_.schema.kind == "real"
    assert model.predict(x).shape == (60, 2)


def test_targets_in_thousands_are_reached_only_if_they_are_scaled(
    patients: tuple[Array, Array],
) -> None:
    x, y = patients
    scaled, plain = (
        NetworkRegressor(scale_targets=scale, random_state=0, max_iter=60).fit(x, y + 5000)
        for scale in (True, False)
    )
    assert scaled.score(x, y + 5000) > 0.4
    assert plain.score(x, y + 5000) < 0


# How long it trains ------------------------------------------------------------------------------


def test_it_stops_when_the_loss_falls_no_more(irises: tuple[Array, Array]) -> None:
    model = NetworkClassifier(max_iter=200, tol=0.05, n_iter_no_change=3, random_state=0)
    model.fit(*irises)
    assert model.n_iter_ < 200
    losses = np.array(model.loss_curve_)
    least = np.minimum.accumulate(losses)
    progress = losses[1:] <= least[:-1] - 0.05
    assert not progress[-3:].any()
    waits = [progress[end - 3 : end].any() for end in range(3, len(progress))]
    assert all(waits)  # not earlier
    for never in (0, np.inf):
        keeps = {"tol": 0} if never == 0 else {"n_iter_no_change": np.inf, "tol": 0.5}
        assert NetworkClassifier(5, max_iter=30, **keeps).fit(*irises).n_iter_ == 30


@pytest.mark.filterwarnings("default")
def test_one_that_does_not_stop_says_so_at_the_users_line(irises: tuple[Array, Array]) -> None:
    with pytest.warns(ConvergenceWarning, match="all 2 epochs") as warned:
        NetworkClassifier(max_iter=2).fit(*irises)
    assert warned[0].filename == __file__


def test_unscaled_samples_are_named_at_the_users_line(irises: tuple[Array, Array]) -> None:
    with pytest.warns(DataWarning, match="reach a magnitude") as warned:
        NetworkClassifier(max_iter=1).fit(irises[0] * 1000, irises[1])
    assert [one.filename for one in warned if one.category is DataWarning] == [__file__]


def test_the_validation_set_decides_and_the_best_weights_stay(
    irises: tuple[Array, Array],
) -> None:
    x, y = irises
    model: Any = NetworkClassifier(
        30, early_stopping=True, validation_fraction=0.2, n_iter_no_change=4, max_iter=150,
        policy=("fixed", 0.02), random_state=0,
    ).fit(x, y)  # fmt: skip
    assert model.n_iter_ < 150
    best = int(np.argmax(model.validation_scores_))
    assert model.n_iter_ - 1 - best == 4
    assert model.trainer_.iteration * model.trainer_.batch_size >= (best + 1) * 120
    assert model.trainer_.history.at_end("validation")["accuracy"] == model.best_validation_score_


def test_only_samples_that_count_are_set_aside(irises: tuple[Array, Array]) -> None:
    x, y = irises
    weights = np.zeros(150)
    weights[::10] = 1.0  # of the others none may be drawn: 15 count, of which 20 % are 3
    held = []

    class Sees:
        def plugnet_evaluate_end(self, x: Array) -> None:
            held.append(x)

    fixed: Any = {"early_stopping": True, "max_iter": 2, "random_state": 0}
    model = NetworkClassifier(5, validation_fraction=0.2, hooks=[Sees()], **fixed)
    model.fit(x, y, sample_weight=weights)
    assert len(held[0]) == 3
    assert all((row == x[::10].astype(np.float32)).all(axis=1).any() for row in held[0])
    with pytest.raises(ValueError, match="of 15 with a weight above 0 leaves 1"):
        NetworkClassifier(5, validation_fraction=0.08, **fixed).fit(x, y, sample_weight=weights)


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_too_few_to_validate_on_are_refused(kind: Any) -> None:
    x, y = np.random.default_rng(0).normal(size=(10, 2)), np.arange(10) % 2
    with pytest.raises(ValueError, match="at least 2 samples to validate on"):
        kind(early_stopping=True).fit(x, y)
    with pytest.raises(ValueError, match="early_stopping must be False"):
        NetworkRegressor(early_stopping=True).partial_fit(x, y)


@pytest.mark.parametrize(
    ("rows", "asked", "steps", "size"),
    [(150, "auto", 1, 150), (150, 50, 3, 50), (150, 1000, 1, 150), (150, 70, 3, 50), (5, 2, 3, 2)],
)
def test_an_epoch_has_equal_batches_of_at_most_the_size(
    rows: int, asked: Any, steps: int, size: int, irises: tuple[Array, Array]
) -> None:
    x, y = irises[0][-rows:], irises[1][-rows:]
    model = NetworkRegressor(5, batch_size=asked, max_iter=4, tol=0).fit(x, y + x[:, 0])
    assert model.trainer_.batch_size == size
    assert len(model.trainer_.history.loss) == 4 * steps
    means = np.reshape(model.trainer_.history.loss, (4, steps)).mean(axis=1)
    np.testing.assert_allclose(model.loss_curve_, means)


def test_a_batch_of_very_wide_samples_has_2_to_the_26_numbers() -> None:
    scipy = pytest.importorskip("scipy.sparse")
    sizes = []

    class Ends:
        """A hook that lets no step happen."""

        def plugnet_train_start(self, training: Any) -> None:
            sizes.append(training.batch_size)
            raise KeyboardInterrupt

    for features, asked in ((2**26 // 200, "auto"), (2**20, "auto"), (2**27, "auto"), (2**20, 128)):
        x = scipy.csr_array(([1.0], ([0], [0])), shape=(256, features))
        model = NetworkClassifier(layers=[], batch_size=asked, hooks=[Ends()])
        with pytest.raises(KeyboardInterrupt):
            model.fit(x, np.arange(256) % 2)
    assert sizes == [128, 64, 1, 128]


def test_the_seed_decides_everything(irises: tuple[Array, Array]) -> None:
    def fitted(seed: Any) -> NetworkClassifier:
        return NetworkClassifier(8, max_iter=2, random_state=seed).fit(*irises)

    assert same(fitted(1), fitted(1))
    assert not same(fitted(1), fitted(2))
    state = np.random.RandomState(1)  # which scikit-learn takes
    assert same(fitted(state), fitted(1))
    assert not same(fitted(state), fitted(1))  # it has moved on
    np.random.seed(1)  # noqa: NPY002
    assert same(fitted(None), fitted(1))


def test_a_diverging_training_is_an_error(patients: tuple[Array, Array]) -> None:
    model = NetworkRegressor(policy=("fixed", 1e6), optimizer="sgd", max_iter=50)
    with pytest.raises(DivergenceError):
        model.fit(*patients)


def test_what_was_learnt_before_an_interrupt_is_kept(irises: tuple[Array, Array]) -> None:
    class Interrupts:
        def plugnet_step_end(self, iteration: int) -> None:
            if iteration == 6:
                raise KeyboardInterrupt

    model = NetworkClassifier(20, batch_size=50, hooks=[Interrupts()], random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*irises)
    assert model.n_iter_ == 2
    assert model.predict(irises[0]).shape == (150,)


def test_a_fit_that_fails_leaves_nothing_behind(irises: tuple[Array, Array]) -> None:
    model = NetworkClassifier(max_iter=2).fit(*irises)
    with pytest.raises(ArgumentError):
        model.set_params(optimizer__beta1=7).fit(*irises)
    with pytest.raises(NotFittedError):
        model.predict(irises[0])


def test_a_trained_estimator_does_not_keep_its_samples(irises: tuple[Array, Array]) -> None:
    x = np.repeat(irises[0], 100, axis=0).astype(np.float32)
    model = NetworkClassifier(5, max_iter=1).fit(x, np.repeat(irises[1], 100))
    gone = weakref.ref(x)
    del x
    assert model.n_iter_ == 1
    assert gone() is None


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_flags_may_be_numpys(kind: Any, irises: tuple[Array, Array]) -> None:
    for name in ("shuffle", "warm_start", "early_stopping"):
        kind(5, max_iter=2, **{name: np.True_}).fit(*irises)


def test_a_notebook_shows_the_parameters() -> None:
    shown = NetworkClassifier(layers=["standardize"])._repr_html_()
    assert "standardize" in shown


def test_hooks_see_the_training(irises: tuple[Array, Array]) -> None:
    class Counts:
        steps, items = 0, 5

        def plugnet_step_end(self) -> None:
            self.steps += 1

    hook = Counts()
    model = NetworkClassifier(batch_size=30, max_iter=4, hooks=[hook, "clip_gradients"])
    model.fit(*irises)
    assert hook.steps == 20
    assert len(model.trainer_.hooks) == 2  # ours have left


# Going on ----------------------------------------------------------------------------------------


def test_partial_fit_is_an_epoch_of_fit(irises: tuple[Array, Array]) -> None:
    x, y = irises
    whole = NetworkClassifier(8, max_iter=5, batch_size=50, tol=0, random_state=0).fit(x, y)
    parts = NetworkClassifier(8, batch_size=50, random_state=0)
    for _ in range(5):
        parts.partial_fit(x, y, classes=[0, 1, 2])
    assert same(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.n_iter_ == 1


def test_partial_fit_learns_from_parts_of_any_size(irises: tuple[Array, Array]) -> None:
    x, y = irises
    order = np.random.default_rng(0).permutation(150)
    model = NetworkClassifier(30, policy=("fixed", 0.01), random_state=0)
    names = np.array(["a", "b", "c"])
    for _ in range(40):
        for rows in np.split(order, [7, 20, 100]):
            model.partial_fit(x[rows], names[y[rows]], classes=names)
    assert model.score(x, names[y]) > 0.95
    model.partial_fit(x[:1], ["a"], sample_weight=[2.0])
    with pytest.raises(ValueError, match="classes of the first fit"):
        model.partial_fit(x[:1], ["d"])
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(x[:1], ["a"], classes=["a", "b"])
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        NetworkClassifier().partial_fit(x, y)


def test_partial_fit_of_a_regressor(patients: tuple[Array, Array]) -> None:
    x, y = patients
    model = NetworkRegressor(policy=("fixed", 0.01), random_state=0)
    for _ in range(60):
        for start in range(0, len(x), 100):
            model.partial_fit(x[start : start + 100], y[start : start + 100])
    assert model.score(x, y) > 0.4
    with pytest.raises(ValueError, match="must have 1 target"):
        model.partial_fit(x, np.column_stack([y, y]))


def test_a_warm_start_goes_on_with_new_parameters(irises: tuple[Array, Array]) -> None:
    x, y = irises
    model = NetworkClassifier(
        20, max_iter=10, warm_start=True, policy=("fixed", 1e-12), random_state=0
    ).fit(x, y)  # fmt: skip
    first = values(model)
    model.set_params(max_iter=5).fit(x, y)
    for path, value in values(model).items():
        np.testing.assert_allclose(value, first[path], atol=1e-6)  # from where it was
    model.set_params(policy__rate=0.05, max_iter=40).fit(x, y)
    assert model.score(x, y) > 0.9
    assert len(model.loss_curve_) == 10 + 5 + model.n_iter_
    with pytest.raises(ValueError, match="classes of the first fit"):
        model.fit(x[:100], y[:100])
    model.set_params(warm_start=False).fit(x[:100], y[:100])
    assert len(model.classes_) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (9,)},
        {"activation": "tanh"},
        {"activation__slope": 0.5},
        {"layers": ["tanh"]},
        {"initializer": "he_normal"},
        {"dtype": "float64"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_makes_the_network_cannot_change_while_it_goes_on(
    change: dict[str, Any], irises: tuple[Array, Array]
) -> None:
    name = next(iter(change)).split("__")[0]
    model = NetworkClassifier((8,), "leaky_relu", max_iter=2, warm_start=True).fit(*irises)
    model.set_params(hidden_layer_sizes=[8]).fit(*irises)  # the same in another form
    before = values(model)
    model.set_params(**change)
    with pytest.raises(ArgumentError, match=f"so {name} must stay .* set warm_start=False"):
        model.fit(*irises)
    with pytest.raises(ArgumentError, match=f"so {name} must stay .* new estimator"):
        model.partial_fit(*irises)
    assert all(np.array_equal(before[path], value) for path, value in values(model).items())
    model.set_params(warm_start=False).fit(*irises)


def test_sizes_that_count_for_nothing_may_change(irises: tuple[Array, Array]) -> None:
    model = NetworkClassifier((8,), layers=["tanh"], max_iter=2, warm_start=True).fit(*irises)
    model.set_params(hidden_layer_sizes=(9,), activation="tanh").fit(*irises)
    regressor = NetworkRegressor(5, max_iter=2, warm_start=True).fit(*irises)
    with pytest.raises(ArgumentError, match="scale_targets must stay True"):
        regressor.set_params(scale_targets=False).fit(*irises)


@pytest.mark.parametrize(
    "change",
    [
        {"policy": ("fixed", 0.5)},
        {"policy__rate": 0.5},
        {"regularizer": None},
        {"regularizer": ("l2", 2.0)},
        {"class_weight": {0: 5.0}},
        {"shuffle": False},
    ],
    ids=str,
)
def test_partial_fit_takes_what_has_changed(
    change: dict[str, Any], irises: tuple[Array, Array]
) -> None:
    """As if the trainer had been given it; what the optimizer knows stays."""
    x, y = irises
    model: Any = NetworkClassifier(8, batch_size=30, regularizer=("l2", 0.5), random_state=0)
    model.partial_fit(x, y, classes=[0, 1, 2])
    same_parameters, by_hand = copy.deepcopy(model), copy.deepcopy(model)
    other = NetworkClassifier(8, regularizer=("l2", 0.5)).set_params(**change)
    other.partial_fit(x, y, classes=[0, 1, 2])
    name = next(iter(change)).split("__")[0]
    setattr(by_hand.trainer_, name, getattr(other.trainer_, name))
    model.set_params(**change).partial_fit(x, y)
    assert same(model, by_hand.partial_fit(x, y))
    assert not same(model, same_parameters.partial_fit(x, y))
    assert model.trainer_.update.steps == 10


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "hinge"},
        {"optimizer": "sgd"},
        {"optimizer__beta1": 0.5},
        {"hooks": ["clip_gradients"]},
        {"verbose": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_partial_fit_refuses_what_it_cannot_take(
    change: dict[str, Any], irises: tuple[Array, Array]
) -> None:
    x, y = irises
    model: Any = NetworkClassifier(8).partial_fit(x, y, classes=[0, 1, 2])
    name = next(iter(change)).split("__")[0]
    with pytest.raises(ArgumentError, match=f"so {name} must stay"):
        model.set_params(**change).partial_fit(x, y)


def test_a_copy_knows_what_must_not_change(irises: tuple[Array, Array]) -> None:
    layers = [registry.layers.build("fc", outputs=6), ("tanh", {})]
    model: Any = NetworkClassifier(layers=layers, max_iter=2, warm_start=True).fit(*irises)
    again = pickle.loads(pickle.dumps(model)).fit(*irises).partial_fit(*irises)
    with pytest.raises(ArgumentError, match="layers must stay"):
        again.set_params(layers=[registry.layers.build("fc", outputs=7)]).fit(*irises)


def test_partial_fit_does_not_compare_parts_that_differ(irises: tuple[Array, Array]) -> None:
    """The first is easy, and those after it cannot be learnt."""
    x, y = irises
    model = NetworkClassifier(8, policy=("fixed", 0.05), random_state=0)
    mixed = np.random.default_rng(0).permutation(y[50:])
    for call in range(60):
        part = (x[:50], y[:50]) if call < 30 else (x[50:], mixed)
        model.partial_fit(*part, classes=[0, 1, 2])


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([1.0, 1.000001, 1.0000005], "target 0 of 3 rows is within 1e-06 of 1"),
        ([5.0], "target 0 of 1 row is within 0 of 5"),
        ([[5.0, 0.0], [6.0, 0.0]], "target 1 of 2 rows is within 0 of 0"),
    ],
    ids=["almost equal", "one", "second"],
)
def test_a_first_part_that_gives_no_unit_is_named(targets: list[Any], said: str) -> None:
    x = np.random.default_rng(0).normal(size=(3, 2))
    model = NetworkRegressor(4)
    with pytest.warns(DataWarning, match=said) as warned:
        model.partial_fit(x[: len(targets)], targets)
    assert warned[0].filename == __file__
    model.partial_fit(x[: len(targets)], targets)  # once is enough
    NetworkRegressor(4, scale_targets=False).partial_fit(x[: len(targets)], targets)
    NetworkRegressor(4).partial_fit(x, [1.0, 1.01, 0.99])


# Weights -----------------------------------------------------------------------------------------


def test_a_weight_of_0_leaves_a_sample_out(two: tuple[Array, Array]) -> None:
    x, y = two
    wrong = np.where(x[:, 0] > 0, 1 - y, y)
    weights = np.where(x[:, 0] > 0, 0.0, 1.0)
    model = NetworkClassifier(30, policy=("fixed", 0.02), max_iter=100, random_state=0)
    model.fit(x, wrong, sample_weight=weights)
    left = x[:, 0] <= 0
    assert model.score(x[left], y[left]) > 0.95
    assert model.score(x, wrong, sample_weight=weights) > 0.95
    regressor = NetworkRegressor(30, policy=("fixed", 0.02), max_iter=100, random_state=0)
    regressor.fit(x, np.where(left, 1.0, 1e6), sample_weight=weights)
    assert abs(regressor.predict(x[left]) - 1).max() < 0.5


@pytest.mark.parametrize("balance", ["balanced", {0: 0.5 / 0.9, 1: 0.5 / 0.1}])
def test_class_weight_is_a_sample_weight(balance: Any) -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [90, 10])
    x = rng.normal(size=(100, 2)) + y[:, None]
    plain: Any = {"max_iter": 20, "random_state": 0, "dtype": "float64"}
    by_class = NetworkClassifier(10, class_weight=balance, **plain).fit(x, y)
    by_sample = NetworkClassifier(10, **plain)
    by_sample.fit(x, y, sample_weight=np.where(y, 0.5 / 0.1, 0.5 / 0.9))
    for path, value in values(by_class).items():
        np.testing.assert_allclose(value, values(by_sample)[path], rtol=1e-6, atol=1e-12)


def test_class_weight_that_names_no_class_is_refused(two: tuple[Array, Array]) -> None:
    x, y = two
    names = np.array(["no", "yes"])[y]
    with pytest.raises(ValueError, match="must name classes, 'no', 'yes', but it names 'yse'"):
        NetworkClassifier(class_weight={"yse": 2.0}).fit(x, names)
    all_named = {"no": 1.0, "yes": 2.0, "maybe": 3.0}  # a fold may lack a class
    assert NetworkClassifier(5, class_weight=all_named, max_iter=2).fit(x, names).n_iter_ == 2


def test_class_weight_may_be_a_series(two: tuple[Array, Array]) -> None:
    pandas = pytest.importorskip("pandas")
    x, y = two
    for names in (np.array(["no", "yes"]), np.array([3, 1]), np.array([-2.0, 5.0])):
        given = {names[1].item(): 4.0, names[0].item(): 0.5}
        first, second = (
            NetworkClassifier(5, class_weight=weight, max_iter=3, random_state=0).fit(x, names[y])
            for weight in (given, pandas.Series(given))
        )
        assert same(first, second)
        plain = NetworkClassifier(5, max_iter=3, random_state=0).fit(x, names[y])
        assert not same(first, plain)
    parts = NetworkClassifier(5, class_weight=pandas.Series({0: 2.0}), random_state=0)
    parts.partial_fit(x, y, classes=[0, 1]).partial_fit(x, y)
    parts.set_params(class_weight=pandas.Series({0: 3.0})).partial_fit(x, y)
    assert parts.trainer_.class_weight == {0: 3.0}
    twice = pandas.Series([1.0, 2.0], index=["yes", "yes"])
    refused: list[tuple[Any, str]] = [
        ([("yes", 2.0)], "give each class its weight"),
        (5, "give each class its weight"),
        (twice, "one weight"),
        (pandas.Series({0: 1.0, 1: 2.0}), "must name classes, 'no', 'yes', but it names 0, 1"),
    ]
    for wrong, said in refused:
        with pytest.raises(ValueError, match=said):
            NetworkClassifier(class_weight=wrong).fit(x, np.array(["no", "yes"])[y])


def test_class_weight_and_partial_fit(two: tuple[Array, Array]) -> None:
    x, y = two
    with pytest.raises(ValueError, match="has to count all labels"):
        NetworkClassifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1])
    balanced = NetworkClassifier(5, class_weight="balanced", max_iter=1).fit(x, y)
    with pytest.raises(ValueError, match="has to count all labels"):
        balanced.partial_fit(x, y)
    model = NetworkClassifier(5, class_weight={1: 3.0}, random_state=0)
    model.partial_fit(x[y == 0], y[y == 0], classes=[0, 1]).partial_fit(x, y)
    assert model.trainer_.class_weight == {1: 3.0}


# Data --------------------------------------------------------------------------------------------


def test_names_of_columns_go_with_the_model(tmp_path: Any, irises: tuple[Array, Array]) -> None:
    pandas = pytest.importorskip("pandas")
    x, y = irises
    frame = pandas.DataFrame(x, columns=["a", "b", "c", "d"])
    names = pandas.Series(np.array(["setosa", "versicolor", "virginica"])[y])
    model = NetworkClassifier(8, max_iter=20, random_state=0).fit(frame, names)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["b", "a", "c", "d"]])
    model.model_.save(tmp_path / "irises.safetensors")
    saved = Model.load(tmp_path / "irises.safetensors")
    np.testing.assert_array_equal(saved.predict(frame[["d", "c", "b", "a"]]), model.predict(frame))


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil"])
def test_sparse_samples_give_the_bits_of_dense_ones(kind: str) -> None:
    scipy = pytest.importorskip("scipy.sparse")
    x, y = load_digits(return_X_y=True)
    sparse = getattr(scipy, f"{kind}_array")(x)
    variants: list[dict[str, Any]] = [{}, {"early_stopping": True, "layers": ["standardize"]}]
    for arguments in variants:
        model = NetworkClassifier(8, max_iter=2, random_state=0, **arguments).fit(x, y)
        other = NetworkClassifier(8, max_iter=2, random_state=0, **arguments).fit(sparse, y)
        assert same(other, model)
        np.testing.assert_array_equal(other.predict_proba(sparse), model.predict_proba(x))
    parts = [
        NetworkClassifier(8, random_state=0).partial_fit(each, y, classes=np.arange(10))
        for each in (x, sparse)
    ]
    assert same(*parts)


def test_a_sparse_number_is_added_up_before_it_is_rounded() -> None:
    scipy = pytest.importorskip("scipy.sparse")
    x = np.random.default_rng(0).normal(size=(60, 4))
    part = np.random.default_rng(1).normal(size=(60, 4))
    starts = np.arange(61) * 8
    order = np.stack([np.arange(4), np.arange(4)], axis=1).ravel()
    data = np.stack([x - part, part], axis=2).reshape(-1)
    twice = scipy.csr_array((data, np.tile(order, 60), starts), shape=(60, 4))
    assert not twice.has_canonical_format
    y = np.arange(60) % 3
    dense = NetworkClassifier(5, max_iter=2, random_state=0).fit(twice.toarray(), y)
    sparse = NetworkClassifier(5, max_iter=2, random_state=0).fit(twice, y)
    assert same(dense, sparse)
    assert twice.nnz == 480  # and the user's own is left alone


def test_a_batch_of_a_sparse_matrix_is_at_most_five_times_in_memory() -> None:
    scipy = pytest.importorskip("scipy.sparse")
    x = scipy.random_array((64, 2**18), density=1e-4, rng=np.random.default_rng(0), format="csr")
    batch = 16 * 2**18 * 4
    model = NetworkClassifier(layers=[], optimizer="sgd", batch_size=16, max_iter=2)
    tracemalloc.start()
    try:
        model.fit(x, np.arange(64) % 2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    others = 10 * 2 * 2**18 * 4  # what goes with the weights, and the matrix itself
    assert batch < peak < 5 * batch + others


@pytest.mark.parametrize(
    "ask", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_number_beyond_the_type_is_refused_wherever_it_comes(
    ask: str, kind: str, irises: tuple[Array, Array]
) -> None:
    """Which tanh would make -1 of, as of others."""
    x, y = irises
    scipy = pytest.importorskip("scipy.sparse")
    form = np.asarray if kind == "dense" else scipy.csr_array
    large = x.copy()
    large[7, 1] = -1e39
    single, double = (
        NetworkClassifier(5, "tanh", max_iter=1, dtype=dtype).fit(x, y)
        for dtype in ("float32", "float64")
    )
    with pytest.raises(DataError, match=r"samples\[7, 1\] is -inf \(as float32\)") as refused:
        getattr(single, ask)(form(large))
    assert refused.value.row == 7
    with pytest.raises(DataError, match=r"samples\[7, 1\]"):
        NetworkClassifier().fit(form(large), y)
    assert np.isfinite(getattr(double, ask)(form(large))).all()


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "decision_function"])
def test_outputs_that_are_no_numbers_are_no_answers(ask: str, irises: tuple[Array, Array]) -> None:
    x, y = irises[0].copy(), irises[1]
    model = NetworkClassifier(5, max_iter=1, random_state=0).fit(x, y)
    x[3] = 3e38
    with pytest.raises(DataError, match="no answer for row 3"):
        getattr(model, ask)(x)


def test_words_are_learnt_from_their_counts() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(5_000)])
    texts, kinds = [], np.arange(200) % 2
    for kind in kinds:
        found = rng.choice(words[kind * 100 : kind * 100 + 2_500], 30)
        texts.append(" ".join(found))
    vectorizer = CountVectorizer(vocabulary=words.tolist())
    model = make_pipeline(vectorizer, NetworkClassifier(20, max_iter=30, random_state=0))
    names = np.array(["first", "second"])[kinds]
    assert model.fit(texts, names).score(texts, names) > 0.95


def test_a_layer_that_fills_missing_values_lets_them_in(irises: tuple[Array, Array]) -> None:
    x, y = irises[0].copy(), irises[1]
    x[::7, 1] = np.nan
    layers: list[Any] = [("standardize", {"missing": "mean"}), ("fc", {"outputs": 8}), "tanh"]
    model = NetworkClassifier(layers=layers, max_iter=50, policy=("fixed", 0.02), random_state=0)
    assert model.__sklearn_tags__().input_tags.allow_nan
    assert model.fit(x, y).score(x, y) > 0.9
    with pytest.raises(ValueError, match="NaN"):
        NetworkClassifier().fit(x, y)
    assert not NetworkClassifier(layers=["no such"]).__sklearn_tags__().input_tags.allow_nan


def test_images_are_rows_until_a_layer_reshapes_them() -> None:
    pytest.importorskip("plugnet_convolution")
    x, y = load_digits(n_class=3, return_X_y=True)
    convolution = ("conv2d", {"outputs": 4, "kernel_size": 3})
    layers = [("rescale", 16), ("reshape", (8, 8, 1)), convolution, "relu"]
    model = NetworkClassifier(layers=layers, max_iter=15, policy=("fixed", 0.01), random_state=0)
    assert model.fit(x[:200], y[:200]).score(x[200:], y[200:]) > 0.8


def test_bytes_stay_bytes_until_their_batch_comes() -> None:
    x, y = load_digits(return_X_y=True)
    found = []

    class Sees:
        def plugnet_evaluate_end(self, x: Array) -> None:
            found.append(x.dtype)

    layers = [("rescale", 16), ("fc", {"outputs": 5})]
    model = NetworkClassifier(layers=layers, early_stopping=True, max_iter=2, hooks=[Sees()])
    model.fit(x.astype(np.uint8), y)
    assert set(found) == {np.dtype(np.uint8)}


# Copies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_goes_on_to_the_same_bits(
    copied: Callable[[Any], Any], irises: tuple[Array, Array]
) -> None:
    x, y = irises
    model = NetworkClassifier(8, max_iter=3, random_state=0).fit(x, y)
    other = copied(model)
    np.testing.assert_array_equal(other.predict_proba(x), model.predict_proba(x))
    assert other.model_.network is other.trainer_.network
    assert same(other.partial_fit(x, y), model.partial_fit(x, y))


def test_an_estimator_that_is_not_trained_can_be_copied_and_shown() -> None:
    model = NetworkRegressor(layers=["tanh"])
    assert pickle.loads(pickle.dumps(model)).layers == ["tanh"]
    assert "layers=['tanh']" in repr(model)
    with pytest.raises(NotFittedError):
        model.predict(np.zeros((1, 1)))
