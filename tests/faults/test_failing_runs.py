"""A disk that fails at any call of a whole run: whole files, and a run that goes on later."""

import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.process import printed
from tests.runs import sketch
from tests.soak.failures import FAULTS, Runs
from tests.soak.kills import Killer

#: How many of the calls fail, by kind; the command tests.soak.failures takes all.
SAMPLES = 8

pytestmark = [
    pytest.mark.usefixtures("sketches"),
    pytest.mark.filterwarnings("always::UserWarning"),
]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", ["EIO", "ENOSPC", "EDQUOT", "short"])
def test_a_call_that_fails_leaves_a_run_that_goes_on(
    tmp_path: Path, name: str, lasting: bool
) -> None:
    runs = Runs(tmp_path)
    assert len(runs.calls) > 200
    draw = random.Random(f"{name}{lasting}")
    chosen = draw.sample(range(1, len(runs.calls) + 1), SAMPLES)
    found = Counter(runs.check(at, FAULTS[name], lasting) for at in chosen)
    assert found.total() == SAMPLES
    assert name == "short" or "refused" in found
    assert not (name == "short" and "refused" in found)


def kill_some(folder: Path) -> None:
    """Kill processes at some calls of a run, each forked, and go on with the runs."""
    sketch()
    runs = Runs(folder)
    chosen = random.Random(0).sample(range(1, len(runs.calls) + 1), SAMPLES)
    print(Counter(runs.check(at, FAULTS["killed"]) for at in chosen)["ended"])


def kill_at_random(folder: Path) -> None:
    """Kill processes at random moments, and go on with the runs."""
    sketch()
    killer = Killer(folder, "early_stop", is_fresh=False)
    figures = Counter[str]()
    for seed in range(5):
        found, difference = killer.run(seed)
        assert difference == ""
        figures += found
    print(figures["killed"])


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs /proc")
@pytest.mark.parametrize("kill", ["kill_some", "kill_at_random"])
def test_a_run_that_is_killed_goes_on_to_the_same_files(
    tmp_path: Path, kill: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # a fork has no others
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    code = f"from tests.faults.test_failing_runs import {kill}; from pathlib import Path"
    assert int(printed(f"{code}; {kill}(Path({str(tmp_path)!r}))")) > 3
