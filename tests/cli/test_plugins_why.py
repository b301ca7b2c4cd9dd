"""`plugnet plugins why`: what a name means, step by step, and why."""

import functools
import sys
from typing import Any

import pytest
from tests.aliases import Fake, Refused, Reported, Shown

from plugnet import registry
from plugnet.interfaces import Layer

NEVER = "raise SystemExit('imported')"


@pytest.fixture
def why(reported: Reported) -> Reported:
    return functools.partial(reported, "plugins", "why")


def put(install: Fake, name: str, **groups: dict[str, str]) -> None:
    """Install a distribution that provides the layer swirl and cannot be imported."""
    module = name.replace("-", "_")
    layers = {"layers": {"swirl": f"{module}:Swirl"}}
    install(name, groups or layers, {f"{module}.py": NEVER})


def test_a_built_in_component(shown: Shown) -> None:
    lines = shown("plugins", "why", "fc").splitlines()
    assert lines[0] == "1. registered by the program: none"
    assert lines[1] == "2. built in:"
    assert lines[2].startswith("   layer of plugnet ")
    assert lines[2].endswith(" plugnet_builtin.fully_connected:FullyConnected: built-in")
    assert lines[3] == "3. plugins: none"
    assert lines[4].startswith("'fc' is the layer 'fc' of plugnet ")


def test_a_plugin_is_not_imported(install: Fake, why: Reported, shown: Shown) -> None:
    put(install, "nn-swirl")
    status, report = why("swirl")
    assert status == 0
    assert report["means"]["distribution"] == "nn-swirl"
    assert report["verdict"] == "'swirl' is the layer 'swirl' of nn-swirl 1.0."
    assert [entry["state"] for entry in report["steps"]["plugins"]] == ["ok"]
    assert "nn_swirl" not in sys.modules
    out = shown("plugins", "why", "layer:nn-swirl/swirl")
    assert "plugnet plugins doctor nn-swirl tells whether it can be imported" in out


def test_what_the_program_registered_comes_first(install: Fake, why: Reported) -> None:
    put(install, "nn-swirl")
    with registry.isolated():

        class Swirl(Layer):
            forward = backward = None  # type: ignore[assignment]

        registry.layers.register("swirl")(Swirl)
        _, report = why("swirl")
    assert report["means"]["distribution"] is None
    assert len(report["steps"]["registered by the program"]) == 1


def test_two_plugins_with_one_name(install: Fake, why: Reported, shown: Shown) -> None:
    put(install, "nn-swirl")
    put(install, "nn-whirl")
    status, report = why("swirl")
    assert (status, report["means"], report["usable"]) == (1, None, False)
    assert "Use 'nn-swirl/swirl' or 'nn-whirl/swirl'" in report["verdict"]
    status, report = why("nn-whirl/swirl")
    assert (status, report["means"]["distribution"]) == (0, "nn-whirl")
    assert len(report["steps"]["plugins"]) == 1
    out = shown("plugins", "why", "swirl", status=1)
    assert "ambiguous, because others have that name; this one is 'nn-whirl/swirl'" in out


def test_a_disabled_plugin(install: Fake, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    put(install, "nn-swirl")
    monkeypatch.setenv("PLUGNET_PLUGINS_DISABLE", "nn-swirl")
    out = shown("plugins", "why", "swirl", status=1)
    assert "Swirl: disabled by PLUGNET_PLUGINS_DISABLE (environment)\n" in out
    assert "which is disabled by PLUGNET_PLUGINS_DISABLE (environment)." in out


@pytest.mark.filterwarnings("default:nn-fc 1.0 also defines")
def test_a_shadowed_plugin(install: Fake, shown: Shown) -> None:
    put(install, "nn-fc", layers={"fc": "nn_fc:FC"})
    out = shown("plugins", "why", "fc")
    assert "shadowed, because a built-in has that name; this one is 'nn-fc/fc'" in out
    assert "'fc' is the layer 'fc' of plugnet " in out


@pytest.mark.parametrize(
    ("groups", "explanation"),
    [
        ({"layers": {"swirl": "no class?"}}, "it must be 'module:Class', not 'no class?'"),
        (
            {"layers": {"swirl": "nn_swirl:Swirl"}, "api": {"v9": "nn_swirl"}},
            "incompatible, because it was written for plugin API v9",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used(
    install: Fake, why: Reported, shown: Shown, groups: dict[str, Any], explanation: str
) -> None:
    put(install, "nn-swirl", **groups)
    status, report = why("swirl")
    assert (status, report["usable"]) == (1, False)
    assert explanation.removeprefix("it ") in report["verdict"]
    assert "plugnet plugins doctor" in shown("plugins", "why", "swirl", status=1)


def test_a_hook_module_is_always_on(install: Fake, shown: Shown) -> None:
    put(install, "nn-swirl", hooks={"swirl": "nn_swirl"})
    out = shown("plugins", "why", "swirl", status=1)
    assert "always on; it acts in every Trainer and is not built by name" in out


def test_names_that_nobody_provides(why: Reported, refused: Refused) -> None:
    status, report = why("layer:relu")
    assert status == 1
    assert "use registry.activations.build('relu')" in report["verdict"]
    assert "Did you mean 'tanh'?" in why("tahn")[1]["verdict"]
    assert "two words" in refused("plugins", "why", "two words")
