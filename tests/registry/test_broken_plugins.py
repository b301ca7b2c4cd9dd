"""A broken plugin breaks its own names only, and says so when they are used."""

import importlib
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.aliases import Fake
from tests.layers import Same
from tests.sources import SOURCE

from plugnet import registry
from plugnet.errors import PluginApiError, PluginLoadError
from plugnet.registry import Registry, kinds


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import absent_package", "nn-bad needs 'absent_package': install it"),
        ("from os import absent", "ImportError: cannot import name 'absent'"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("class Shift(", r"SyntaxError: .*"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("import nn_bad.part", "its code 'nn_bad.part' is gone"),
    ],
)
def test_a_failing_import_is_told_on_use(
    source: str, why: str, fake_distribution: Fake, fresh: Registry
) -> None:
    """A missing requirement, any exception, a syntax error, an exit, a missing part of its own."""
    fake_distribution("nn-bad", sources={"nn_bad.py": source}, version="0.3")
    fake_distribution("nn-good", {"layers": {"good": "nn_good:Shift"}})
    assert fresh.problems() == ()
    for _ in range(2):
        with pytest.raises(PluginLoadError, match=why) as caught:
            fresh.build("shift")
        error = caught.value
        assert (error.kind, error.name, error.distribution) == ("layer", "shift", "nn-bad")
        assert "layer 'shift' comes from nn-bad 0.3 (nn_bad:Shift), but" in str(error)
        assert "PLUGNET_PLUGINS_DISABLE=nn-bad" in str(error)
        assert str(error).endswith("plugnet plugins doctor nn-bad")
        assert error.__cause__ is not None
        assert not hasattr(error, "__notes__")
    assert fresh.build("good") is not None
    states = {entry.name: entry.state for entry in fresh.layers.entries()}
    assert (states["shift"], states["good"]) == ("broken", "loaded")
    assert [problem.distribution for problem in fresh.problems()] == ["nn-bad"]


def test_a_failed_module_is_not_run_again_before_refresh(
    fake_distribution: Fake, fresh: Registry
) -> None:
    info = fake_distribution("nn-bad", sources={"nn_bad.py": "raise OSError('first')"})
    with pytest.raises(PluginLoadError, match="first"):
        fresh.build("shift")
    (info.parent / "nn_bad.py").write_text(SOURCE)
    with pytest.raises(PluginLoadError, match="first"):
        fresh.build("shift")
    fresh.refresh()
    assert fresh.build("shift") is not None
    assert fresh.problems() == ()


@pytest.mark.parametrize("interruption", ["KeyboardInterrupt", "MemoryError"])
def test_an_interrupted_import_is_not_the_plugins_fault(
    interruption: str, fake_distribution: Fake, fresh: Registry
) -> None:
    info = fake_distribution("nn-slow", sources={"nn_slow.py": f"raise {interruption}"})
    with pytest.raises((KeyboardInterrupt, MemoryError)):
        fresh.build("shift")
    assert [e.state for e in fresh.entries() if e.name == "shift"] == ["ok"]
    (info.parent / "nn_slow.py").write_text(SOURCE)
    assert fresh.build("shift") is not None


def test_metadata_without_code_are_a_stale_install(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-gone", sources={})
    with pytest.raises(PluginLoadError, match=r"stale install.*pip uninstall nn-gone"):
        fresh.build("shift")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("nn_bad:Shfit", "no attribute 'Shfit'. Did you mean 'Shift'"),
        ("nn_bad", "gave a module, not a Layer class. Probably ':ClassName' is missing"),
        ("nn_bad:function", "gave a function, not a Layer class"),
        ("nn_bad:instance", "gave a Shift, not a Layer class"),
        ("nn_bad:Layer", "abstract: it does not implement forward"),
        ("nn_bad:Half", "abstract: it does not implement forward"),
        ("nn_bad:Other", "not a Layer class; it derives from Loss"),
        ("nn_bad:Plain", "not a Layer class; it derives from object"),
        ("nn_bad:Open", r"takes '\*sizes'"),
        ("nn_bad:Loose", r"takes '\*\*options'"),
        ("", "the value '', which must be 'module:Class'"),
        ("nn bad:Shift", "the value 'nn bad:Shift', which must be"),
        ("nn_bad:", "the value 'nn_bad:', which must be"),
    ],
)
def test_a_value_that_is_no_class_of_the_kind_is_told_on_use(
    value: str, why: str, fake_distribution: Fake, fresh: Registry
) -> None:
    source = """
from plugnet.interfaces import Loss

def function(): ...

instance = Shift()

class Half(Layer):
    def backward(self, dy): ...

class Other(Loss): ...

class Plain: ...

class Open(Shift):
    def __init__(self, *sizes): ...

class Loose(Shift):
    def __init__(self, **options): ...
"""
    groups = {"layers": {"bad": value, "shift": "nn_bad:Shift"}}
    fake_distribution("nn-bad", groups, {"nn_bad.py": SOURCE + source})
    with pytest.raises(PluginLoadError, match=why) as caught:
        fresh.build("bad")
    assert caught.value.distribution == "nn-bad"
    assert fresh.build("shift") is not None
    states = {entry.name: entry.state for entry in fresh.layers.entries()}
    assert (states["bad"], states["shift"]) == ("broken", "loaded")


def test_a_malformed_value_is_a_problem_before_it_is_used(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-bad", {"layers": {"bad": "nn bad", "Conv2D": "nn_bad:Shift"}})
    messages = sorted(problem.message for problem in fresh.problems())
    assert len(messages) == 2
    assert "'bad' comes from nn-bad 1.0 (nn bad), but its entry point has" in messages[0]
    assert "'Conv2D', but a name must be lower-case" in messages[1]
    assert "bad" in fresh.layers
    assert "Conv2D" not in fresh.layers
    with pytest.raises(PluginLoadError, match=r"nn bad\), but"):
        fresh.build("bad")
    assert sorted(problem.message for problem in fresh.problems()) == messages  # and once only


def test_a_plugin_that_asks_for_itself_while_imported_is_told(fake_distribution: Fake) -> None:
    source = "from plugnet import registry\nregistry.build('shift')\n"
    fake_distribution("nn-loop", sources={"nn_loop.py": source + SOURCE})
    with (
        registry.isolated(plugins=["nn-loop"]),
        pytest.raises(PluginLoadError, match="its module asks for it while being imported"),
    ):
        registry.build("shift")


def test_two_threads_import_a_plugin_once(fake_distribution: Fake, fresh: Registry) -> None:
    source = """
import time
with open(__file__ + ".log", "a") as log:
    log.write("run;")
time.sleep(0.05)
"""
    info = fake_distribution("nn-slow", sources={"nn_slow.py": source + SOURCE})
    start = threading.Barrier(2)
    built: list[object] = []

    def build() -> None:
        start.wait()
        built.append(type(fresh.build("shift")))

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [sys.modules["nn_slow"].Shift] * 2
    assert (info.parent / "nn_slow.py.log").read_text() == "run;"


REGISTERING = """
from pathlib import Path
import time
from plugnet import registry
from plugnet.interfaces import Layer

Path(__file__ + ".begun").touch()
time.sleep(0.2)  # in which the other thread arrives

@registry.layers.register("shift", replace=True)
class Shift(Layer):
    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy
"""


def after(sign: Path, work: Callable[[], object], done: list[object]) -> threading.Thread:
    """Start a thread that waits for a file, works, and keeps the result in ``done``."""

    def run() -> None:
        deadline = time.monotonic() + 10
        while not sign.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        done.append(work())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_module_may_register_the_name_that_is_being_built(fake_distribution: Fake) -> None:
    info = fake_distribution("nn-both", sources={"nn_both.py": REGISTERING})
    done: list[object] = []
    with registry.isolated(plugins=["nn-both"]):
        builder = after(
            info.parent / "nn_both.py.begun", lambda: type(registry.build("shift")), done
        )
        importer = threading.Thread(target=importlib.import_module, args=["nn_both"], daemon=True)
        importer.start()
        for thread in (importer, builder):
            thread.join(10)
            assert not thread.is_alive()
        assert done == [sys.modules["nn_both"].Shift]


def test_what_is_registered_during_an_import_is_what_the_name_means(
    fake_distribution: Fake, fresh: Registry
) -> None:
    """The importing thread must not bring its own find into use for all after it."""
    slow = (
        "import time\nfrom pathlib import Path\nPath(__file__ + '.begun').touch()\ntime.sleep(0.2)"
    )
    info = fake_distribution("nn-slow", sources={"nn_slow.py": slow + SOURCE})

    class Other(Same):
        pass

    thread = after(
        info.parent / "nn_slow.py.begun",
        lambda: fresh.register("shift", replace=True)(Other),
        [],
    )
    assert type(fresh.build("shift")) is sys.modules["nn_slow"].Shift
    thread.join()
    assert type(fresh.build("shift")) is Other


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ({"v9": "nn_new"}, r"plugin API v9, and this plugnet supports v3 and v4. Upgrade plugnet"),
        ({"v2": "nn_new"}, r"plugin API v2.*Its author must upgrade it"),
        ({}, r"plugin API v2.*Its author must upgrade it"),
    ],
)
def test_another_plugin_api_is_refused_on_use(
    marks: dict[str, str],
    why: str,
    fake_distribution: Fake,
    fresh: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Newer; older than the one before; no mark, which means the first that was released, v2."""
    monkeypatch.setattr(kinds, "API_VERSION", 4)
    groups = {"layers": {"shift": "nn_new:Shift"}, "api": marks}
    fake_distribution("nn-new", groups, version="2.0")
    with pytest.raises(PluginApiError, match=why) as caught:
        fresh.build("shift")
    assert caught.value.distribution == "nn-new"
    assert "nn_new" not in sys.modules
    assert [e.state for e in fresh.entries() if e.name == "shift"] == ["incompatible"]
    assert any(problem.distribution == "nn-new" for problem in fresh.problems())


def test_the_plugin_api_that_was_never_released_is_refused(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-old", {"layers": {"shift": "nn_old:Shift"}, "api": {"v1": "nn_old"}})
    why = "plugin API v1, and this plugnet supports v2. Its author must upgrade it"
    with pytest.raises(PluginApiError, match=why):
        fresh.build("shift")


@pytest.mark.parametrize("mark", ["v3", "v4"])
def test_this_plugin_api_and_the_one_before_are_accepted(
    mark: str, fake_distribution: Fake, fresh: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "API_VERSION", 4)
    fake_distribution("nn-new", {"layers": {"shift": "nn_new:Shift"}, "api": {mark: "nn_new"}})
    assert fresh.build("shift") is not None


@pytest.mark.parametrize("mark", ["vX", "1", "v0", "v1.2"])
def test_a_malformed_api_mark_is_a_problem(
    mark: str, fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-new", {"layers": {"shift": "nn_new:Shift"}, "api": {mark: "nn_new"}})
    assert fresh.build("shift") is not None
    (problem,) = fresh.problems()
    assert f"the API mark '{mark}', which must look like 'v2'; v2 is assumed" in problem.message


def test_strict_turns_every_problem_into_an_error(
    fake_distribution: Fake, fresh: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUGNET_PLUGINS_STRICT", "1")
    fake_distribution("nn-new", {"layers": {"shift": "nn_new:Shift"}, "api": {"vX": "nn_new"}})
    with pytest.raises(PluginLoadError, match=r"'vX'.*PLUGNET_PLUGINS_STRICT is set"):
        fresh.build("tanh")
    assert len(fresh.problems()) == 1  # listings work all the same
    assert {"fc", "shift"} <= {entry.name for entry in fresh.layers.entries()}


LAZY = """
def __getattr__(name):
    if name == "Shift":
        raise ImportError("needs torch")
    raise AttributeError(name)
"""


def test_a_lazy_module_that_fails_is_told_on_use(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("nn-lazy", sources={"nn_lazy.py": LAZY})
    for _ in range(2):
        with pytest.raises(PluginLoadError, match="ImportError: needs torch"):
            fresh.build("shift")

    class Shift:
        """Of the name that the module fails for."""

    assert fresh.name_of(Shift()) is None
    assert [e.state for e in fresh.entries() if e.name == "shift"] == ["broken"]


def test_an_error_that_cannot_be_shown_is_told_all_the_same(
    fake_distribution: Fake, fresh: Registry
) -> None:
    source = "class E(Exception):\n def __str__(self):\n  raise OSError\nraise E"
    fake_distribution("nn-bad", sources={"nn_bad.py": source})
    with pytest.raises(PluginLoadError, match="cannot be shown"):
        fresh.build("shift")


def test_a_class_is_named_by_an_entry_that_can_be_used(
    fake_distribution: Fake, fresh: Registry
) -> None:
    old = {"layers": {"old": "nn_new:Shift"}, "api": {"v1": "nn_new"}}
    fake_distribution("nn-a", old, {"nn_new.py": SOURCE})
    fake_distribution("nn-b", {"layers": {"new": "nn_new:Shift"}}, {})
    assert fresh.spec(fresh.build("new"))["name"] == "new"
