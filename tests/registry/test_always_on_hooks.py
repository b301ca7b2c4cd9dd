"""Hook modules that act without being asked for."""

import sys

import pytest
from tests.types import Fake

from plugnet.errors import PluginApiError, PluginLoadError, PluginWarning, UnknownComponentError
from plugnet.registry import Registry


def test_there_are_none_in_plugnet_itself(fresh: Registry) -> None:
    with fresh.isolated():
        assert fresh.always_on_hooks() == []


def test_they_are_imported_in_the_order_of_names(fake_distribution: Fake, fresh: Registry) -> None:
    groups = {"hooks": {"watch": "nn_b", "plot": "nn_b:Plot"}}
    fake_distribution("nn-b", groups, {"nn_b.py": "class Plot: ..."})
    fake_distribution("nn-a", {"hooks": {"watch": "nn_a"}}, {"nn_a.py": ""})
    assert [name for name, _ in fresh.always_on_hooks()] == ["nn-a/watch", "nn-b/watch"]
    assert [module for _, module in fresh.always_on_hooks()] == [
        sys.modules["nn_a"],
        sys.modules["nn_b"],
    ]
    assert "plot" in fresh.hooks
    assert "watch" not in fresh.hooks
    assert {e.state for e in fresh.hooks.entries() if e.always_on} == {"ok"}
    with pytest.raises(UnknownComponentError):
        fresh.hooks.build("watch")


def test_a_broken_one_is_a_warning_and_the_others_go_on(
    fake_distribution: Fake, fresh: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_distribution("nn-a", {"hooks": {"watch": "nn_a"}}, {"nn_a.py": "raise SystemExit"})
    fake_distribution("nn-b", {"hooks": {"watch": "nn_b"}}, {"nn_b.py": ""})
    with pytest.warns(PluginWarning, match="hook 'watch' comes from nn-a 1.0"):
        assert [name for name, _ in fresh.always_on_hooks()] == ["nn-b/watch"]
    assert [name for name, _ in fresh.always_on_hooks()] == ["nn-b/watch"]  # and warns no more
    assert [problem.distribution for problem in fresh.problems()] == ["nn-a"]
    monkeypatch.setenv("PLUGNET_PLUGINS_STRICT", "1")
    fresh.refresh()
    with pytest.raises(PluginLoadError, match="nn-a"):
        fresh.always_on_hooks()


def test_a_disabled_one_is_not_imported(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("nn-a", {"hooks": {"watch": "nn_a"}}, {"nn_a.py": "raise SystemExit"})
    fresh.disable("nn-a")
    assert fresh.always_on_hooks() == []
    assert "nn_a" not in sys.modules


def test_one_for_another_plugin_api_is_not_imported(
    fake_distribution: Fake, fresh: Registry
) -> None:
    groups = {"hooks": {"watch": "nn_a"}, "api": {"v3": "nn_a"}}
    fake_distribution("nn-a", groups, {"nn_a.py": "raise SystemExit"})
    with pytest.warns(PluginWarning, match="plugin API v3"):
        assert fresh.always_on_hooks() == []
    assert issubclass(PluginApiError, PluginLoadError)
    assert "nn_a" not in sys.modules
