"""What the program registers itself: notebooks, scripts and tests."""

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.types import Fake

from plugnet.arrays import Array
from plugnet.errors import RegistrationError, UnknownComponentError
from plugnet.interfaces import Activation, LRPolicy
from plugnet.registry import Registry


def cube(qualname: str = "Cube") -> type[Activation]:
    """Return a new class each time, as running a notebook cell again does."""

    class Cube(Activation):
        def forward(self, x: Array, out: Array | None = None) -> Array:
            return x**3

        def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
            return 3 * x**2

    Cube.__qualname__ = qualname
    return Cube


def test_a_class_is_registered_under_the_kind_of_its_interface(fresh: Registry) -> None:
    one = cube()
    assert fresh.register("cube")(one) is one
    assert type(fresh.activations.build("cube")) is one
    entry = next(entry for entry in fresh.activations.entries() if entry.name == "cube")
    assert (entry.distribution, entry.provider, entry.state) == (None, "this program", "loaded")
    assert entry.value == f"{one.__module__}:Cube"
    fresh.activations.unregister("cube")
    with pytest.raises(UnknownComponentError):
        fresh.build("cube")


def test_the_same_class_defined_again_replaces_quietly(fresh: Registry) -> None:
    """As by running a cell again, or by autoreload."""
    first, second = cube(), cube()
    fresh.register("cube")(first)
    made = fresh.build("cube")
    fresh.register("cube")(second)
    assert fresh.get("cube") is second
    assert fresh.name_of(made) == "cube"  # what was built before can still be described


def test_another_class_needs_replace(fresh: Registry) -> None:
    first, other = cube(), cube("Other")
    fresh.activations.register("cube")(first)
    with pytest.raises(RegistrationError, match=r":Cube of this program .*:Other") as caught:
        fresh.activations.register("cube")(other)
    assert (caught.value.kind, caught.value.name) == ("activation", "cube")
    assert fresh.get("cube") is first
    fresh.activations.register("cube", replace=True)(other)
    assert fresh.get("cube") is other


def test_a_name_of_a_plugin_is_taken_too(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("nn-cube", {"activations": {"cube": "nn_cube:Cube"}})
    with pytest.raises(RegistrationError, match=r"nn_cube:Cube of nn-cube 1\.0"):
        fresh.register("cube")(cube())
    with pytest.raises(RegistrationError, match="of plugnet"):
        fresh.register("tanh")(cube())
    mine = fresh.register("cube", replace=True)(cube())
    assert fresh.get("cube") is mine
    assert fresh.get("nn-cube/cube").__module__ == "nn_cube"
    fresh.unregister("cube")
    assert fresh.get("cube").__module__ == "nn_cube"


def test_decorator_and_entry_point_of_one_class_are_one_registration(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-cube", {"activations": {"cube": "nn_cube:Cube"}})
    loaded = fresh.get("cube")
    fresh.register("cube")(loaded)
    assert [e.distribution for e in fresh.entries() if e.name == "cube"] == ["nn-cube"]


@given(st.text("aZ0_-./: é", max_size=6) | st.from_regex(r"[a-z0_]{98,102}", fullmatch=True))
def test_a_name_is_a_short_identifier_in_lower_case(name: str) -> None:
    plain = name.isascii() and name.isidentifier() and name[0].islower() and name == name.lower()
    refused = pytest.raises(RegistrationError, match="lower-case letters, digits and underscores")
    with nullcontext() if plain and len(name) <= 100 else refused:
        Registry().register(name)


@pytest.mark.parametrize("name", [None, Activation])
def test_a_name_is_a_text(name: object, fresh: Registry) -> None:
    with pytest.raises(RegistrationError, match="lower-case letters, digits and underscores"):
        fresh.register(name)  # type: ignore[arg-type]


def test_what_is_no_class_of_one_kind_is_refused(fresh: Registry) -> None:
    both = type("Both", (cube(), LRPolicy), {})
    with pytest.raises(RegistrationError, match="implements none"):
        fresh.register("x")(object)
    with pytest.raises(RegistrationError, match=r"implements activation, lr_.*registry\.activat"):
        fresh.register("x")(both)
    assert fresh.activations.register("x")(both) is both
    with pytest.raises(RegistrationError, match=r"must implement plugnet\.interfaces\.Layer"):
        fresh.layers.register("x")(cube())
    with pytest.raises(RegistrationError, match="would be a function"):
        fresh.register("x")(cube)  # type: ignore[type-var]


def test_any_class_can_be_a_hook(fresh: Registry) -> None:
    class Hook:
        pass

    assert fresh.hooks.register("mine")(Hook) is Hook
    assert type(fresh.hooks.resolve("mine")) is Hook


def test_what_is_installed_cannot_be_unregistered(fresh: Registry) -> None:
    with pytest.raises(RegistrationError, match="belongs to plugnet"):
        fresh.unregister("fc")
    assert fresh.get("fc") is not None
