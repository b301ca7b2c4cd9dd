"""Which plugins are used: settings of the environment, of the program, and isolation."""

import sys
import threading
from importlib import metadata
from typing import Any

import pytest
from tests.aliases import Fake

from plugnet.errors import ArgumentError, DisabledPluginError, PluginWarning, UnknownComponentError
from plugnet.interfaces import Activation
from plugnet.registry import Registry

Patch = pytest.MonkeyPatch


def state(registry: Registry, name: str) -> str:
    return next(entry.state for entry in registry.entries() if entry.name == name)


def test_a_disabled_plugin_says_by_what(
    fake_distribution: Fake, fresh: Registry, monkeypatch: Patch
) -> None:
    fake_distribution("nn-shift", sources={"nn_shift.py": "raise SystemError"})
    monkeypatch.setenv("PLUGNET_PLUGINS_DISABLE", "Nn_Shift")
    with pytest.raises(
        DisabledPluginError, match=r"nn-shift 1\.0, which is disabled by PLUGNET_"
    ) as e:
        fresh.build("shift")
    assert (e.value.kind, e.value.name, e.value.distribution) == ("layer", "shift", "nn-shift")
    assert "shift" not in fresh.layers
    assert state(fresh, "shift") == "disabled"
    assert "nn_shift" not in sys.modules
    with pytest.raises(
        UnknownComponentError, match=r"Looked in: nn-shift 1\.0 \(disabled\), plugnet"
    ):
        fresh.build("absent")


def test_the_program_can_disable_and_refresh_does_not_undo_it(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-shift")
    fresh.build("shift")
    fresh.disable("NN.shift")
    for _ in range(2):
        with pytest.raises(DisabledPluginError, match=r"disabled by registry\.disable\(\)"):
            fresh.build("shift")
        fresh.refresh()
    with pytest.raises(ArgumentError, match="built-in components cannot be disabled"):
        fresh.disable("plugnet")


def test_only_allowed_plugins_are_used(
    fake_distribution: Fake, fresh: Registry, monkeypatch: Patch
) -> None:
    fake_distribution("nn-a", {"layers": {"a": "nn_a:Shift"}})
    fake_distribution("nn-b", {"layers": {"b": "nn_b:Shift"}})
    monkeypatch.setenv("PLUGNET_PLUGINS", "nn_a,")
    assert fresh.build("a") is not None
    assert fresh.build("tanh") is not None
    with pytest.raises(DisabledPluginError, match=r"disabled by PLUGNET_PLUGINS \(environment\)"):
        fresh.build("b")


def test_none_reads_plugnets_own_metadata_only(
    fake_distribution: Fake, fresh: Registry, monkeypatch: Patch
) -> None:
    stranger = fake_distribution("nn-shift")
    (stranger / "entry_points.txt").write_bytes(b"\xff")
    read: list[str] = []
    kind: Any = type(metadata.distribution("plugnet"))  # importlib_metadata puts its own there
    read_text = kind.read_text

    def spy(self: Any, name: str) -> Any:
        read.append(str(self._path))
        return read_text(self, name)

    monkeypatch.setattr(kind, "read_text", spy)
    monkeypatch.setenv("PLUGNET_PLUGINS", "none")
    assert fresh.build("tanh") is not None
    assert fresh.problems() == ()
    assert len(set(read)) == 1
    assert "plugnet-" in read[0]
    with pytest.raises(UnknownComponentError, match="not searched because of PLUGNET_PLUGINS"):
        fresh.build("shift")


@pytest.mark.parametrize("variable", ["PLUGNET_PLUGINS", "PLUGNET_PLUGINS_DISABLE"])
def test_a_setting_without_effect_is_a_warning(
    variable: str, fake_distribution: Fake, fresh: Registry, monkeypatch: Patch
) -> None:
    fake_distribution("nn-shift")
    monkeypatch.setenv(variable, "nn-shfit")
    with pytest.warns(PluginWarning, match=r"'nn-shfit', but no .* Did you mean 'nn-shift'\?"):
        fresh.names()
    assert [problem.distribution for problem in fresh.problems()] == ["nn-shfit"]
    with pytest.warns(PluginWarning, match="'nn-absent'"):
        fresh.disable("nn-absent")


def test_the_environment_is_read_at_the_first_use_and_at_refresh(
    fake_distribution: Fake, fresh: Registry, monkeypatch: Patch
) -> None:
    fake_distribution("nn-shift")
    monkeypatch.setenv("PLUGNET_PLUGINS", "none")
    assert "shift" not in fresh.layers
    monkeypatch.delenv("PLUGNET_PLUGINS")
    assert "shift" not in fresh.layers
    fresh.refresh()
    assert "shift" in fresh.layers


def test_isolation_restores_what_was(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("nn-a", {"layers": {"a": "nn_a:Shift"}})
    fresh.register("mine")(fresh.get("a"))
    before, loaded = fresh.entries(), fresh.get("a")
    with fresh.isolated(plugins=["Nn_A"]) as same:
        assert same is fresh
        assert fresh.get("a") is loaded
        assert fresh.get("mine") is loaded
        fresh.unregister("mine")
        fresh.disable("nn-a")
        fresh.register("inner")(fresh.get("tanh"))
    assert fresh.entries() == before
    assert fresh.get("a") is loaded
    assert fresh.get("mine") is loaded
    with pytest.raises(UnknownComponentError):
        fresh.build("inner")


def test_isolation_can_be_nested_and_left_by_an_error(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-a", {"layers": {"a": "nn_a:Shift"}})
    fake_distribution("nn-b", {"layers": {"b": "nn_b:Shift"}})

    def fail() -> None:
        with fresh.isolated():
            assert "a" not in fresh.layers
            assert "outer" in fresh.activations
            fresh.register("inner")(fresh.get("relu"))
            raise ZeroDivisionError

    with fresh.isolated(plugins=["nn-a"]):
        fresh.register("outer")(fresh.get("tanh"))
        with pytest.raises(ZeroDivisionError):
            fail()
        assert "a" in fresh.layers
        assert "inner" not in fresh.activations
        assert isinstance(fresh.build("outer"), Activation)
        with pytest.raises(DisabledPluginError, match=r"disabled by registry\.isolated\(\)"):
            fresh.build("b")
    assert "b" in fresh.layers
    assert "outer" not in fresh.activations


def test_isolation_holds_for_all_threads(fresh: Registry, fake_distribution: Fake) -> None:
    fake_distribution("nn-shift")
    seen: list[bool] = []
    with fresh.isolated():
        thread = threading.Thread(target=lambda: seen.append("shift" in fresh.layers))
        thread.start()
        thread.join()
    assert seen == [False]
    assert "shift" in fresh.layers


def test_isolation_ends_in_whatever_order_it_is_left(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-a", {"layers": {"a": "nn_a:Shift"}})
    first, second = fresh.isolated(), fresh.isolated(plugins="nn-a")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert "a" in fresh.layers
    fresh.register("inner")(fresh.get("tanh"))
    second.__exit__(None, None, None)
    assert "a" in fresh.layers
    assert "inner" not in fresh.activations


@pytest.mark.parametrize("name", [None, 3, b"nn-a"])
def test_a_distribution_that_is_not_text_is_refused(name: object, fresh: Registry) -> None:
    with pytest.raises(ArgumentError, match="must be a string"):
        fresh.disable(name)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="must be a string"), fresh.isolated([name]):  # type: ignore[list-item]
        raise AssertionError
