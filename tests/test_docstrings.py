"""The examples in docstrings: they hold, and the public classes have one."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import plugnet
from plugnet import chain, data, interfaces, parameter, registry, training
from plugnet.component import Component

ROOT = Path(__file__).parents[1]
#: Packages that stand on a heavier one, and so are not installed everywhere.
HEAVY = ("plugnet_sklearn",)


def modules() -> list[str]:
    """Return the modules of the core and the plugins that have examples in docstrings."""
    files = [*(ROOT / "core").rglob("*.py"), *(ROOT / "plugins").glob("*/plugnet_*/**/*.py")]
    example = re.compile(r"^ +>>> ", re.MULTILINE)
    written = sorted(file for file in files if example.search(file.read_text()))
    names = []
    for file in written:
        top = next(parent for parent in reversed(file.parents) if (parent / "__init__.py").exists())
        relative = file.relative_to(top.parent).with_suffix("")
        names.append(".".join(relative.parts).removesuffix(".__init__"))
    return names


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_hold(name: str) -> None:
    if (package := name.partition(".")[0]) in HEAVY:
        pytest.importorskip(package)
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0


def test_every_public_class_has_an_example() -> None:
    public: list[type] = [plugnet.Network, plugnet.Trainer, plugnet.Parameter, type(registry)]
    public += [chain.Chain, data.ArrayBatches, data.Data, interfaces.Batch, interfaces.DataSplits]
    public += [parameter.Parameters, parameter.Statistic, training.Evaluation, training.History]
    public += [
        value
        for value in vars(interfaces).values()
        if isinstance(value, type) and issubclass(value, Component) and value is not Component
    ]
    assert [cls.__name__ for cls in public if ">>>" not in (cls.__doc__ or "")] == []
