"""The check that links are true: what it reads, how it judges, and that it can fail."""

import ast
import re
from pathlib import Path

import pytest

from tests.guide.claims import ROOT, Claim, of_class, of_page, places
from tests.guide.proofs import Measured, Verdict, judge, lines_of, prove

TANH = "plugnet_builtin.activations:Tanh"
POLICY = "tests/builtin/test_lr_policies.py::test_policy_is_pure"
SLOPE = "tests/builtin/test_activations.py::test_slope_at_zero"

PAGE = """
```{formula} first
:code: a:b | c:D.e "x = y"
:test: tests/t.py::test_a | tests/t.py::test_b
x = y
:not: an option
```

````{admonition} Within
:::{note}
   ```{formula}
   :code: a:b
   x
   ```
:::
````

````md
```{formula} shown, not meant
:code: a:b
```
````

```{code-cell} python3
text = '''
```{formula} in a string
'''
```

``` a span ```

:::{formula} last
x
:::
"""


def test_formulas_are_read_with_their_links(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    found = of_page(tmp_path / "page.md")
    tests = ("tests/t.py::test_a", "tests/t.py::test_b")
    assert found == [
        Claim("page.md", "first", ("a:b", 'c:D.e "x = y"'), tests),
        Claim("page.md", "line 11", ("a:b",), ()),
        Claim("page.md", "last", (), ()),
    ]


def test_a_bare_method_is_that_of_the_class_or_of_a_base() -> None:
    assert of_class(TANH, "forward") == f"{TANH}.forward"
    xavier = "plugnet_builtin.initializers:Xavier"
    scaling = "plugnet_builtin.initializers:VarianceScaling"
    assert of_class(xavier, '__call__ "limit = "') == f'{scaling}.__call__ "limit = "'
    assert of_class(xavier, "rule") == f"{xavier}.rule"
    assert of_class(xavier, "plugnet.arrays:scalar") == "plugnet.arrays:scalar"
    with pytest.raises(places.NoSuchPlaceError, match="Xavier has no method draw"):
        of_class(xavier, "draw")


def test_what_must_be_run_is_within_a_function() -> None:
    """Lines outside run when the module is imported, perhaps by the test itself."""
    whole, methods = places.code(TANH), (f"{TANH}.forward", f"{TANH}.derivative")
    lines = {method: lines_of(method) for method in methods}
    assert lines_of(TANH) == set().union(*lines.values())
    source = whole.file.read_text().splitlines()
    assert [source[line - 1].strip() for line in sorted(lines_of(TANH))] == [
        "return np.tanh(x, out=out)",
        "out = np.multiply(y, y, out=out)",
        "return np.subtract(scalar(1, y.dtype), out, out=out)",
    ]
    (line,) = lines_of(f'{TANH}.derivative "np.multiply"')
    assert line == min(lines[f"{TANH}.derivative"])
    assert isinstance(ast.parse(source[line - 1].strip()).body[0], ast.Assign)


def judged(code: str, *outcomes: str, ran: str | None = None) -> Verdict:
    """Judge a claim with a test for each outcome, of which the first has run the lines of a link.

    A link with a text is a line within a function.
    """
    tests = tuple(f"tests/t.py::test_{number}[x]" for number in range(len(outcomes)))
    names = [f"tests.t.test_{number}" for number in range(len(outcomes))]
    lines = {} if ran is None else {names[0]: {places.code(ran).file: lines_of(ran)}}
    verdict = Verdict()
    measured = Measured(dict(zip(names, outcomes, strict=True)), lines)
    judge([Claim("page.md", "name", (code,), tests)], measured, verdict)
    return verdict


def test_a_claim_is_judged_by_the_tests_that_ran() -> None:
    forward, derivative = f"{TANH}.forward", f"{TANH}.derivative"
    line = f'{derivative} "np.multiply"'
    assert judged(forward, "passed", ran=forward) == Verdict()
    assert judged(derivative, "passed", ran=line) == Verdict()
    assert judged(TANH, "passed", ran=line) == Verdict()
    assert judged(line, "passed", ran=f'{derivative} "np.subtract"').wrong == [
        f"page.md, name: tests/t.py::test_0[x] runs none of {line}",
        f"page.md, name: {line} is run by none of tests/t.py::test_0[x]",
    ]
    assert judged(forward, "passed", "passed", ran=forward).wrong == [
        f"page.md, name: tests/t.py::test_1[x] runs none of {forward}"
    ]
    assert judged(forward, "passed", "failed", ran=forward).wrong == [
        "page.md, name: tests/t.py::test_1[x] has failed"
    ]
    skipped = judged(forward, "passed", "skipped", ran=forward)
    assert skipped == Verdict([], ["tests/t.py::test_1[x] was skipped"])
    assert judged(forward, "skipped").wrong == []
    assert len(judged(forward, "skipped").open) == 2


def test_a_true_link_is_found_true_and_a_wrong_one_is_named() -> None:
    pytest.importorskip("coverage")
    true = Claim("page.md", "true", (f"{TANH}.derivative", f"{TANH}.forward"), (SLOPE,))
    wrong = Claim("page.md", "wrong", (f"{TANH}.forward",), (SLOPE, POLICY))
    unmet = Claim("page.md", "unmet", ("plugnet_builtin.lr_policies:Fixed.__call__",), (POLICY,))
    bare = Claim("page.md", "bare", (), (POLICY,))
    gone = Claim("page.md", "gone", (f"{TANH}.backwards",), (f"{POLICY}r",))
    verdict = prove([true, wrong, unmet, bare, gone])
    assert verdict.open == []
    assert verdict.wrong == [
        "page.md, bare: there is no link to code",
        f"page.md, gone: {TANH}.backwards names no such place: "
        "There is no Tanh.backwards in activations.py: backwards is missing.",
        f"page.md, gone: {POLICY}r names no such place: "
        "There is no test_policy_is_purer in test_lr_policies.py: test_policy_is_purer is missing.",
        f"page.md, wrong: {POLICY} runs none of {TANH}.forward",
        f"page.md, unmet: {POLICY} runs none of plugnet_builtin.lr_policies:Fixed.__call__",
        "page.md, unmet: plugnet_builtin.lr_policies:Fixed.__call__ is run by none of " + POLICY,
    ]


def test_every_chapter_with_a_formula_is_read() -> None:
    pages = sorted((ROOT / "examples/guide").glob("*.md"))
    for page in pages:
        marked = re.findall(r"^\s*[`:]{3,}\{formula\}", page.read_text(), re.MULTILINE)
        assert len(of_page(page)) == len(marked), page.name
    assert any(of_page(page) for page in pages)
