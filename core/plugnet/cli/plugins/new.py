"""`plugnet plugins new`: a complete package with one component, ready to install and to test."""

from __future__ import annotations

import keyword
import re
import shlex
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from string import Template

from plugnet import __version__
from plugnet.errors import ArgumentError, ConfigError
from plugnet.registry import registry
from plugnet.registry.kinds import CORE, KINDS, PUBLISHED
from plugnet.registry.names import PATTERN

TEMPLATES = Path(__file__).with_name("templates")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40  # characters of a name, so that lines of code do not grow too long

#: The template of each file; the paths are templates themselves.
FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "LICENSE": "LICENSE",
    ".gitignore": "gitignore",
    ".github/workflows/test.yml": "test.yml",
    "$package/__init__.py": "package.py",
    "$package/py.typed": "py.typed",
    "$package/$component.py": "component.py",
    "$package/reference.toml": "reference.toml",
    "tests/test_$component.py": "test_component.py",
}

#: How the README shows each kind in use.
USES = {
    "layer": 'network = Network([("fc", 64, 50), "$component", "tanh", ("fc", 50, 10)])',
    "activation": 'network = Network([("fc", 64, 50), "$component", ("fc", 50, 10)])',
    "loss": 'trainer = Trainer(network, loss="$component")',
    "initializer": 'layer = registry.build("fc", 64, 50, initializer="$component")',
    "lr_policy": 'trainer = Trainer(network, policy="$component")',
    "optimizer": 'trainer = Trainer(network, optimizer="$component")',
    "regularizer": 'trainer = Trainer(network, regularizer="$component")',
    "metric": 'trainer = Trainer(network, metrics=["$component"])',
    "dataset": 'samples = registry.datasets.build("$component").load()',
    "hook": 'trainer = Trainer(network, hooks=["$component"])',
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="the distribution's name, such as nn-swirl")
    kinds = sorted(KINDS)
    parser.add_argument("--kind", choices=kinds, required=True, metavar="KIND", help="%(choices)s")
    parser.add_argument("--directory", metavar="DIR", default=".", help="make NAME there, not here")
    parser.add_argument("--component", help="its name in plugnet; by default made from NAME")


def run(arguments: Namespace) -> int:
    """Write the package, and return the exit status."""
    distribution = _distribution(arguments.name)
    component = _component(arguments.component, distribution)
    folder = Path(arguments.directory) / distribution
    files = rendered(distribution, component, arguments.kind)
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise ConfigError(
            f"{folder} exists already. Choose another NAME, or another place with --directory.",
            key="directory",
        ) from error
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    print(f"{folder}: a package with the {arguments.kind} '{component}'")
    print(f'Next: cd {shlex.quote(str(folder))} && pip install -e ".[test]" && pytest')
    return 0


def rendered(distribution: str, component: str, kind: str) -> dict[str, str]:
    """Return the content of the files of a new package, by their paths in it."""
    major, minor, *_ = __version__.split(".")
    values = {
        "distribution": distribution,
        "package": distribution.replace("-", "_"),
        "component": component,
        "kind": kind,
        "class_name": _class_name(component, kind),
        "group": KINDS[kind].group,
        "use": Template(USES[kind]).substitute(component=component),
        "requirement": f"plugnet>={major}.{minor},<{int(major) + 1}",
        "year": time.strftime("%Y"),
    }
    return {
        Template(path).substitute(values): Template(_template(name, kind)).substitute(values)
        for path, name in FILES.items()
    }


def _template(name: str, kind: str) -> str:
    """Return the text of a template; a kind may have its own."""
    own = TEMPLATES / kind / f"{name}.template"
    path = own if own.exists() else TEMPLATES / f"{name}.template"
    return path.read_text(encoding="utf-8")


def _class_name(component: str, kind: str) -> str:
    """Return the class's name, one that nothing else in its module has."""
    plain = _camel_case(component)
    taken = keyword.iskeyword(plain) or re.search(rf"\b{plain}\b", _template("component.py", kind))
    return plain + _camel_case(kind) if taken else plain


def _camel_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _distribution(name: str) -> str:
    """Return the distribution's name, which a new package must be able to have."""
    package = name.replace("-", "_")
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise _bad_name(name, "breaks that rule", _better(name))
    if keyword.iskeyword(package) or package in ("test", "tests"):
        raise _bad_name(name, "cannot be the name of a package", f"nn-{name}")
    if name in PUBLISHED.values() or _importable(package):
        raise _bad_name(name, "is taken by another package", f"{name}-2")
    return name


def _bad_name(name: str, trouble: str, better: str) -> ArgumentError:
    return ArgumentError(
        "The name of a new distribution must be lower-case letters, digits and single dashes, at "
        f"most {LONGEST} characters, and still free, but {name[:100]!r} {trouble}. A good name is "
        f"'{better}'.",
        argument="NAME",
        value=name,
    )


def _better(name: str) -> str:
    """Return a valid name that resembles an invalid one."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower())
    text = "-".join(words)
    if not text[:1].isalpha():
        text = f"nn-{text or 'swirl'}"
    return text[:LONGEST].rstrip("-")


def _importable(package: str) -> bool:
    """Tell whether Python has a package of that name; it is not imported."""
    from importlib.util import find_spec

    found = find_spec(package)
    return found is not None and found.origin is not None  # without one it is a mere folder


def _component(given: str | None, distribution: str) -> str:
    """Return the component's name, which must be well-formed and not built in."""
    own = distribution.removeprefix("plugnet-").removeprefix("nn-").replace("-", "_")
    name = own if given is None else given
    if not PATTERN.fullmatch(name) or keyword.iskeyword(name) or len(name) > LONGEST:
        raise ArgumentError(
            "The name of a component must be lower-case letters, digits and underscores, starting "
            f"with a letter, at most {LONGEST} characters, and not a keyword of Python, but it is "
            f"{name[:100]!r}. Choose one with --component.",
            argument="--component",
            value=name,
        )
    for entry in registry.entries():
        if entry.name == name and entry.distribution == CORE:
            raise ArgumentError(
                f"'{name}' is a built-in {entry.kind}, and what is built in cannot be replaced. "
                f"Choose another name with --component, for example my_{name}.",
                argument="--component",
                value=name,
            )
    return name
