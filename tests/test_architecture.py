"""Who may import whom, what an import costs in modules, and what stands where."""

import ast
import inspect
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from plugnet import Network, Trainer
from plugnet.data.source import from_samples

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core/plugnet"
PACKAGES = sorted(path for path in (ROOT / "plugins").glob("*/plugnet_*") if path.is_dir())
PLUGINS = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
MAP = (ROOT / "CONTRIBUTING.md").read_text().partition("## Architecture\n")[2].partition("\n## ")[0]

#: What plugins may import of plugnet.
PUBLIC = {
    "Network", "Parameter", "Trainer", "registry",
    "Model", "interfaces", "schema", "arrays", "parameter", "chain", "errors", "arguments",
    "targets", "data", "evaluation", "training", "parallel", "files",
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


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what measures the structure be imported."""
    monkeypatch.syspath_prepend(ROOT / "tests/benchmarks")


def test_no_file_imports_one_that_imports_it() -> None:
    """Late imports and those for types only are counted, in the core and in plugins."""
    from import_circles import circles

    assert circles([CORE, *PACKAGES]) == []


def test_the_map_names_every_room_and_all_that_it_imports() -> None:
    from import_circles import imports

    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", MAP, re.MULTILINE)
    listed = {room: set(re.findall(r"\w+", others)) for room, others in rows}
    found: dict[str, set[str]] = {}
    for module, others in imports([CORE]).items():
        room = module.split(".")[1] if "." in module else "__init__"
        rooms = {other.split(".")[1] if "." in other else "__init__" for other in others}
        found.setdefault(room, set()).update(rooms - {room, "__init__"})
    for entrance in ("__init__", "__main__"):
        found.pop(entrance)
    assert found == listed
    order = list(listed)
    for room, others in listed.items():
        assert all(order.index(other) < order.index(room) for other in others), room


def walk(work: Callable[[], object]) -> list[str]:
    """Return the files of plugnet whose functions are called, in the order of the first call."""
    files: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        is_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED  # and no module or class body
        if event == "call" and is_function and path.is_relative_to(ROOT):
            if path.is_relative_to(CORE):
                files[path.relative_to(CORE).as_posix()] = None
            elif path.is_relative_to(ROOT / "plugins"):
                files[path.relative_to(ROOT).as_posix()] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return list(files)


def told(heading: str) -> list[str]:
    """Return the files that the map's walk of that heading names."""
    text = MAP.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    return re.findall(r"^\d+\. `([\w/]+\.py)`", text, re.MULTILINE)


def test_a_data_set_walks_through_the_files_that_the_map_names() -> None:
    x, y = np.random.default_rng(0).random((300, 64), np.float32), np.arange(300) % 10
    trainer = Trainer(Network([("fc", 64, 50), "tanh", ("fc", 50, 10)]))
    files = walk(lambda: trainer.fit(x, y, 1))
    assert files[: files.index("data/batches.py") + 1] == told("A data set's walk")


def test_a_mini_batch_walks_through_the_files_that_the_map_names() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((300, 64), np.float32), np.arange(300) % 10
    trainer = Trainer(Network([("fc", 64, 50), "tanh", ("fc", 50, 10)]))
    batches = from_samples(trainer.check(x, y), 100, shuffle=True, seed=0)
    for _ in range(2):
        trainer.step(next(batches))
    assert walk(lambda: trainer.step(next(batches))) == told("A mini-batch's walk")


def test_a_name_walks_through_the_files_that_the_map_names() -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1]); import plugnet, test_architecture as a;"
        "print(*a.walk(lambda: plugnet.registry.build('fc', 784, 50)))"
    )
    command = [sys.executable, "-c", code, str(ROOT / "tests")]
    shown = subprocess.run(command, capture_output=True, check=True, text=True)
    assert shown.stdout.split() == told("A name's walk")


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.name)
def test_core_imports_no_plugin(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith("plugnet_")]


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_plugins_import_only_public_modules_and_their_dependencies(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[1]
    allowed = {"plugnet", own, "numpy", "scipy"}
    allowed |= {
        "plugnet_builtin": {"matplotlib", "tqdm", "pooch"},
        "plugnet_sklearn": {"sklearn", "cloudpickle"},
        "plugnet_hdf5": {"h5py"},
        "plugnet_images": {"PIL"},
        "plugnet_parquet": {"pyarrow"},
    }.get(own, set())
    if path.name == "pytest_plugin.py":
        allowed.add("pytest")
    for name in imported(path):
        top, *rest = name.split(".")
        assert top in allowed | set(sys.stdlib_module_names), f"{path.name} imports {top}"
        assert top != "plugnet" or rest[0] in PUBLIC, f"{path.name} imports {name}"


def test_the_public_modules_are_those_that_plugnet_names() -> None:
    import plugnet

    said = re.findall(r"`(?:plugnet\.)?(\w+)`", plugnet.__doc__ or "")
    exported = {"Model", "Network", "Parameter", "Trainer", "registry"}
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
        "plugnet.data.streaming",
        "plugnet.data.order",
        "plugnet.data.read_ahead",
        "plugnet.data.sparse",
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
