"""Estimators in pickles and in joblib's files, with the classes of the names that they use."""

import importlib
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6")
pytest.importorskip("plugnet_sklearn")

import joblib
from sklearn.datasets import load_iris

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import RegistrationError
from plugnet.interfaces import Activation
from plugnet_sklearn import NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Steep(Activation):
    """y = 2x."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.multiply(x, 2, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.full_like(x, 2)


class Gentle(Activation):
    """y = x / 2."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.multiply(x, 0.5, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.full_like(x, 0.5)


@pytest.fixture
def _registered() -> Iterator[None]:
    """Register ours for the length of a test."""
    registry.activations.register("steep")(Steep)
    yield
    if "steep" in registry.activations:
        registry.activations.unregister("steep")


@pytest.fixture
def model() -> NetworkClassifier:
    return NetworkClassifier(6, "steep", max_iter=3, random_state=0)


def flowers() -> tuple[Array, Array]:
    x, y = load_iris(return_X_y=True)
    return x, y


@pytest.mark.parametrize("mode", [None, "r", "c", "r+"])
def test_weights_on_disk_predict_and_are_left_alone_by_training(mode: Any, tmp_path: Path) -> None:
    x, y = flowers()
    model = NetworkClassifier(6, max_iter=3, random_state=0).fit(x, y)
    joblib.dump(model, tmp_path / "model.joblib")
    before = (tmp_path / "model.joblib").read_bytes()
    again = joblib.load(tmp_path / "model.joblib", mmap_mode=mode)
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    again.partial_fit(x, y)
    model.partial_fit(x, y)
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    assert (tmp_path / "model.joblib").read_bytes() == before


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.usefixtures("_registered")
def test_a_pickle_registers_what_it_names(trained: bool, model: NetworkClassifier) -> None:
    x, y = flowers()
    if trained:
        model.fit(x, y)
    text = pickle.dumps(model)
    registry.activations.unregister("steep")
    again = pickle.loads(text)
    assert registry.activations.get("steep") is Steep
    if trained:
        np.testing.assert_array_equal(again.predict(x), model.predict(x))
    again.fit(x, y)


@pytest.mark.usefixtures("_registered")
def test_a_name_that_is_in_use_stays_what_it_is(model: NetworkClassifier) -> None:
    text = pickle.dumps(model)
    registry.activations.register("steep", replace=True)(Gentle)
    pickle.loads(text)
    assert registry.activations.get("steep") is Gentle


@pytest.mark.usefixtures("_registered")
def test_what_is_not_named_comes_along_if_it_can(model: NetworkClassifier) -> None:
    class Local(Gentle):
        """One that pickle cannot find, but cloudpickle takes whole."""

    class Locked(Gentle):
        """One that cannot be pickled at all."""

        lock = threading.Lock()

    for name, cls in (("local", Local), ("locked", Locked)):
        registry.activations.register(name)(cls)
    try:
        text = pickle.dumps(NetworkRegressor())
        named = pickle.dumps(NetworkRegressor(layers=[("activation", "activation:local")]))
        with pytest.raises(TypeError, match="lock"):
            pickle.dumps(NetworkRegressor(layers=["locked"]))
    finally:
        for name in ("local", "locked", "steep"):
            registry.activations.unregister(name)
    for each in (text, named):
        pickle.loads(each)
        assert registry.activations.get("steep") is Steep
        assert issubclass(registry.activations.get("local"), Gentle)
        assert "locked" not in registry.activations
        for name in ("local", "steep"):
            registry.activations.unregister(name)


@pytest.mark.parametrize("is_named", [False, True])
def test_a_module_that_is_gone_is_missed_only_where_it_is_named(
    is_named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugnet_test_gone.py").write_text(
        "from plugnet.interfaces import Activation\nclass Gone(Activation): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    cls = importlib.import_module("plugnet_test_gone").Gone
    registry.activations.register("gone")(cls)
    model = NetworkRegressor(activation="gone" if is_named else "tanh")
    text = pickle.dumps(model)
    registry.activations.unregister("gone")
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, "plugnet_test_gone")
    importlib.invalidate_caches()
    if not is_named:
        assert pickle.loads(text).activation == "tanh"
        assert "gone" not in registry.activations
        return
    with pytest.raises(RegistrationError, match=r"names the activation 'gone', .*_gone\.Gone"):
        pickle.loads(text)
    registry.activations.register("gone")(Gentle)
    try:
        assert pickle.loads(text).activation == "gone"
    finally:
        registry.activations.unregister("gone")


def test_a_pickle_is_plain_where_nothing_is_registered() -> None:
    own = [entry for entry in registry.entries() if entry.distribution is None]
    state = NetworkClassifier().__getstate__()
    assert ("_carried" in state) == bool(own)


PROGRAM = """
import pickle, sys
from plugnet import registry
assert "steep" not in registry.activations
model = pickle.load(open(sys.argv[1], "rb"))
print(model.predict([[1.0, 2.0, 3.0, 4.0]]).shape, registry.activations.get("steep").__name__)
"""


@pytest.mark.usefixtures("_registered")
def test_another_process_reads_it(model: NetworkClassifier, tmp_path: Path) -> None:
    file = tmp_path / "model.pickle"
    file.write_bytes(pickle.dumps(model.fit(*flowers())))
    root = str(Path(__file__).parents[2])
    code = f"import sys; sys.path.insert(0, {root!r}){PROGRAM}"
    command = [sys.executable, "-c", code, str(file)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout == "(1,) Steep\n"


SCRIPT = """
import sys, cloudpickle, numpy as np
from plugnet import registry
from plugnet.interfaces import Activation
from plugnet_sklearn import NetworkClassifier

@registry.activations.register("mine")
class Mine(Activation):
    def forward(self, x, out=None):
        return np.sin(x, out=out)
    def derivative(self, x, y, out=None):
        return np.cos(x, out=out)

x = np.random.default_rng(0).normal(size=(50, 4))
model = NetworkClassifier(6, "mine", max_iter=3).fit(x, x[:, 0] > 0)
cloudpickle.dump(model, open(sys.argv[1], "wb"))
"""


def test_cloudpickle_takes_a_network_of_a_scripts_own_classes(tmp_path: Path) -> None:
    file = str(tmp_path / "model.pickle")
    for code in (SCRIPT, PROGRAM.replace("steep", "mine")):
        command = [sys.executable, "-W", "ignore", "-c", code, file]
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout == "(1,) Mine\n"
