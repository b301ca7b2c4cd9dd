"""Specs: from a component to JSON and back, and what is refused on either way."""

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.aliases import Fake
from tests.layers import Same

from plugnet import Network, registry
from plugnet.errors import ArgumentError, MissingComponentsError, SpecError
from plugnet.interfaces import Layer
from plugnet.registry import Registry


@dataclass(eq=False)
class Holder(Same):
    """A layer that can hold anything."""

    held: Any = None


@pytest.fixture
def holding(fresh: Registry) -> Registry:
    fresh.register("holder")(Holder)
    return fresh


def spec(name: Any = "tanh", kind: Any = "activation", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "args": {}} | more


def test_a_spec_holds_name_provider_version_and_every_argument() -> None:
    written = registry.spec(registry.build("fc", 784, 50, initializer=("gaussian", 0.5)))
    version = registry.info("fc").entry.version
    assert written == {
        "kind": "layer",
        "name": "fc",
        "provider": "plugnet",
        "version": version,
        "args": {
            "inputs": 784,
            "outputs": 50,
            "initializer": {
                "kind": "initializer",
                "name": "gaussian",
                "provider": "plugnet",
                "version": version,
                "args": registry.build("gaussian", 0.5).arguments(),
            },
            "bias": True,
        },
    }


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return lists and dicts of them, of each other, and so on."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = nested(st.none() | st.booleans() | NUMBERS | st.text())
#: Layers that hold values, activations and each other.
HOLDERS = st.recursive(
    st.builds(Holder, JSON),
    lambda inner: st.builds(Holder, nested(inner | st.builds(registry.get("tanh")))),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def holders() -> Registry:
    """A registry that knows the holder, for all examples."""
    known = Registry()
    known.register("holder")(Holder)
    return known


@given(JSON)
def test_values_come_back_from_json_text_as_they_were(holders: Registry, value: Any) -> None:
    written = json.loads(json.dumps(holders.spec(Holder(value))))
    assert holders.from_spec(written).held == value


@given(HOLDERS)
def test_components_within_components_come_back(holders: Registry, holder: Holder) -> None:
    written = holders.spec(holder)
    again = holders.from_spec(json.loads(json.dumps(written)))
    assert holders.spec(again) == written


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place in lists and dicts, as the container and the index or key."""
    if isinstance(value, list | dict):
        for place in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, place
            yield from places(value[place])


@given(HOLDERS, st.data())
def test_a_mangled_spec_is_built_or_refused_as_one(
    holders: Registry, holder: Holder, data: st.DataObject
) -> None:
    mangled = holders.spec(holder)
    container, place = data.draw(st.sampled_from([*places(mangled)]))
    words = st.sampled_from(["holder", "tanh", "fc", "layer", "hook", "plugnet", "os:system"])
    value = data.draw(st.just("deleted") | words | JSON)
    if value == "deleted":
        del container[place]
    else:
        container[place] = value
    with suppress(SpecError):
        holders.from_spec(mangled)


def test_a_class_is_found_however_it_was_imported(fake_distribution: Fake, fresh: Registry) -> None:
    """Built by name or by hand; declared where it is written or where it is re-exported."""
    part = "from plugnet.interfaces import LRPolicy\n"
    part += "class Zero(LRPolicy):\n def __call__(self, iteration):\n  return 0.0\n"
    groups = {"lr_policies": {"zero": "nn_zero:Zero"}}
    sources = {"nn_zero/__init__.py": "from nn_zero.part import Zero", "nn_zero/part.py": part}
    fake_distribution("nn-zero", groups, sources)
    fake_distribution("nn-shift")
    from nn_shift import Shift  # type: ignore[import-not-found]
    from nn_zero.part import Zero  # type: ignore[import-not-found]

    assert fresh.spec(Zero())["name"] == "zero"
    assert fresh.name_of(Shift()) == "shift"
    assert fresh.spec(Shift(2))["args"] == {"by": 2, "name": "shift"}
    assert fresh.spec(fresh.build("zero")) == fresh.spec(Zero())
    assert fresh.name_of(object()) is None


def test_values_are_written_as_json_has_them(holding: Registry) -> None:
    held = {
        "tuple": (1, (2.5, None)),
        "numpy": [np.float32(0.5), np.int64(3), np.bool_(True), np.str_("x")],
        "component": [registry.build("tanh")],
    }
    written = holding.spec(Holder(held))
    args = written["args"]["held"]
    assert args["tuple"] == [1, [2.5, None]]
    assert args["numpy"] == [0.5, 3, True, "x"]
    assert [type(value) for value in args["numpy"]] == [float, int, bool, str]
    assert args["component"][0]["name"] == "tanh"


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        -math.inf,
        np.float32("inf"),
        lambda: 0,
        np.zeros(2),
        np.array(1.0),
        b"bytes",
        {1, 2},
        {1: 2},
        1j,
        object(),
        Path("x"),
        Layer,
    ],
)
def test_what_json_has_not_is_refused_with_its_path(value: object, holding: Registry) -> None:
    with pytest.raises(SpecError, match=r"args\.held\.scale\[1\]: .* but here is ") as caught:
        holding.spec(Holder({"scale": [0, value]}))
    assert caught.value.path == "args.held.scale[1]"
    with pytest.raises(SpecError) as caught:
        holding.spec(Holder(Holder({"scale": value})))
    assert caught.value.path == "args.held.held.scale"
    with pytest.raises(SpecError) as caught:
        holding.from_spec(spec("holder", "layer", args={"held": [value]}))
    assert caught.value.path == "args.held[0]"


def test_a_class_without_a_name_cannot_be_described() -> None:
    with pytest.raises(SpecError, match=r"Holder has no registered name.*@registry\.register"):
        registry.spec(Holder())


def test_an_argument_that_is_not_kept_is_pointed_out(fresh: Registry) -> None:
    class Forgetful(Holder):
        def __init__(self, size: int) -> None:
            self.held = size

    fresh.register("forgetful")(Forgetful)
    with pytest.raises(SpecError, match=r"Forgetful must keep every argument.*'size'"):
        fresh.spec(Forgetful(3))


@pytest.mark.parametrize(
    ("value", "why", "path"),
    [
        ("tanh", "must be a dict", "spec"),
        (None, "must be a dict", "spec"),
        ({}, "the kind must be .* but it is missing", "spec"),
        ({"kind": "activation", "args": {}}, "the name must be .* but it is missing", "spec"),
        ({"kind": "activation", "name": "tanh"}, "the args must be .* but it is missing", "spec"),
        (spec(extra=1), "not 'extra'", "spec"),
        (spec(kind="activations"), "the kind must be layer or activation", "spec"),
        (spec(kind=["layer"]), "the kind must be", "spec"),
        (spec(name="os.system"), "such as 'fc', but it is 'os.system'", "spec"),
        (spec(name="plugnet/tanh"), "must be a registered name", "spec"),
        (spec(name="x" * 10_000), "must be a registered name", "spec"),
        (spec(provider=3), "must be a distribution or None, but it is 3", "spec"),
        (spec(provider="../x"), "the provider must be", "spec"),
        (spec(version=0.1), "the version must be a printable string", "spec"),
        (spec(version="\x1b[2J"), "the version must be a printable string", "spec"),
        (spec("csv_log", "hook"), "the kind must be layer or", "spec"),
        ([[]] * 1000, "must be a dict", "spec"),
        (spec(args=[1]), "the args must be a dict", "spec"),
        (spec(args={1: 2}), "the args must be a dict", "spec"),
        (spec(args={"x": 1}), "unexpected keyword argument 'x'", "args"),
        (spec("fixed", "lr_policy"), "missing a required argument", "args"),
        (
            spec("activation", "layer", args={"activation": spec(args={"x": 1})}),
            "unexpected keyword argument 'x'",
            "args.activation",
        ),
        (
            spec("activation", "layer", args={"activation": spec(name="os.x")}),
            "must be a registered name",
            "args.activation",
        ),
    ],
)
def test_a_malformed_spec_is_refused(value: Any, why: str, path: str) -> None:
    with pytest.raises(SpecError, match=why) as caught:
        registry.from_spec(value)
    assert caught.value.path == path
    assert not isinstance(caught.value, MissingComponentsError)
    assert len(str(caught.value)) < 500


def test_a_spec_of_another_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="the kind must be layer, but it is 'loss'"):
        registry.layers.resolve(spec("hinge", "loss"))


def test_depth_is_limited(holding: Registry) -> None:
    """A thousand levels, and what contains itself; writing and reading."""
    deep: dict[str, Any] = spec("holder", "layer")
    for _ in range(1000):
        deep = spec("holder", "layer", args={"held": deep})
    cyclic: dict[str, Any] = spec("holder", "layer")
    cyclic["args"]["held"] = [cyclic]
    holder = Holder()
    holder.held = [holder]
    for bad in (deep, cyclic):
        with pytest.raises(SpecError, match="at most 100 levels deep") as caught:
            holding.from_spec(bad)
        assert len(str(caught.value)) < 400
    with pytest.raises(SpecError, match="at most 100 levels deep"):
        holding.spec(holder)


def test_nothing_is_built_before_all_is_checked(holding: Registry) -> None:
    built = []

    class Telling(Holder):
        def __init__(self) -> None:
            built.append(self)

    holding.register("telling")(Telling)
    bad = spec("holder", "layer", args={"held": [spec("telling", "layer"), spec(name="absent")]})
    with pytest.raises(MissingComponentsError):
        holding.from_spec(bad)
    assert built == []
    holding.from_spec(spec("telling", "layer"))
    assert len(built) == 1


def test_all_that_is_missing_is_named_at_once(fake_distribution: Fake, fresh: Registry) -> None:
    """Not installed, published by us, broken, disabled, registered at run time, from elsewhere."""
    fake_distribution("nn-bad", sources={"nn_bad.py": "1 / 0"})
    fake_distribution("nn-off", {"layers": {"off": "nn_off:Shift"}})
    fake_distribution("nn-here", {"layers": {"there": "nn_here:Shift"}})
    fresh.disable("nn-off")
    specs = [
        spec("stranger", "layer", provider="nn-conv", version="0.3.1"),
        spec("conv2d", "layer", provider="plugnet-convolution", version="0.1.0"),
        spec(),
        spec("activation", "layer", args={"activation": spec("cube", provider=None)}),
        spec("shift", "layer", provider="nn-bad"),
        spec("off", "layer"),
        spec("there", "layer", provider="nn-elsewhere"),
    ]
    with pytest.raises(MissingComponentsError) as caught:
        fresh.check_specs(specs)
    assert caught.value.missing == (
        "layer 'stranger' (saved with nn-conv 0.3.1)",
        "layer 'conv2d' (saved with plugnet-convolution 0.1.0)",
        "activation 'cube'",
        "layer 'shift' (saved with nn-bad)",
        "layer 'off'",
        "layer 'there' (saved with nn-elsewhere)",
    )
    lines = str(caught.value).splitlines()
    assert lines[0] == "Components are needed that are not available:"
    assert "'nn-conv' is not installed" in lines[1]
    assert lines[1].endswith("If you trust who makes it, run: pip install nn-conv==0.3.1")
    assert lines[2].endswith("Run: pip install plugnet-convolution==0.1.0")
    assert "registered at run time by the program that saved it" in lines[3]
    assert "ZeroDivisionError" in str(caught.value)
    assert "disabled by registry.disable()" in str(caught.value)
    assert "'there' is provided by nn-here 1.0." in lines[-1]


@pytest.mark.parametrize("version", ["1.0; rm -rf ~", "$(x)", "-r x", "1.0 --pre", "1" * 70, ""])
def test_no_command_is_made_of_what_is_no_version(version: str, fresh: Registry) -> None:
    stranger = spec("stranger", "layer", provider="nn-conv", version=version)
    with pytest.raises(MissingComponentsError, match="'nn-conv' is not installed") as caught:
        fresh.check_specs([stranger])
    assert "pip install" not in str(caught.value)


def test_a_plugin_of_another_version_is_told_by_both(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-shift", version="1.0")
    twist = spec("twist", "layer", provider="nn-shift", version="2.0")
    new = spec("new", "layer", provider="plugnet", version="9.1")
    with pytest.raises(MissingComponentsError) as caught:
        fresh.check_specs([twist, new])
    assert "nn-shift 1.0 does not provide it. Run: pip install nn-shift==2.0" in str(caught.value)
    assert "does not provide it. Run: pip install plugnet==9.1" in str(caught.value)


def test_a_model_file_names_the_plugin_to_install(fake_distribution: Fake, tmp_path: Path) -> None:
    swirl = {"layers": {"swirl": "nn_swirl:Shift"}}
    metadata = fake_distribution("nn-swirl", swirl, version="1.2")
    with registry.isolated(["nn-swirl"]):
        Network([("fc", 4, 3), ("chain", [("swirl", 2)])]).save(tmp_path / "model")
    shutil.rmtree(metadata)
    with (
        registry.isolated(),
        pytest.raises(MissingComponentsError, match=r"pip install nn-swirl==1\.2"),
    ):
        Network.load(tmp_path / "model")


def test_the_provider_of_a_spec_decides(fake_distribution: Fake, fresh: Registry) -> None:
    """So a model keeps its meaning when a second plugin of that name is installed."""
    fake_distribution("nn-a", {"layers": {"shift": "nn_a:Shift"}})
    written = fresh.spec(fresh.build("shift", 2))
    assert written["provider"] == "nn-a"
    fake_distribution("nn-b", {"layers": {"shift": "nn_b:Shift"}})
    fresh.refresh()
    assert type(fresh.from_spec(written)).__module__ == "nn_a"
    with pytest.raises(MissingComponentsError, match="Use 'nn-a/shift' or 'nn-b/shift'"):
        fresh.from_spec(spec("shift", "layer"))


def test_what_the_program_registered_is_described_and_built(holding: Registry) -> None:
    written = holding.spec(Holder(3))
    assert (written["provider"], written["version"]) == (None, None)
    assert holding.from_spec(written).held == 3
    holding.unregister("holder")
    with pytest.raises(MissingComponentsError, match=r"registered at run time.*entry point"):
        holding.from_spec(written)


def test_another_version_is_told_where_it_matters(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("nn-shift", version="1.0")
    newer = spec("shift", "layer", provider="nn-shift", version="2.0", args={"by": 1.0})
    assert fresh.from_spec(newer).by == 1.0
    newer["args"]["dilation"] = 2
    with pytest.raises(SpecError, match=r"'dilation'.*saved with nn-shift 2\.0; installed is 1\.0"):
        fresh.from_spec(newer)


def test_the_constructors_own_error_comes_through() -> None:
    written = registry.spec(registry.build("fc", 4, 3))
    written["args"]["outputs"] = -1
    written["version"] = "0.0.1"
    with pytest.raises(ValueError, match="outputs") as caught:
        registry.from_spec(written)
    assert any("while building layer 'fc'" in note for note in caught.value.__notes__)
    assert any("saved with plugnet 0.0.1" in note for note in caught.value.__notes__)


def test_specs_of_several_are_checked_with_their_place() -> None:
    registry.check_specs([spec(), spec("relu")], "activation")
    with pytest.raises(SpecError, match="not 'x'") as caught:
        registry.check_specs([spec(), spec(x=1)])
    assert caught.value.path == "[1]"
    with pytest.raises(SpecError) as caught:
        registry.check_specs([spec(), spec(args={"x": math.nan})])
    assert caught.value.path == "[1].args.x"


def test_a_class_gets_its_name_when_the_entry_is_loaded(
    fake_distribution: Fake, fresh: Registry
) -> None:
    """Asked before, too, when the module that re-exports it had not been imported."""
    part = "from plugnet.interfaces import LRPolicy\n"
    part += "class Zero(LRPolicy):\n def __call__(self, iteration):\n  return 0.0\n"
    sources = {"nn_impl.py": part, "nn_facade.py": "from nn_impl import Zero"}
    fake_distribution("nn-zero", {"lr_policies": {"zero": "nn_facade:Zero"}}, sources)
    from nn_impl import Zero  # type: ignore[import-not-found]

    assert fresh.name_of(Zero()) is None
    assert fresh.get("zero") is Zero
    assert fresh.name_of(Zero()) == fresh.name_of(Zero) == "zero"


def test_a_view_of_no_kind_is_refused(fresh: Registry) -> None:
    with pytest.raises(ArgumentError, match="must be one of layer, activation"):
        fresh.view("layers")


def test_of_many_missing_components_some_are_named_at_once() -> None:
    def spec(name: str) -> dict[str, Any]:
        return {"kind": "layer", "name": name, "provider": "x", "version": "1", "args": {}}

    with pytest.raises(MissingComponentsError) as caught:
        registry.check_specs([spec("alike") for _ in range(5_000)])
    assert len(caught.value.missing) == 1
    with pytest.raises(MissingComponentsError) as caught:
        registry.check_specs([spec(f"other_{i}") for i in range(5_000)])
    assert len(caught.value.missing) == 50
