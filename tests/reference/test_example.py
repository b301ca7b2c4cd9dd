"""The examples of components, which are run before they are shown."""

import importlib

import pytest
from tests import swirl
from tests.aliases import Fake

from plugnet.errors import ConfigError
from plugnet.reference.component import Component
from plugnet.reference.example import example
from plugnet.reference.transcript import checked, run
from plugnet.registry import Entry, registry


@pytest.mark.parametrize("entry", registry.entries(), ids=str)
def test_every_component_has_one_that_runs(entry: Entry) -> None:
    shown = example(Component(entry))
    assert shown is not None
    assert shown.startswith(">>> ")


def test_one_is_made_of_a_strangers_activation(install: Fake) -> None:
    shown = example(swirl.installed(install))
    assert shown is not None
    assert shown.splitlines()[:4] == [
        ">>> import numpy as np",
        ">>> from plugnet import registry",
        '>>> activation = registry.activations.build("swirl")',
        ">>> x = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])",
    ]
    assert "[1.995, -0.0, 0.0, 0.421, 1.197]" in shown  # x sin(x + 0.5)


def test_the_packages_own_is_run(install: Fake) -> None:
    toml = (
        "[activations.swirl]\nexample = '''\nfor i in (1, 2):\n    print(i)\n# two\n1 + 1 # so\n'''"
    )
    shown = example(swirl.installed(install, reference=toml))
    assert shown == (">>> for i in (1, 2):\n...     print(i)\n1\n2\n>>> # two\n... 1 + 1 # so\n2")


def test_one_that_fails_is_refused(install: Fake) -> None:
    toml = "[activations.swirl]\nexample = 'a = 1; 1 / 0'"
    with pytest.raises(ConfigError, match=r"activation 'swirl' must run, .* ZeroDivisionError"):
        example(swirl.installed(install, reference=toml))
    with pytest.raises(ConfigError, match="SyntaxError"):
        run("1 +", "it")


def test_a_docstrings_that_prints_something_else_is_refused(install: Fake) -> None:
    code = swirl.CODE.replace("    Attributes:", "    >>> 1 + 1\n    3\n\n    Attributes:")
    with pytest.raises(ConfigError, match="activation 'swirl' does not") as caught:
        example(swirl.installed(install, code=code))
    assert "Expected:\n    3\nGot:\n    2" in str(caught.value)


def test_what_a_docstring_uses_of_its_module_is_imported() -> None:
    importlib.import_module("plugnet.chain")
    text = ">>> x = np.ones(2)\n>>> isinstance(x, Chain), len(x)\n(False, 2)"
    assert checked(text, "it", "plugnet.chain").splitlines() == [
        ">>> from plugnet.chain import Chain",
        ">>> import numpy as np",
        *text.splitlines(),
    ]
