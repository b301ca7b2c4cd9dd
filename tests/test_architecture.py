"""Who may import whom, what an import costs in modules, and what stands where."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core/plugnet"
BUILTIN = ROOT / "plugins/builtin/plugnet_builtin"
PLUGINS = sorted((ROOT / "plugins").glob("*/plugnet_*/**/*.py"))

# A room may import the rooms named before it in its row, and nothing else of plugnet.
ROOMS = {
    "errors": (),
    "arguments": ("errors",),
    "arrays": (),
    "parameter": ("arguments", "arrays", "errors"),
    "copying": ("errors",),
    "files": ("arguments", "arrays", "errors"),
    "targets": ("arrays", "errors"),
    "mapped": ("arrays",),
    "parallel": ("arguments", "arrays"),
    "samples": ("arrays", "errors", "mapped"),
    "labels": ("arguments", "arrays", "errors", "samples"),
    "unset": ("errors",),
    "interfaces": ("arrays", "copying", "errors", "parameter", "targets", "unset"),
    "convert": ("arrays", "errors", "files", "interfaces"),
    "registry": ("errors", "interfaces"),
    "layers": ("arrays", "errors", "parameter", "interfaces", "registry"),
    "chain": ("arrays", "errors", "parameter", "interfaces", "layers"),
    "summary": ("parameter", "interfaces", "layers", "network"),
    "model_file": ("arrays", "errors", "files", "network"),
    "patterns": ("errors", "parameter"),
    "network": (
        "arguments", "arrays", "copying", "errors", "parameter", "patterns", "layers", "chain",
        "registry", "samples",
        "summary", "model_file",  # rooms of the network's own, entered by its methods only
    ),
    "training": (
        "arguments", "arrays", "errors", "parameter", "interfaces", "registry", "layers", "network",
        "model_file", "files", "mapped", "samples", "labels", "parallel",
    ),
    "testing": (
        "arrays", "copying", "errors", "parameter", "interfaces", "registry", "layers", "network",
        "training",
    ),
    "__main__": ("cli",),
    "cli": (
        "arguments", "arrays", "errors", "parameter", "interfaces", "registry", "network",
        "training", "convert", "samples", "testing",
    ),
}  # fmt: skip


def imported(path: Path) -> set[str]:
    """Return the dotted names of all modules that the file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


#: What plugins may import of plugnet.
PUBLIC = {
    "Network", "Parameter", "Trainer", "registry",
    "interfaces", "arrays", "parameter", "chain", "errors", "arguments", "targets", "samples",
    "labels", "training", "parallel",
}  # fmt: skip

#: Where the names come from that `plugnet` itself exports.
EXPORTED = {"Network": "network", "Parameter": "parameter", "Trainer": "training"}


def room(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.name)
def test_core_imports_only_downhill_and_no_plugin(path: Path) -> None:
    if path == CORE / "__init__.py":
        assert imported(path) == {
            "plugnet.network.Network",
            "plugnet.parameter.Parameter",
            "plugnet.registry.registry",
            "plugnet.training.Trainer",
        }
        return
    here = room(path)
    for name in imported(path):
        assert not name.startswith("plugnet_"), f"core imports the plugin package {name}"
        if name.startswith("plugnet.") and name != "plugnet.__version__":
            there = EXPORTED.get(name.split(".")[1], name.split(".")[1])
            assert there == here or there in ROOMS[here], f"{here} must not import {there}"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_plugins_import_only_public_modules_themselves_and_the_dependencies(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[1]
    allowed = {"plugnet", own, "numpy", "scipy"}
    if own == "plugnet_builtin":
        allowed |= {"matplotlib", "tqdm", "pooch"}
    if path.name == "pytest_plugin.py":
        allowed.add("pytest")
    for name in imported(path):
        top, *rest = name.split(".")
        assert top in allowed | set(sys.stdlib_module_names), f"{path.name} imports {top}"
        assert top != "plugnet" or rest[0] in PUBLIC, f"{path.name} imports {name}"


def test_the_public_modules_are_those_that_plugnet_names() -> None:
    import plugnet

    said = re.findall(r"`(?:plugnet\.)?(\w+)`", plugnet.__doc__ or "")
    exported = {"Network", "Parameter", "Trainer", "registry"}
    assert sorted({*said, *exported}) == sorted(PUBLIC)


def test_importing_plugnet_imports_no_plugin_and_nothing_heavy() -> None:
    code = (
        "import json, sys, numpy; before = set(sys.modules); import plugnet;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = json.loads(shown.stdout)
    heavy = (
        "plugnet_builtin",
        "scipy",
        "matplotlib",
        "pluggy",
        "tqdm",
        "importlib.metadata",
        "threadpoolctl",
        "concurrent",
    )
    assert [name for name in loaded if name.startswith(heavy)] == []
    assert "plugnet.network" in loaded


def test_installed_entry_points_are_those_of_pyproject() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    declared = {group: keys for group, keys in groups.items() if group.startswith("plugnet.")}
    installed: dict[str, dict[str, str]] = {}
    for entry in metadata.distribution("plugnet").entry_points:
        if entry.group.startswith("plugnet."):
            installed.setdefault(entry.group, {})[entry.name] = entry.value
    assert installed == declared, "the installed metadata are stale: run pip install -e ."


def test_no_class_of_a_plugin_is_subclassed() -> None:
    concrete: set[str] = set()
    bases: set[str] = set()
    for path in PLUGINS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                if "abstractmethod" not in ast.dump(node):
                    concrete.add(node.name)
                bases |= {base.id for base in node.bases if isinstance(base, ast.Name)}
    assert concrete & bases == set()


def test_pickle_is_imported_only_by_the_kit_to_try_it() -> None:
    for path in [*CORE.rglob("*.py"), *PLUGINS]:
        if path.parent == CORE / "testing":
            continue
        assert not {"pickle", "shelve", "marshal"} & {n.split(".")[0] for n in imported(path)}


def test_version_is_the_same_in_code_and_metadata() -> None:
    import plugnet

    assert plugnet.__version__ == metadata.version("plugnet")
