"""What a new user does works: from files to answers about new rows, in a folder of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.users.write_tables import WRITERS

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("script", WRITERS)
def test_users_get_right_answers_from_their_files(script: str, tmp_path: Path) -> None:
    WRITERS[script](tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", FOLDER / script],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_user_has_files() -> None:
    scripts = {path.name for path in FOLDER.glob("*.py") if not path.name.startswith("test_")}
    assert scripts - {"__init__.py", "write_tables.py"} == {*WRITERS}


def test_they_are_compared_with_scikit_learn(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    script = FOLDER.parent / "benchmarks/tables.py"
    words = [sys.executable, str(script), "--quick", "--json", str(tmp_path / "found.json")]
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    (found,) = json.loads((tmp_path / "found.json").read_text()).values()
    for (accuracy,) in found.values():
        assert accuracy > 0.85
