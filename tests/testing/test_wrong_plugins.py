"""Installed plugins that are wrong on purpose, in their import or in what they declare."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.aliases import Fake
from tests.checks import failures

from plugnet import registry
from plugnet.testing import check_component

POLICY = '''
from plugnet.interfaces import LRPolicy

class Half(LRPolicy):
    """Always 0.5."""

    def __init__(self, after=0):
        self.after = after

    def __call__(self, iteration):
        return 0.5
'''


@pytest.fixture
def install(fake_distribution: Fake) -> Callable[[str], None]:
    """Return a function that installs the distribution "nn-half" with one module."""

    def put(source: str) -> None:
        entries = {"lr_policies": {"half": "nn_half:Half"}}
        fake_distribution("nn-half", entries, {"nn_half.py": source, "tensorflow.py": ""})
        registry.refresh()

    return put


@pytest.fixture(autouse=True)
def _own_registry() -> object:
    """Forget, after the test, what was installed in it."""
    with registry.isolated(["nn-half"]):
        yield


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        (POLICY, set()),
        ("print('hello')\n" + POLICY, {"import_is_quiet"}),
        (
            "import numpy\nnumpy.seterr(all='ignore')\n" + POLICY,
            {"import_leaves_global_state"},
        ),
        ("import numpy\nnumpy.random.seed(0)\n" + POLICY, {"import_leaves_global_state"}),
        ("import tensorflow\n" + POLICY, {"import_is_light"}),
        (POLICY + "\nimport time\nend = time.process_time() + 1.1\n"
         "while time.process_time() < end: pass\n", {"import_is_light"}),
        ("from plugnet import registry\n" + POLICY.replace("class Half", "class Other")
         + "\nclass Half(Other):\n    '''Half.'''\n    def __init__(self, after=0):\n"
         "        import sys; self.after = after + ('pytest' not in sys.modules)\n",
         {"fresh_process"}),
    ],
    ids=["right", "prints", "seterr", "seed", "heavy", "slow", "elsewhere"],
)  # fmt: skip
def test_the_fault_is_named(source: str, faults: set[str], install: Callable[[str], None]) -> None:
    install(source)
    assert failures("half").keys() == faults


def test_an_import_that_ends_the_process_is_named(install: Callable[[str], None]) -> None:
    install("import sys\nif 'pytest' not in sys.modules: sys.exit('no')\n" + POLICY)
    found = failures("half")
    assert found.keys() == {
        "fresh_process", "import_is_quiet", "import_leaves_global_state", "import_is_light",
    }  # fmt: skip
    assert "could not import nn_half" in found["fresh_process"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('not today')", "not today"),
        (POLICY.replace("after=0", "*after"), "Name every argument"),
        (POLICY.replace("class Half", "class Hall"), "no attribute 'Half'"),
        (POLICY.replace("LRPolicy", "Activation"), "not a LRPolicy class"),
    ],
    ids=["import", "starred", "misspelled", "kind"],
)
def test_a_plugin_that_cannot_be_loaded_fails_one_check(
    source: str, reason: str, install: Callable[[str], None]
) -> None:
    install(source)
    report = check_component("half", raise_on_failure=False)
    assert [result.check for result in report.results] == ["load"]
    assert report.results[0].status == "failed"
    assert reason in report.results[0].reason
