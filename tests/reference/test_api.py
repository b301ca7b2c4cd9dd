"""Pages of the public API."""

import inspect
from pathlib import Path

import pytest

from plugnet.errors import PlugnetError
from plugnet.interfaces import Layer
from plugnet.reference.api import modules, page
from plugnet.reference.github import GitHub


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: page(name, GitHub(Path("docs"))) for name in modules()}


def test_every_public_module_has_a_page() -> None:
    assert modules()[:3] == ("plugnet", "plugnet.interfaces", "plugnet.schema")
    assert modules()[-3:] == ("plugnet.files.budget", "plugnet.files.opening", "plugnet.testing")


def test_every_public_class_and_function_is_on_one(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        module = __import__(name, fromlist=["_"])
        for public, value in vars(module).items():
            own = getattr(value, "__module__", None) == name
            if own and not public.startswith("_") and callable(value):
                assert f"\n## {public.replace('__', '')}\n" in text, (name, public)


def test_a_class_with_its_methods_types_and_lines(pages: dict[str, str]) -> None:
    text = (
        pages["plugnet.interfaces"].partition("\n## Layer\n")[2].partition("\n## Activation\n")[0]
    )
    line = inspect.getsourcelines(Layer.forward)[1]
    assert "def forward(self, x: Array, training: bool = False) -> Array\n" in text
    assert f"[`Layer.forward`](../core/plugnet/interfaces.py#L{line})" in text
    assert "Return `y`, shape `(N, *output_shape)`, for `x`, shape `(N, *shape)`." in text
    assert "@property\ndef needs_adapt(self) -> bool" in text
    assert "- `differs_in_training: ClassVar[bool] = False`: Whether `forward` computes" in text
    assert "### Layer.\\_is" not in text


def test_the_registrys_methods_are_those_of_its_views(pages: dict[str, str]) -> None:
    assert "### Registry.build\n" in pages["plugnet"]
    assert "### Registry.isolated\n" in pages["plugnet"]


def test_what_is_given_on_leads_to_its_home(pages: dict[str, str]) -> None:
    assert "See [`plugnet.parameter.Parameter`](plugnet.parameter.md)." in pages["plugnet"]
    assert "See [`plugnet.Trainer`](plugnet.md)." in pages["plugnet.training"]
    assert "Example: TypeAlias = Mapping[str, Any] |" in pages["plugnet.interfaces"]
    assert "    weights: Array | None = None,\n" in pages["plugnet.interfaces"]
    assert "Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]" in pages["plugnet.arrays"]


def test_every_error_has_its_docstring(pages: dict[str, str]) -> None:
    for cls in PlugnetError.__subclasses__():
        if cls.__module__ == PlugnetError.__module__:
            assert f"## {cls.__name__}\n" in pages["plugnet.errors"]
