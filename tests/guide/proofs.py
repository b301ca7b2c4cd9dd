"""Measure whether the tests to which formulas lead run the lines that compute them.

    python -m tests.guide.proofs

Every formula of the guide's chapters, and every component of the reference.toml files, names code
and tests. All these tests run once, under coverage, which notes for each line which tests have run
it. Each test must run a line of its formula's code, and each piece of code must be run by one of
its formula's tests: a function, if a line of its body is; one line, if it is itself. Otherwise the
formula and the link are printed, and the command ends with 1. A test that is skipped, because a
peer is not installed, is not judged.
"""

import ast
import importlib.util
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.guide.claims import ROOT, Claim, all_claims, places

MISSING = 'coverage is not installed: pip install -e ".[dev]"'


@dataclass(frozen=True)
class Measured:
    """What a run of tests has shown, by their ids.

    Attributes:
        outcomes: of each test "passed", "skipped" or "failed".
        ran: of each test the lines that it has run, of each file.
    """

    outcomes: Mapping[str, str]
    ran: Mapping[str, Mapping[Path, set[int]]]


@dataclass
class Verdict:
    """What is wrong with claims, and what could not be judged, in sentences."""

    wrong: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


def prove(claims: Sequence[Claim]) -> Verdict:
    """Run the tests of all claims, and judge."""
    verdict = Verdict()
    found = [claim for claim in claims if _are_there(claim, verdict)]
    files = {places.code(link).file for claim in found for link in claim.code}
    measured = measure({test for claim in found for test in claim.tests}, files)
    judge(found, measured, verdict)
    return verdict


def measure(tests: Iterable[str], files: Iterable[Path]) -> Measured:
    """Run tests in a process of their own, and note which lines of files each of them runs.

    Raises:
        RuntimeError: they could not be run at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings, data, report = (Path(folder, name) for name in ("rc", "data", "report.xml"))
        include = "".join(f"\n    {file}" for file in sorted(files))
        settings.write_text(
            f"[run]\ndynamic_context = test_function\ndata_file = {data}\ninclude ={include}\n"
        )
        words = ["-q", "-p", "no:cacheprovider", f"--junit-xml={report}", *sorted(tests)]
        Path(folder, "words").write_text("\n".join(words))
        coverage = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}"]
        done = subprocess.run(
            [*coverage, "-m", "pytest", f"@{folder}/words"],
            cwd=ROOT,
            # Other cores have no dynamic contexts, and other processes are not measured.
            env=os.environ | {"COVERAGE_CORE": "ctrace", "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, 1) or not report.exists():
            raise RuntimeError(f"The tests could not be run:\n{done.stdout}{done.stderr}")
        return Measured(_outcomes(report), _lines(data))


def judge(claims: Iterable[Claim], measured: Measured, verdict: Verdict) -> None:
    """Add to the verdict what was measured to be wrong with claims."""
    skipped: dict[str, None] = {}
    for claim in claims:
        outcomes = {test: measured.outcomes.get(_dotted(test), "missing") for test in claim.tests}
        for test, outcome in outcomes.items():
            if outcome == "skipped":
                skipped.setdefault(f"{test} was skipped")
            elif outcome != "passed":
                verdict.wrong.append(f"{claim}: {test} has {outcome}")
        passed = [test for test, outcome in outcomes.items() if outcome == "passed"]
        wanted = {link: (places.code(link).file, lines_of(link)) for link in claim.code}
        met: set[str] = set()
        for test in passed:
            ran = measured.ran.get(_dotted(test), {})
            own = {link for link, (file, lines) in wanted.items() if lines & ran.get(file, set())}
            met |= own
            if not own:
                verdict.wrong.append(f"{claim}: {test} runs none of {', '.join(claim.code)}")
        for link in claim.code:
            if link not in met and "skipped" in outcomes.values():
                verdict.open.append(f"{claim}: {link} is run by no test that was not skipped")
            elif link not in met:
                verdict.wrong.append(f"{claim}: {link} is run by none of {', '.join(claim.tests)}")
    verdict.open += skipped


def lines_of(link: str) -> set[int]:
    """Return the lines one of which must be run: that of a text, or those within functions."""
    place = places.code(link)
    if " " in link:
        return {place.first}
    inside = [(first, last) for first, last in _bodies(place.file) if first >= place.first]
    return {line for first, last in inside if last <= place.last for line in range(first, last + 1)}


@cache
def _bodies(file: Path) -> list[tuple[int, int]]:
    """Return the first and last line of the body of each function, without its docstring."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[ast.get_docstring(node) is not None :]
            if body:
                found.append((body[0].lineno, node.end_lineno or body[-1].lineno))
    return found


def _are_there(claim: Claim, verdict: Verdict) -> bool:
    """Tell whether a claim has links, and all that they name is there; add what is wrong."""
    wrong = [f"{claim}: there is no link to code"] * (not claim.code)
    wrong += [f"{claim}: there is no link to a test"] * (not claim.tests)
    for links, find in ((claim.code, places.code), (claim.tests, places.test)):
        for link in links:
            try:
                find(link)
            except places.NoSuchPlaceError as error:
                wrong.append(f"{claim}: {link} names no such place: {error}")
    verdict.wrong += wrong
    return not wrong


def _dotted(test: str) -> str:
    """Return the name that coverage and JUnit have for a test, without its parameters."""
    path, _, name = test.partition("::")
    module = path.removesuffix(".py").replace("/", ".")
    return f"{module}.{name.partition('[')[0].replace('::', '.')}"


def _outcomes(report: Path) -> dict[str, str]:
    """Return the outcome of each test: passed, if any of its parameters ran, and none failed."""
    found: dict[str, set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name', '').partition('[')[0]}"
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        found.setdefault(name, set()).add("skipped" if "skipped" in kinds else outcome)
    worst = ("failed", "passed", "skipped")
    return {name: next(one for one in worst if one in kinds) for name, kinds in found.items()}


def _lines(data: Path) -> dict[str, dict[Path, set[int]]]:
    from coverage import CoverageData

    held = CoverageData(basename=str(data))
    held.read()
    found: dict[str, dict[Path, set[int]]] = {}
    for file in held.measured_files():
        for line, contexts in held.contexts_by_lineno(file).items():
            for context in contexts:
                found.setdefault(context, {}).setdefault(Path(file), set()).add(line)
    return found


def main() -> int:
    """Prove all claims, and return the exit status."""
    if importlib.util.find_spec("coverage") is None:
        print(f"skipped: {MISSING}")
        return 0
    claims = all_claims()
    verdict = prove(claims)
    for sentence in verdict.open:
        print(f"not judged: {sentence}")
    for sentence in verdict.wrong:
        print(f"wrong: {sentence}")
    code, tests = (
        sum(len(claim.code) for claim in claims),
        sum(len(claim.tests) for claim in claims),
    )
    print(
        f"{len(claims)} formulas and components, {code} links to code, {tests} to tests: "
        f"{len(verdict.wrong)} wrong, {len(verdict.open)} not judged"
    )
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
