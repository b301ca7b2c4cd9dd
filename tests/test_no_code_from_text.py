"""No text becomes code: no eval, no pickle, no import of a name that a file gives."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("core", "plugins", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if not {"build", "dist", ".venv"} & {*path.relative_to(ROOT).parts}
)

#: Modules that make objects or code of bytes or text.
MODULES = {
    "pickle", "_pickle", "cPickle", "pickletools", "marshal", "shelve", "dill", "cloudpickle",
    "joblib", "jsonpickle", "yaml", "ruamel", "runpy", "code", "codeop", "imp", "builtins",
    "doctest",
}  # fmt: skip

#: Built-in functions that do.
BUILT_IN = {"eval", "exec", "compile", "__import__", "__builtins__"}

#: Functions of other modules that do, or that run a command of the shell.
FUNCTIONS = {
    "importlib.reload", "importlib.util.spec_from_file_location", "importlib.util.module_from_spec",
    "importlib.util.spec_from_loader", "importlib.machinery.SourceFileLoader",
    "importlib.machinery.SourcelessFileLoader", "importlib.machinery.ExtensionFileLoader",
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
    "pydoc.locate", "pkgutil.resolve_name", "torch.load", "pandas.read_pickle", "pandas.eval",
}  # fmt: skip

#: Types that may be asked for, but not called.
TYPES = {"types.FunctionType", "types.LambdaType", "types.CodeType"}

#: Methods of whatever object, by name alone.
METHODS = {
    "eval", "exec", "load_module", "exec_module", "load_setuptools_entrypoints", "read_pickle",
    "find_class",
}  # fmt: skip

IMPORTERS = {"importlib.import_module", "importlib.__import__", "__import__"}

#: Where something of this is meant, and why no text of a file gets there.
ALLOWED = {
    ("core/plugnet/registry/loading.py", "importlib.import_module"): (
        "loads a plugin: the module of an installed distribution's entry point, never of a file"
    ),
    ("core/plugnet/cli/command_line.py", "importlib.import_module"): (
        "loads a command: one of the table of commands"
    ),
    ("core/plugnet/reference/api.py", "importlib.import_module"): (
        "imports plugnet's own modules, for their pages: those that its docstring names"
    ),
    ("plugins/sklearn/plugnet_sklearn/carried.py", "cloudpickle"): (
        "reads the classes in an estimator's pickle, only while the user has that pickle loaded"
    ),
    ("core/plugnet/reference/transcript.py", "doctest"): (
        "runs the examples of components for their pages: text of the plugin's own package"
    ),
    ("core/plugnet/testing/fresh.py", "importlib.import_module"): (
        "the kit imports the tested plugin's own module in a fresh process"
    ),
    ("core/plugnet/testing/general.py", "pickle"): (
        "the kit checks that components can be pickled; it unpickles what it has pickled itself"
    ),
    ("core/plugnet/testing/layer_objects.py", "pickle"): (
        "the kit checks that networks can be pickled; it unpickles what it has pickled itself"
    ),
    ("core/plugnet/testing/state.py", "pickle"): (
        "the kit compares the state of random generators; it unpickles nothing"
    ),
}


class Finder(ast.NodeVisitor):
    """Finds what could make code of text; ``found`` names each.

    Names are followed through imports, and strings through additions of constants.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self.names: dict[str, str] = {}  # what a name of this file stands for

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._note_module(alias.name)
            top = alias.name.partition(".")[0]
            self.names[alias.asname or top] = alias.name if alias.asname else top

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            dotted = f"{node.module}.{alias.name}"
            self._note_module(node.module or "")
            if "pickle" in alias.name.lower():  # from six.moves import cPickle
                self._note_module(alias.name)
            self._note_function(dotted)
            self.names[alias.asname or alias.name] = dotted

    def visit_Name(self, node: ast.Name) -> None:
        dotted = self.names.get(node.id, node.id)
        if dotted in BUILT_IN | IMPORTERS:  # not called: as a value it may go anywhere
            self.found.append(dotted)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = self._dotted(node)
        if dotted in IMPORTERS:
            self.found.append(dotted)
        elif node.attr in METHODS | {"__builtins__", "__loader__"}:
            self.found.append(node.attr)
        else:
            self._note_function(dotted)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        dotted = self._dotted(node.func)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if dotted in IMPORTERS and node.args and (name := _text(node.args[0])) is not None:
            self._note_module(name)
            for argument in node.args[1:]:
                self.visit(argument)
            return
        if dotted == "numpy.load" and not _is_false(given.get("allow_pickle")):
            self.found.append("numpy.load")
        elif "allow_pickle" in given and not _is_false(given["allow_pickle"]):
            self.found.append("allow_pickle")
        if dotted in TYPES:
            self.found.append(dotted)
        if "shell" in given and not _is_false(given["shell"]):
            self.found.append("shell")
        if dotted == "getattr" and len(node.args) > 1:
            self._note_text(node.args[1])
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._note_text(node.slice)
        self.generic_visit(node)

    def _dotted(self, node: ast.expr) -> str:
        """Return what an expression stands for, as far as that is a name."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name, name)
            case ast.Attribute(value=value, attr=attr):
                return f"{self._dotted(value)}.{attr}"
        return ""

    def _note_module(self, name: str) -> None:
        if banned := MODULES & {*name.split(".")[:1]}:
            self.found += banned

    def _note_function(self, dotted: str) -> None:
        if dotted in FUNCTIONS:
            self.found.append(dotted)

    def _note_text(self, node: ast.expr) -> None:
        """Note the name of a module or function where an attribute or a key is looked up."""
        if (text := _text(node)) in MODULES | BUILT_IN:
            self.found.append(str(text))


def _text(node: ast.expr) -> str | None:
    """Return the string that constants make, or None."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = _text(left), _text(right)
            return None if one is None or other is None else one + other
        case ast.JoinedStr(values=values):
            parts = [_text(v.value if isinstance(v, ast.FormattedValue) else v) for v in values]
            return None if None in parts else "".join(map(str, parts))
    return None


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def found_in(source: str) -> list[str]:
    """Return all of a file that could make code of text."""
    finder = Finder()
    tree = ast.parse(source)
    for node in ast.walk(tree):  # imports first: a function may use a name imported below it
        if isinstance(node, ast.Import):
            finder.visit_Import(node)
        elif isinstance(node, ast.ImportFrom):
            finder.visit_ImportFrom(node)
    finder.found.clear()
    finder.visit(tree)
    return finder.found


@cache
def places() -> set[tuple[str, str]]:
    """Return all places in the project's code that could make code of text."""
    return {
        (path.relative_to(ROOT).as_posix(), what)
        for path in SOURCES
        for what in found_in(path.read_text(encoding="utf-8"))
    }


def test_no_text_becomes_code() -> None:
    assert not sorted(places() - ALLOWED.keys())


def test_every_allowed_place_is_there() -> None:
    assert not sorted(ALLOWED.keys() - places())


def test_core_plugins_and_examples_are_looked_through() -> None:
    looked = {path.relative_to(ROOT).parts[:2] for path in SOURCES}
    plugins = {path.parent.name for path in (ROOT / "plugins").glob("*/plugnet_*")}
    assert {("core", "plugnet"), *(("plugins", name) for name in plugins)} <= looked
    assert ROOT / "examples/train.py" in SOURCES


CAUGHT = [
    "eval(text)",
    "exec(text)",
    "compile(text, 'name', 'exec')",
    "run = eval",
    "list(map(eval, texts))",
    "__import__(name)",
    "__import__('pickle')",
    "import builtins",
    "import builtins as b\nb.eval(text)",
    "from builtins import eval as e",
    "getattr(x, 'ev' + 'al')(text)",
    "getattr(x, f'ev{\"al\"}')(text)",
    "__builtins__['eval'](text)",
    "f.__globals__['__builtins__']",
    "sys.modules['pickle'].loads(content)",
    "globals()['ev' 'al']",
    "frame.eval('a + b')",
    "import pickle",
    "import pickle as p",
    "from pickle import loads as x",
    "from six.moves import cPickle",
    "def f():\n    import marshal",
    "import shelve",
    "import dill",
    "import joblib",
    "import joblib.numpy_pickle",
    "import yaml",
    "import runpy",
    "import code",
    "from importlib import import_module\nimport_module(name)",
    "from importlib import import_module as load\nload(name)",
    "import importlib as i\ni.import_module(name)",
    "import importlib\nimportlib.import_module('plugnet.' + name)",
    "import importlib\nimportlib.import_module('pick' + 'le')",
    "import importlib\nload = importlib.import_module",
    "import importlib.util\nimportlib.util.spec_from_file_location('name', path)",
    "from importlib.util import module_from_spec",
    "spec.loader.exec_module(module)",
    "manager.load_setuptools_entrypoints('plugnet')",
    "def f():\n    load(name)\nfrom importlib import import_module as load",
    "import numpy as np\nnp.load(path)",
    "import numpy as np\nnp.load(path, allow_pickle=True)",
    "import numpy as np\nnp.load(path, allow_pickle=trusted)",
    "import numpy as np\nnp.load(path, **options)",
    "from numpy import load\nload(path)",
    "np.lib.format.read_array(file, allow_pickle=True)",
    "import types\ntypes.FunctionType(code, {})",
    "import os\nos.system(command)",
    "from os import popen",
    "import subprocess\nsubprocess.run(command, shell=True)",
    "import subprocess\nsubprocess.Popen(command, shell=is_posix)",
    "import subprocess\nsubprocess.getoutput(command)",
]

HARMLESS = [
    "import re\nre.compile(text)",
    "import json\njson.loads(text)",
    "import importlib\nimportlib.import_module('plugnet.data')",
    "import numpy as np\nnp.load(path, allow_pickle=False)",
    "import numpy as np\nnp.load(path, mmap_mode='r', allow_pickle=False)",
    "import subprocess\nsubprocess.run([python, '-c', 'print()'])",
    "getattr(x, name)",
    "x['name']",
    "'eval and pickle'",
    "network.load(path)",
    "from plugnet.data import code",
    "import types\nisinstance(hook, types.FunctionType)",
]


@pytest.mark.parametrize("source", CAUGHT)
def test_what_makes_code_of_text_is_caught(source: str) -> None:
    assert found_in(source)


@pytest.mark.parametrize("source", HARMLESS)
def test_what_is_harmless_is_not(source: str) -> None:
    assert not found_in(source)
