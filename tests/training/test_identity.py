"""What must not change if a training is to go on to the same bits."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import trainer
from tests.trained import weights_of

from plugnet import Network, Trainer, registry
from plugnet.data import ArrayBatches
from plugnet.errors import ResumeError, TrainingWarning
from plugnet.interfaces import Batch
from plugnet.parameter import Parameters
from plugnet.training import identity, threads

RNG = np.random.default_rng(0)
X, Y = RNG.random((20, 4), np.float32), np.arange(20) % 3
HELD, TEST = (X[::2], Y[::2]), (X[1::2], Y[1::2])


class Interrupt:
    """Ends a run after two steps."""

    observes = True

    def plugnet_step_end(self, training: Trainer) -> None:
        if training.iteration == 2:
            training.stop("for now", resumable=True)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The file of a run that has ended for now."""
    path = tmp_path / "run"
    run = trainer(hooks=[Interrupt()], threads=1)
    run.fit(X, Y, 6, weights=np.ones(20), validation=HELD, test=TEST, evaluate_every=3)
    run.save(path)
    return path


def fit(run: Trainer, **changed: Any) -> None:
    given: dict[str, Any] = {
        "x": X,
        "y": Y,
        "weights": np.ones(20),
        "validation": HELD,
        "test": TEST,
    }
    run.fit(**{"evaluate_every": 3} | given | changed)


def differences(saved: Path, threads: int = 1, hooks: Any = (), **changed: Any) -> list[str]:
    """Return what is reported of a change, and check that ``inexact`` allows it."""
    with pytest.raises(ResumeError) as caught:
        fit(Trainer.resume(saved, hooks, threads), **changed)
    found = caught.value.differences
    assert all(f"\n  {line}" in str(caught.value) for line in found)
    again = Trainer.resume(saved, hooks, threads, inexact=True)
    with pytest.warns(TrainingWarning, match="goes on inexactly") as warned:
        fit(again, **changed)
    assert all(line in str(warned[0].message) for line in found)
    assert again.iteration == 6
    assert again.history.notes == [f"resumed inexactly: {'; '.join(found)}"]
    return list(found)


def test_without_a_change_it_goes_on(saved: Path) -> None:
    fit(Trainer.resume(saved, threads=1))


def one_other(array: Any) -> Any:
    array = array.copy()
    array[3] = (array[3] + 1) % 3
    return array


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"x": one_other(X)}, ["training samples"]),
        ({"y": one_other(Y)}, ["training labels"]),
        ({"weights": one_other(np.ones(20))}, ["training weights"]),
        ({"weights": None}, ["training weights"]),
        ({"x": X[::-1], "y": Y[::-1]}, ["training samples", "training labels"]),
        ({"x": X.astype(np.float16)}, ["training samples"]),
        (
            {"x": X[:18], "y": Y[:18], "weights": np.ones(18)},
            ["training samples", "training labels", "training weights"],
        ),
        ({"validation": (one_other(HELD[0]), HELD[1])}, ["validation samples"]),
        ({"validation": None}, ["validation samples", "validation labels"]),
        ({"test": (TEST[0], one_other(TEST[1]))}, ["test labels"]),
    ],
    ids=[
        "a sample",
        "a label",
        "a weight",
        "no weights",
        "another order",
        "another dtype",
        "fewer rows",
        "validation",
        "no validation",
        "test",
    ],
)
def test_other_data_are_told_field_by_field(
    changed: dict[str, Any], names: list[str], saved: Path
) -> None:
    found = differences(saved, **changed)
    assert [line.partition(":")[0] for line in found] == names


def test_old_and_new_value_are_told(saved: Path) -> None:
    samples, _, weights = differences(saved, x=X[:18], y=Y[:18], weights=np.full(18, 2.0))
    assert samples.startswith("training samples: 20 x 4 float32, SHA-256 ")
    assert "before, 18 x 4 float32, SHA-256 " in samples
    assert samples.endswith("... now")
    assert weights.startswith("training weights: 20 float32, ")
    (line,) = differences(saved, weights=None)
    assert line.endswith("before, none now")


def test_the_number_of_threads_is_told_with_advice(saved: Path) -> None:
    assert differences(saved, threads=2) == [
        "threads: 1 before, 2 now. Give threads=1, on the command line --threads 1"
    ]


def test_other_versions_are_told_with_the_line_to_run(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {**identity.of_environment(1, [])}
    known = Trainer.resume(saved, threads=1).identity()
    before = identity.of_environment

    def other(threads: int, specs: Any) -> dict[str, str]:
        found = before(threads, specs)
        return found | {"NumPy": "9.9", "version of plugnet": "7.7"}

    monkeypatch.setattr(identity, "of_environment", other)
    own = known["version of plugnet"]
    assert differences(saved) == [
        f"NumPy: {old['NumPy']} before, 9.9 now. Run: pip install numpy=={old['NumPy']}",
        f"version of plugnet: {own} before, 7.7 now. Run: pip install plugnet=={own}",
    ]


def test_another_kernel_is_told(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugnet.training.threads import blas_name

    monkeypatch.setattr(identity, "blas_name", lambda: "openblas 1.0 Other")
    assert differences(saved) == [f"BLAS: {blas_name()} before, openblas 1.0 Other now"]
    assert " " in blas_name()


def test_numpy_without_simd_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "show_config", lambda mode: {"Compilers": {}})
    assert identity.of_environment(1, [])["SIMD"] == "none"


def test_another_dtype_is_told(saved: Path) -> None:
    """The network of a file keeps its dtype, so it takes a forged file."""
    run = Trainer.resume(saved, threads=1)
    run.expect(run.identity() | {"argument dtype": "float64"})
    with pytest.raises(ResumeError, match="argument dtype: float64 before, float32 now"):
        fit(run)


class Scaling:
    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        parameters.grad *= 0.5


def test_other_hooks_are_told_if_they_change_the_training(saved: Path) -> None:
    name = "argument hooks"
    assert differences(saved, hooks=["early_stop", Scaling()]) == [
        f"{name}: none before, "
        "early_stop(patience=5, minimum_change=0.0, metric='loss'), Scaling() now"
    ]
    again = Trainer.resume(saved, [Interrupt(), ("csv_log", str(saved.with_suffix(".csv")))], 1)
    fit(again)


def test_a_refused_trainer_can_go_on_with_the_right_data(saved: Path) -> None:
    whole = trainer(threads=1)
    fit(whole, iterations=6)
    run = Trainer.resume(saved, threads=1)
    with pytest.raises(ResumeError):
        fit(run, y=one_other(Y))
    fit(run)
    np.testing.assert_array_equal(weights_of(run), weights_of(whole))
    fit(run, y=one_other(Y), iterations=1)  # it is another fit


def test_a_new_fit_may_be_evaluated_on_other_samples(saved: Path) -> None:
    fit(Trainer.resume(saved, threads=1), validation=TEST, test=HELD, iterations=2)
    with pytest.raises(ResumeError, match="training labels"):
        fit(Trainer.resume(saved, threads=1), y=one_other(Y), iterations=2)


def test_nothing_is_known_of_a_trainer_that_was_never_fitted(tmp_path: Path) -> None:
    trainer(threads=1).save(tmp_path / "new")
    fit(Trainer.resume(tmp_path / "new", threads=1), iterations=2)


def test_arrays_cannot_become_a_source_unnoticed(saved: Path) -> None:
    run = Trainer.resume(saved, threads=1)
    with pytest.raises(ResumeError, match=r"training samples: 20 x 4 .* before, none now"):
        run.fit(ArrayBatches(Batch(X, Y), 5), validation=HELD, test=TEST)


def test_beside_a_source_the_samples_to_evaluate_on_are_checked(tmp_path: Path) -> None:
    run = trainer(hooks=[Interrupt()], threads=1)
    run.fit(ArrayBatches(Batch(X, Y), 5), iterations=6, validation=HELD)
    run.save(tmp_path / "run")
    again = Trainer.resume(tmp_path / "run", threads=1)
    with pytest.raises(ResumeError, match="validation samples"):
        again.fit(ArrayBatches(Batch(X, Y), 5), validation=TEST)
    again.fit(ArrayBatches(Batch(X, Y), 5), validation=HELD)
    assert again.iteration == 6


# Digests -----------------------------------------------------------------------------------------


def layouts(array: Any) -> list[Any]:
    """Return equal arrays that lie otherwise in memory."""
    wide = np.zeros((len(array), 3 * array.shape[1]), array.dtype)
    wide[:, ::3] = array
    backwards = array[::-1].copy()
    return [array.copy(), np.asfortranarray(array), wide[:, ::3], backwards[::-1]]


@pytest.mark.parametrize("whole", [2**30, 1000])
def test_a_digest_does_not_depend_on_the_layout(
    whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "WHOLE", whole)
    monkeypatch.setattr(identity, "BLOCK", 64)
    array = RNG.random((2000, 3))
    assert len({identity.digest(each) for each in [array, *layouts(array)]}) == 1
    assert "2000 x 3 float64, SHA-256 " in identity.digest(array)


def test_of_a_large_array_blocks_at_fixed_places_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "WHOLE", 1000)
    monkeypatch.setattr(identity, "BLOCK", 64)
    monkeypatch.setattr(identity, "BLOCKS", 5)
    array = np.zeros((1000, 4), np.float32)  # blocks of 4 rows at 0, 249, 498, 747, 996
    first, seen = identity.digest(array), []
    for row in range(1000):
        array[row, 1] = 1
        if identity.digest(array) != first:
            seen.append(row)
        array[row, 1] = 0
    assert seen == [start + i for start in (0, 249, 498, 747, 996) for i in range(4)]
    assert identity.digest(array[:-1]) != first
    assert identity.digest(array.reshape(2000, 2)) != first
    assert identity.digest(array.view(np.int32)) != first


def test_of_a_small_array_every_byte_counts() -> None:
    array = np.zeros((30, 4), np.uint8)
    digests = {identity.digest(array)}
    for place in np.ndindex(array.shape):
        array[place] = 1
        digests.add(identity.digest(array))
        array[place] = 0
    assert len(digests) == 121


def test_a_trainer_lets_go_of_its_samples_if_it_is_told_to(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((100_000, 4), np.float32)
    run = trainer(threads=1)
    run.fit(x, np.arange(len(x)) % 3, 2)
    gone = weakref.ref(x)
    del x
    run.forget_data()
    assert gone() is None
    assert not any(name.startswith("training ") for name in run.identity())
    run.save(tmp_path / "run")
    assert Trainer.resume(tmp_path / "run", threads=1).fit(X, Y, 2).iteration == 4


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), ()])
def test_empty_arrays_have_digests(shape: tuple[int, ...]) -> None:
    assert "SHA-256" in identity.digest(np.zeros(shape))


def test_a_large_row_is_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "WHOLE", 1000)
    monkeypatch.setattr(identity, "BLOCK", 64)
    assert "3 x 500 float64" in identity.digest(np.zeros((3, 500)))


def test_a_network_of_another_machine_is_found_by_its_layers(tmp_path: Path) -> None:
    """The versions of all distributions whose layers are in a network are kept."""
    pytest.importorskip("plugnet_dropout")
    run = Trainer(Network([("fc", 4, 3), ("residual", [("dropout", 0.5)])]), batch_size=5)
    known = run.identity()
    names = {name for name in known if name.startswith("version of ")}
    assert names == {
        "version of plugnet",
        "version of plugnet-composition",
        "version of plugnet-dropout",
    }


def test_numpys_own_blas_is_named_whatever_else_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = [
        {"user_api": api, "filepath": f"/env/{where}/lib{api}.so", "internal_api": api,
         "version": version, "architecture": "Zen"}
        for api, where, version in (
            ("openmp", "torch/lib", "1"), ("blas", "scipy.libs", "2"), ("blas", "numpy.libs", "3"),
        )
    ]  # fmt: skip
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: libraries)
    assert threads.blas_name.__wrapped__() == "blas 3 Zen"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"batch_size": 4}, "batch_size: 5 before, 4 now"),
        ({"shuffle": False}, "shuffle: True before, False now"),
        ({"optimizer": registry.optimizers.build("sgd", 0.5)}, '{"momentum": 0.5} now'),
        ({"policy": registry.lr_policies.build("fixed", 0.5)}, 'fixed {"rate": 0.5} now'),
    ],
    ids=["batch_size", "shuffle", "optimizer", "policy"],
)
def test_settings_that_were_changed_since_are_named(
    saved: Path, change: dict[str, Any], line: str
) -> None:
    again = Trainer.resume(saved, threads=1)
    vars(again).update(change)
    with pytest.raises(ResumeError) as caught:
        fit(again)
    (difference,) = caught.value.differences
    assert difference.startswith(f"argument {next(iter(change))}: ")
    assert line in difference


def test_arguments_of_hooks_and_the_evaluations_must_stay(tmp_path: Path) -> None:
    def hook(patience: int) -> Any:
        return "early_stop", {"patience": patience}

    def resumed(patience: int) -> Trainer:
        return Trainer.resume(tmp_path / "saved", [hook(patience)], 1)

    first = trainer(threads=1, hooks=[hook(3), Interrupt()])
    fit(first, iterations=20)
    first.save(tmp_path / "saved")
    with pytest.raises(ResumeError, match=r"patience=3.* before, .*patience=1"):
        fit(resumed(1))
    with pytest.raises(ResumeError, match="argument evaluate_every: 3 before, 4 now"):
        fit(resumed(3), evaluate_every=4)
    fit(resumed(3))


def test_a_resumed_trainer_that_is_saved_at_once_still_knows(saved: Path, tmp_path: Path) -> None:
    Trainer.resume(saved, threads=1).save(tmp_path / "again")
    with pytest.raises(ResumeError, match="validation labels"):
        fit(Trainer.resume(tmp_path / "again", threads=1), validation=(HELD[0], one_other(HELD[1])))
    fit(Trainer.resume(tmp_path / "again", threads=1))
