"""The kit itself: what it accepts, and how it reports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.process import printed

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, UnknownComponentError
from plugnet.interfaces import Layer, LRPolicy
from plugnet.testing import CheckFailure, CheckResult, Report, check_component, checks_of


class Doubled(Layer):
    """y = 2 x, with a wrong gradient."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return 2 * x

    def backward(self, dy: Array) -> Array:
        return 3 * dy


FAULTS = ("input_gradient", "batch_of_one")


@pytest.mark.parametrize(
    "component",
    [
        "fc",
        "layer:plugnet/fc",
        ("fc", 6, 4, {"bias": False}),
        registry.build("fc", None, 4),
        registry.spec(registry.build("fc", None, 4)),
        registry.get("fc"),
    ],
    ids=["name", "qualified", "tuple", "object", "spec", "class"],
)
def test_components_are_given_in_many_ways(component: Any) -> None:
    report = check_component(component)
    assert report.component == f"layer fc (plugnet {registry.info('fc').entry.version})"
    assert report.failed == ()
    assert {result.check for result in report.results} == set(checks_of(component))


def test_an_object_that_was_used_is_checked_anew_and_stays_as_it_is() -> None:
    layer = registry.build("fc", 3, 2)
    layer.initialize((3,), np.random.default_rng(0), np.dtype("float32"))
    before = [parameter.value.copy() for parameter in layer.parameters().values()]
    check_component(layer)
    for parameter, value in zip(layer.parameters().values(), before, strict=True):
        np.testing.assert_array_equal(parameter.value, value)


@pytest.mark.parametrize("component", [3, object(), dict])
def test_what_is_no_component_is_refused(component: object) -> None:
    with pytest.raises(ArgumentError, match="A component to check is a name"):
        check_component(component)


def test_an_unknown_name_is_the_users_mistake() -> None:
    with pytest.raises(UnknownComponentError, match="tanh"):
        check_component("tahn")


def test_failure_names_every_failed_check_and_its_reason() -> None:
    with pytest.raises(CheckFailure) as caught:
        check_component(Doubled)
    message = str(caught.value)
    assert message.startswith("layer Doubled (not registered) fails 2 checks:")
    for fault in FAULTS:
        assert f"\n  {fault}: " in message
    assert "Off by the factor 1.5" in message
    assert isinstance(caught.value, AssertionError)


def test_a_single_failure_is_one_check() -> None:
    expected = dict.fromkeys(FAULTS[1:], "3 is not 2")
    with pytest.raises(CheckFailure, match=r"^layer Doubled \(not registered\) fails 1 check:\n"):
        check_component(Doubled, expected_failures=expected)


def test_expected_failures_are_no_failures() -> None:
    report = check_component(Doubled, expected_failures=dict.fromkeys(FAULTS, "3 is not 2"))
    assert report.failed == ()
    assert [r for r in report.results if r.status == "expected"] == [
        CheckResult(fault, "expected", "3 is not 2") for fault in FAULTS
    ]


def test_an_expected_failure_that_passes_fails() -> None:
    report = check_component("tanh", expected_failures={"dtype": "?"}, raise_on_failure=False)
    assert [result.check for result in report.failed] == ["dtype"]
    assert "remove it from expected_failures" in report.failed[0].reason


def test_an_expected_failure_of_no_check_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no check 'gradeint' for a loss"):
        check_component("huber", expected_failures={"gradeint": "?"})


def test_the_report_is_a_table_of_80_columns() -> None:
    text = str(check_component(Doubled, raise_on_failure=False))
    assert max(map(len, text.splitlines())) <= 80
    assert "  FAILED    input_gradient\n" in text
    assert "  passed    documented\n" in text
    assert "\n  skipped   statistics: it has no statistics\n" in text
    assert text.count("it has no parameters to train") == 1


def test_a_short_report_reads_so() -> None:
    report = Report(
        "layer x (y 1.0)", (CheckResult("a", "passed"), CheckResult("b", "failed", "c"))
    )
    assert str(report) == (
        "layer x (y 1.0): 1 passed, 1 failed\n  passed    a\n  FAILED    b\n            c"
    )


def test_skips_of_one_reason_are_one_line() -> None:
    results = (
        CheckResult("a", "skipped", "c"),
        CheckResult("b", "failed", "c"),
        CheckResult("d", "skipped", "c"),
        CheckResult("e", "skipped", "f"),
    )
    assert str(Report("x", results)).splitlines() == [
        "x: 1 failed, 3 skipped",
        "  FAILED    b",
        "            c",
        "  skipped   2 checks: c",
        "  skipped   e: f",
    ]


def test_checking_leaves_the_registry_and_global_state_alone() -> None:
    class Rude(LRPolicy):
        """Spoils everything."""

        def __call__(self, iteration: int) -> float:
            np.seterr(all="ignore")
            np.random.seed(iteration)  # noqa: NPY002
            return 0.1

    def state() -> tuple[Any, ...]:
        random = np.random.get_state(legacy=False)["state"]["pos"]  # noqa: NPY002
        return registry.names(), np.geterr(), random

    before = state()
    report = check_component(Rude, raise_on_failure=False)
    assert [result.check for result in report.failed] == ["global_state"]
    assert state() == before


def test_examples_say_arguments_and_shapes() -> None:
    shapes = []

    class Rows(Layer):
        """Takes samples of one shape only, as its example says."""

        def __init__(self, rows: int) -> None:
            self.rows = rows

        @classmethod
        def examples(cls) -> list[tuple[dict[str, int], tuple[int, ...]]]:
            return [({"rows": 2}, (2, 2, 2, 2, 2))]

        def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
            return shape

        def forward(self, x: Array, training: bool = False) -> Array:
            shapes.append(x.shape[1:])
            return x.copy()

        def backward(self, dy: Array) -> Array:
            return dy.copy()

    check_component(Rows)
    assert set(shapes) == {(2, 2, 2, 2, 2)}


TEST = """
from plugnet.testing import parametrize_with_checks

@parametrize_with_checks(["huber", ("fc", 3, 2)], expected_failures={"huber": EXPECTED})
def test_conformance(component, check):
    check(component)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "test_fine.py").write_text(TEST.replace("EXPECTED", "{}"))
    (folder / "test_strict.py").write_text(TEST.replace("EXPECTED", "{'mean': 'known'}"))
    return folder


def run_pytest(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


def test_each_check_is_a_test_of_its_own(folder: Path) -> None:
    shown = run_pytest(folder, "test_fine.py", "-vv", "-k", "gradient")
    assert "test_fine.py::test_conformance[huber-gradient] PASSED" in shown
    assert "test_fine.py::test_conformance[fc-input_gradient] PASSED" in shown
    assert "failed" not in shown


def test_expected_failures_are_strict_in_pytest_too(folder: Path) -> None:
    shown = run_pytest(folder, "test_strict.py", "-k", "huber")
    assert "XPASS(strict)" in shown
    assert "1 failed" in shown


def test_pytest_loads_the_fixtures_without_plugnet(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\ndef test_it(request):\n"
        "    assert 'plugnet' not in sys.modules\n"
        "    request.getfixturevalue('plugin_registry').build('tanh')\n"
    )
    assert "1 passed" in run_pytest(tmp_path)


def test_the_registry_of_the_fixture_forgets(plugin_registry: Any) -> None:
    plugin_registry.layers.register("doubled")(Doubled)
    assert "doubled" in registry.layers.names()
    with registry.isolated():
        pass
    assert "doubled" in registry.layers.names()


def test_the_kit_needs_no_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None; from plugnet.testing import check_component;"
        "print(check_component('tanh').failed)"
    )
    assert printed(code) == "()\n"
