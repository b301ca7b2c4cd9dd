"""Pipelines and searches, one after another and in parallel: the same scores, one thread each."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6")
pytest.importorskip("plugnet_sklearn")

from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from plugnet import registry
from plugnet.arrays import Array
from plugnet.interfaces import Activation
from plugnet_sklearn import NetworkClassifier

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)


class Bent(Activation):
    """A relu of the square, which no distribution has."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.square(np.maximum(x, 0), out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.multiply(2, np.maximum(x, 0), out=out)


def threads() -> list[int]:
    """Return how many threads each BLAS library has at present."""
    from threadpoolctl import threadpool_info

    found: list[dict[str, Any]] = threadpool_info()
    return [each["num_threads"] for each in found if each["user_api"] == "blas"]


class Counts:
    """A hook that fails where BLAS has several threads."""

    def plugnet_step_end(self) -> None:
        assert set(threads()) == {1}


@pytest.fixture(scope="module")
def digits() -> tuple[Array, Array]:
    x, y = load_digits(return_X_y=True)
    return x[:500], y[:500]


def pipeline(**arguments: Any) -> Pipeline:
    fixed: Any = {"max_iter": 15, "policy": ("fixed", 0.01), "random_state": 0}
    return make_pipeline(MinMaxScaler(), NetworkClassifier(20, **fixed, **arguments))


@pytest.fixture(scope="module")
def scores(digits: tuple[Array, Array]) -> Array:
    """The scores without any other process or thread."""
    found: Array = cross_val_score(pipeline(), *digits, cv=4)
    assert found.min() > 0.7
    return found


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_scores_are_the_same_in_processes_and_threads(
    backend: str, digits: tuple[Array, Array], scores: Array
) -> None:
    with parallel_config(backend, n_jobs=2):
        found = cross_val_score(pipeline(hooks=[Counts()]), *digits, cv=4, error_score="raise")
    np.testing.assert_array_equal(found, scores)


def test_scores_are_the_same_on_dask(digits: tuple[Array, Array], scores: Array) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        parallel_config("dask", n_jobs=2),
    ):
        found = cross_val_score(pipeline(hooks=[Counts()]), *digits, cv=4, error_score="raise")
    np.testing.assert_array_equal(found, scores)


def test_a_search_over_layers_and_arguments_finds_the_same(digits: tuple[Array, Array]) -> None:
    grid = {
        "networkclassifier__layers": [None, [("fc", {"outputs": 10}), "tanh"]],
        "networkclassifier__optimizer__beta1": [0.8, 0.9],
        "networkclassifier__regularizer": [None, ("l2", 0.01)],
    }
    one, two = (
        GridSearchCV(pipeline(), grid, cv=2, n_jobs=jobs, error_score="raise").fit(*digits)
        for jobs in (1, 2)
    )
    for name in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])
    assert one.best_params_ == two.best_params_
    np.testing.assert_array_equal(one.predict_proba(digits[0]), two.predict_proba(digits[0]))


def test_a_search_takes_what_this_process_has_registered_to_others(
    digits: tuple[Array, Array],
) -> None:
    registry.activations.register("bent")(Bent)
    try:
        grid = {"networkclassifier__activation": ["bent"]}
        found = GridSearchCV(pipeline(), grid, cv=2, n_jobs=2, error_score="raise").fit(*digits)
    finally:
        registry.activations.unregister("bent")
    assert found.best_score_ > 0.5


SCRIPT = """
import numpy as np
from sklearn.model_selection import GridSearchCV, cross_validate
from plugnet import registry
from plugnet.interfaces import Activation
from plugnet_sklearn import NetworkClassifier

@registry.activations.register("mine")
class Mine(Activation):
    def forward(self, x, out=None):
        return np.sin(x, out=out)
    def derivative(self, x, y, out=None):
        return np.cos(x, out=out)

if __name__ == "__main__":
    x = np.random.default_rng(0).normal(size=(100, 3))
    model = NetworkClassifier(5, max_iter=2, random_state=0)
    grid = {"activation": ["mine"], "layers": [None, [("fc", {"outputs": 5}), "mine"]]}
    GridSearchCV(model, grid, cv=2, n_jobs=2, error_score="raise").fit(x, x[:, 0] > 0)
    model.set_params(activation="mine")
    found = cross_validate(model, x, x[:, 0] > 0, cv=2, n_jobs=2, return_estimator=True)
    for back in found["estimator"]:
        assert type(back.model_.network.layers[1].activation) is Mine
    print("done")
"""


def test_a_script_takes_its_own_classes_to_other_processes(tmp_path: Any) -> None:
    """As a notebook does: there is no module to import them from."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    command = [sys.executable, "-W", "ignore", str(file)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout == "done\n"


def test_predictions_leave_blas_as_it_was(digits: tuple[Array, Array]) -> None:
    before = threads()
    model = pipeline().fit(*digits)
    model.predict(digits[0])
    assert threads() == before
