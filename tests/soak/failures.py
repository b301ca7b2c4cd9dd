"""Let each call on the files of a `plugnet train` fail, and go on with the run.

    python -m tests.soak.failures

Of a short run, each call of the system on a file of its folder fails in turn: with EIO, ENOSPC or
EDQUOT, once or from then on, by a write that is cut short, or by the death of the process. After
each, all files must be whole; the exit status must tell whether the model is there; and a resumed
run, or a new one, must come to the same files as one without failure. Pictures are not drawn.
Prints how many calls have failed by kind, and ends with an error at the first that breaks a rule.
"""

import errno
import io
import json
import os
import shutil
import tempfile
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path

if __name__ == "__main__":  # before NumPy is imported: a fork has no other threads
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

from plugnet import Model
from plugnet.cli import main as run_command
from plugnet.files import atomic
from tests.failing import Fault, failed, failing, killed, short
from tests.runs import BASE, outcome, sketch, words, write_table

FAULTS: dict[str, Fault] = {
    **{name: failed(getattr(errno, name)) for name in ("EIO", "ENOSPC", "EDQUOT")},
    "short": short,
    "killed": killed,
}
HOOKS = "hooks=[['checkpoint', {iterations = 2, seconds = 1000.0}], ['best_model', 'best']]"


class Runs:
    """Short runs in a folder, of each of which one call fails.

    Attributes:
        calls: the names of all calls of a run without failure, in their order.
    """

    def __init__(self, folder: Path) -> None:
        self.run = folder / "run"
        settings = ["iterations=5", "evaluate_every=3", *BASE[2:], HOOKS]
        self._words = words(write_table(folder / "table.csv"), self.run, settings)
        with failing(folder) as calls:
            assert self._command(self._words) == (0, "")
        self.calls = [*calls]
        self._expected = outcome(self.run)

    def _command(self, command: list[str]) -> tuple[int, str]:
        """Run a command as a process of its own would; return its status and what it complains."""
        atomic._swept.clear()
        with redirect_stderr(io.StringIO()) as err:
            status = run_command(command)
        return status, err.getvalue()

    def check(self, at: int, fault: Fault, is_lasting: bool = False) -> str:
        """Let a call fail, check what is there, and go on; return what happened."""
        shutil.rmtree(self.run, ignore_errors=True)
        if fault is killed:
            status, err = self._killed(at), ""
        else:
            with failing(self.run.parent, at, fault, is_lasting):
                status, err = self._command(self._words)
        name = self.calls[at - 1]
        where = f"call {at}, {name}: {err}"
        model, result = self.run / "model.safetensors", self.run / "result.json"
        self._check_whole(fault is killed, fault is killed or name in ("unlink", "remove"))
        is_complete = result.exists() and json.loads(result.read_text())["complete"]
        if fault is not killed:
            assert status in (0, 2), where
            assert "Traceback" not in err, where
            assert status == 2 or is_complete, where
            assert (status == 2) <= bool(err), where
        assert not is_complete or model.exists(), where
        if is_complete:
            found = outcome(self.run)
            assert found["model.safetensors"] == self._expected["model.safetensors"], where
            missing = [name for name in self._expected if name not in found]
            assert not missing or json.loads(result.read_text())["notes"], where
            more = self._command([*self._words, "--force"])
        elif (self.run / "run.json").exists():
            more = self._command(["train", "--quiet", "--resume", str(self.run)])
        else:
            more = self._command(self._words)
        assert more == (0, ""), (where, more)
        for path in self.run.rglob(".plugnet-*"):
            assert name in ("unlink", "remove"), where
            path.unlink()
        assert outcome(self.run) == self._expected, where
        if is_complete:
            return "complete"
        return "refused" if status == 2 else "ended"

    def _check_whole(self, is_killed: bool, may_leave_temporary: bool) -> None:
        """Check that no file is half-written."""
        for path in filter(Path.is_file, self.run.rglob("*")):
            if path.suffix == ".safetensors" or path.name == "best":
                Model.load(path)
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".csv" and not is_killed:
                assert path.read_bytes().endswith(b"\n")
            assert may_leave_temporary or not path.name.startswith(".plugnet-"), path

    def _killed(self, at: int) -> int:
        child = os.fork()
        if child == 0:
            try:
                with failing(self.run.parent, at, killed):
                    self._command(self._words)
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> int:
    """Let every call fail in every way, and print figures."""
    with tempfile.TemporaryDirectory(prefix="failures-") as folder:
        sketch()
        runs = Runs(Path(folder))
        print(f"calls of a run: {len(runs.calls)}")
        for name, fault in FAULTS.items():
            for is_lasting in (False, True) if name in ("EIO", "ENOSPC", "EDQUOT") else (False,):
                found = Counter(
                    runs.check(at, fault, is_lasting) for at in range(1, len(runs.calls) + 1)
                )
                figures = ", ".join(f"{count} {what}" for what, count in found.items())
                print(f"{name}{' from then on' * is_lasting}: {figures}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
