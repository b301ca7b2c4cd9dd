"""`plugnet plugins doctor`: what is wrong with plugins, whatever they do to the process."""

import functools
import json
import os
import sys
from pathlib import Path

import pytest
from tests.aliases import Fake, Refused, Reported, Shown

from plugnet import registry

GOOD = "from plugnet.interfaces import Layer\nclass Good(Layer):\n    forward = backward = None\n"
MARK = {"api": {"v2": "it"}}


@pytest.fixture
def examine(reported: Reported) -> Reported:
    return functools.partial(reported, "plugins", "doctor")


@pytest.fixture
def problem(examine: Reported) -> Shown:
    """Return a function that gives the only problem there is."""

    def find(*words: str) -> str:
        status, reports = examine(*words)
        assert status == 1
        (found,) = (str(problem) for report in reports for problem in report["problems"])
        return found

    return find


@pytest.fixture
def plugin(install: Fake) -> Fake:
    """Return a function that installs a module which should hold the layer Good."""

    def put(source: str, name: str = "nn-odd", **options: str) -> Path:
        module = name.replace("-", "_")
        groups = {"layers": {"good": f"{module}:Good"}, **MARK}
        return install(name, groups, {f"{module}.py": source}, **options)

    return put


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Leave out what else is installed where the tests run."""
    monkeypatch.setenv("PLUGNET_PLUGINS", ",".join(names))
    registry.refresh()


def test_a_good_plugin_gets_a_calm_line(plugin: Fake, shown: Shown) -> None:
    plugin(GOOD, "nn-good")
    line, verdict = shown("plugins", "doctor", "nn-good").splitlines()
    assert line.startswith("nn-good 1.0: fine (1 component, ")
    assert line.endswith(" ms to import)")
    assert verdict == "Nothing is wrong."
    assert "nn_good" not in sys.modules


#: What a module may do instead of providing its layer, and what is said about it.
BROKEN = {
    "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)": "ends the process by SIGSEGV",
    "import os\nos._exit(0)": "ends the process with status 0",
    "import sys\nsys.exit('enough')": "SystemExit: enough",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "a = 1\n\n1 / 0": "ZeroDivisionError: division by zero",
    "def broken(:": "SyntaxError",
    "import no_such_module": "needs 'no_such_module'",
    "Godo = 1": "has no attribute 'Good'. Did you mean 'Godo'?",
    "import math as Good": "gave a module, not a Layer class",
    "input()": "EOFError",
}


@pytest.mark.parametrize(("source", "message"), BROKEN.items(), ids=BROKEN.values())
def test_a_plugin_that_cannot_be_imported(
    plugin: Fake, problem: Shown, source: str, message: str
) -> None:
    plugin(source)
    said = problem("nn-odd")
    assert message in said
    assert "layer 'good' (nn_odd" in said


def test_broken_plugins_leave_others_alone(
    plugin: Fake, examine: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin("import os\nos.abort()", "nn-a")
    plugin("a = 1\n\n1 / 0", "nn-b")
    plugin(GOOD, "nn-c")
    only(monkeypatch, "nn-a", "nn-b", "nn-c")
    status, reports = examine()
    (aborts,), (divides,), nothing = (report["problems"] for report in reports)
    assert (status, nothing) == (1, [])
    assert "SIGABRT" in aborts
    assert divides.endswith(f"(in {tmp_path / 'site/nn_b.py'}, line 3)")


def test_a_plugin_that_hangs(plugin: Fake, problem: Shown) -> None:
    plugin("import time\ntime.sleep(60)")
    assert "has not ended after 1 s" in problem("nn-odd", "--timeout", "1")


def test_threads_of_a_plugin_do_not_keep_the_process(plugin: Fake, examine: Reported) -> None:
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=[60]).start()\n"
    plugin(thread + GOOD)
    status, _ = examine("nn-odd", "--timeout", "20")
    assert status == 0


#: What a module may do besides providing its layer, and what is said about it.
EFFECTS = {
    "print('hello from here')": "prints or warns 'hello from here'",
    "import warnings\nwarnings.warn('beware')": "beware",
    "import numpy\nnumpy.seterr(all='ignore')": "changes NumPy's error handling",
    "import numpy\nnumpy.random.seed(0)": "changes NumPy's global random generator",
    "import random\nrandom.seed(0)": "changes Python's global random generator",
    "import warnings\nwarnings.simplefilter('ignore')": "changes the warning filters",
}


@pytest.mark.parametrize(("source", "effect"), EFFECTS.items(), ids=EFFECTS.values())
def test_what_an_import_does_besides_is_wrong(
    plugin: Fake, problem: Shown, source: str, effect: str
) -> None:
    plugin(f"{source}\n{GOOD}")
    said = problem("nn-odd")
    assert said.startswith("importing nn_odd ")
    assert effect in said


def test_the_filters_that_scipy_adds_for_itself_are_no_problem(
    plugin: Fake, examine: Reported
) -> None:
    plugin(f"import scipy.special\n{GOOD}")
    assert examine("nn-odd")[0] == 0


def test_a_slow_import_is_noted(plugin: Fake, examine: Reported) -> None:
    plugin(f"import time\ntime.sleep(0.25)\n{GOOD}")
    status, (report,) = examine("nn-odd")
    assert status == 0
    assert report["remarks"][0].startswith("importing nn_odd takes ")
    assert report["seconds"] > 0.2


def test_modules_are_imported_once_each(install: Fake, examine: Reported, tmp_path: Path) -> None:
    count = f"with open({str(tmp_path / 'count')!r}, 'a') as file: file.write('x')\n"
    layers = {"one": "nn_two:Good", "two": "nn_two:Good"}
    install("nn-two", {"layers": layers, **MARK}, {"nn_two.py": count + GOOD})
    status, (report,) = examine("nn-two")
    assert (status, report["components"]) == (0, 2)
    assert (tmp_path / "count").read_text() == "x"


def test_a_hook_module_that_fits_no_specification(install: Fake, problem: Shown) -> None:
    source = "def plugnet_step_end(training, nonsense): pass"
    install("nn-hook", {"hooks": {"mine": "nn_hook"}, **MARK}, {"nn_hook.py": source})
    assert "nonsense" in problem("nn-hook")


# What metadata tell ------------------------------------------------------------------------------


def editable(install: Fake, folder: Path, declared: str) -> None:
    """Install nn-odd as if from a folder whose pyproject.toml declares other components."""
    layers = dict.fromkeys(("good", "same", "moved"), "nn_odd:Good")
    info = install("nn-odd", {"layers": layers, **MARK}, {"nn_odd.py": GOOD})
    origin = {"url": folder.as_uri(), "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(origin))
    folder.mkdir()
    head = '[project]\nname = "nn-odd"\n[project.entry-points."plugnet.layers"]\n'
    (folder / "pyproject.toml").write_text(head + declared)


def test_stale_metadata_of_an_editable_installation(
    install: Fake, examine: Reported, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder"
    editable(install, folder, 'same = "nn_odd:Good"\nmore = "nn_odd:Good"\nmoved = "nn_odd:New"')
    status, (report,) = examine("nn-odd")
    assert status == 1
    again = f"Run: pip install -e {folder}"
    assert report["problems"] == [
        f"the metadata declare layer 'good', pyproject.toml does not. {again}",
        f"pyproject.toml declares layer 'more', the metadata do not. {again}",
        f"layer 'moved' is nn_odd:New in pyproject.toml, nn_odd:Good in the metadata. {again}",
    ]


def test_a_pyproject_that_cannot_be_read(install: Fake, problem: Shown, tmp_path: Path) -> None:
    editable(install, tmp_path / "folder", "good = ")
    assert "whose pyproject.toml cannot be read: " in problem("nn-odd")


def test_an_editable_installation_without_its_folder(
    install: Fake, problem: Shown, tmp_path: Path, refused: Refused
) -> None:
    editable(install, tmp_path / "folder", "")
    (tmp_path / "folder/pyproject.toml").unlink()
    (tmp_path / "folder").rmdir()
    message = problem("nn-odd")
    assert f"it is installed from {tmp_path / 'folder'}, whose pyproject.toml" in message
    assert "No such file" in message
    (tmp_path / "site/nn_odd-1.0.dist-info/entry_points.txt").write_text("[other]\na = b\n")
    registry.refresh()
    refused("plugins", "doctor", "nn-odd")  # no longer any of plugnet's business


def test_a_first_component_that_the_metadata_lack(
    install: Fake, problem: Shown, tmp_path: Path
) -> None:
    editable(install, tmp_path / "folder", 'first = "nn_odd:Good"')
    (tmp_path / "site/nn_odd-1.0.dist-info/entry_points.txt").unlink()
    assert "declares layer 'first', the metadata do not" in problem("nn-odd")


def test_a_distribution_that_is_installed_twice(
    plugin: Fake, problem: Shown, tmp_path: Path
) -> None:
    plugin(GOOD, site="one")
    plugin(GOOD, site="two")
    message = problem("nn-odd")
    assert message.startswith("it is installed more than once: ")
    assert str(tmp_path / "one") in message
    assert str(tmp_path / "two") in message


def test_one_folder_under_two_names_is_one_installation(
    plugin: Fake, examine: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin(GOOD)
    (tmp_path / "link").symlink_to(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "link"))
    assert examine("nn-odd")[0] == 0


def test_two_versions_of_a_distribution(plugin: Fake, problem: Shown) -> None:
    plugin(GOOD, site="old", version="1.0")
    plugin(GOOD, site="new", version="2.0")
    assert "1.0 in" in (message := problem("nn-odd"))
    assert "is hidden by nn-odd 2.0" in message


def test_a_distribution_for_other_pythons(plugin: Fake, examine: Reported, problem: Shown) -> None:
    metadata = plugin(GOOD) / "METADATA"
    text = metadata.read_text()
    metadata.write_text(f"{text}Requires-Python: >= 3.11.0rc1, !=3.10.*\n")
    assert examine("nn-odd")[0] == 0
    metadata.write_text(f"{text}Requires-Python: >=3.5,<3.11\n")
    running = ".".join(map(str, sys.version_info[:3]))
    expected = f"it is for Python >=3.5,<3.11, but this is Python {running}"
    assert problem("nn-odd") == expected
    metadata.write_text(f"{text}Requires-Python: nonsense\n")
    assert "must be a version specifier, but it is 'nonsense'" in problem("nn-odd")


def test_a_damaged_file_of_a_foreign_distribution(
    plugin: Fake, install: Fake, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    plugin(GOOD)
    only(monkeypatch, "nn-odd")
    info = install("foreign", {}, {})
    (info / "entry_points.txt").write_text("[plugnet.layers]\nno equals sign here\n")
    out = shown("plugins", "doctor", status=1)
    assert f"Among all that is installed:\n  problem: {info / 'entry_points.txt'} is damag" in out


@pytest.mark.filterwarnings("default:nn-fc 1.0 also defines")
def test_what_is_worth_knowing_is_noted(
    plugin: Fake, install: Fake, examine: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin(GOOD)
    install("nn-other", {"layers": {"good": "nn_other:Good"}}, {"nn_other.py": GOOD})
    install("nn-fc", {"layers": {"fc": "nn_fc:Good"}}, {"nn_fc.py": GOOD})
    only(monkeypatch, "nn-odd", "nn-other", "nn-fc")
    status, reports = examine()
    assert status == 0
    notes = {report["distribution"]: report["remarks"] for report in reports}
    assert "is provided by others too; use 'nn-odd/good'" in notes["nn-odd"][0]
    assert "'fc' is built in; this one is 'nn-fc/fc'" in notes["nn-fc"][0]
    assert "does not say for which plugin API" in notes["nn-other"][1]


# What is looked at -------------------------------------------------------------------------------


def test_disabled_plugins_are_left_out_unless_named(
    plugin: Fake, problem: Shown, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    plugin("1 / 0")
    plugin(GOOD, "nn-other")
    only(monkeypatch, "nn-odd", "nn-other")
    monkeypatch.setenv("PLUGNET_PLUGINS_DISABLE", "nn-odd")
    out = shown("plugins", "doctor")
    assert "nn-odd: left out: disabled by PLUGNET_PLUGINS_DISABLE (environment)\n" in out
    assert "ZeroDivisionError" in problem("nn-odd")


def test_a_distribution_without_plugins_is_refused(plugin: Fake, refused: Refused) -> None:
    plugin(GOOD, "nn-swirl")
    said = refused("plugins", "doctor", "nn-swril")
    assert "'nn-swril' provides plugins. Did you mean 'nn-swirl'?" in said
    assert "--timeout" in refused("plugins", "doctor", "--timeout", "0")


def test_all_commands_work_while_every_plugin_is_broken(
    install: Fake, tmp_path: Path, shown: Shown
) -> None:
    install(
        "nn-mean",
        {"layers": {"mean": "nn_mean:Mean"}, "hooks": {"always": "nn_mean"}},
        {"nn_mean.py": "import os\nos.abort()"},
    )
    for words in (
        ["list", "--all"],
        ["why", "mean"],
        ["new", "nn-fine", "--kind", "loss", "--directory", os.fspath(tmp_path)],
    ):
        shown("plugins", *words)
    assert "SIGABRT" in shown("plugins", "doctor", "nn-mean", status=1)
