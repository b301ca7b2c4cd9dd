"""Python that doctest runs, with what it prints, as at a prompt."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import sys
import tempfile
import warnings
from collections.abc import Iterator
from types import ModuleType

from plugnet.errors import ConfigError, raised, shorten


def checked(text: str, subject: str, module: str) -> str:
    """Return an example from a docstring, which must print what it says.

    Args:
        text: lines as at a prompt.
        subject: whose example it is, for the error.
        module: where it is from. What it uses of that module's names is imported first.

    Raises:
        ConfigError: it prints something else, or fails.
    """
    parser = doctest.DocTestParser()
    source = "".join(example.source for example in parser.get_examples(text, subject))
    whole = "\n".join([*(f">>> {line}" for line in _imports(source, module)), text])
    said: list[str] = []
    with _elsewhere():
        test = parser.get_doctest(whole, {}, subject, None, None)
        result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    if result.failed:
        report = "".join(said).strip()
        raise ConfigError(
            f"An example in a docstring must print what it says, but that of {subject} does not. "
            f"Mend the example or the code.\n{report}",
            key=subject,
        )
    return whole


def run(source: str, subject: str) -> str:
    """Return statements as at a prompt, with what they print.

    Raises:
        ConfigError: one of them fails.
    """
    statements = _statements(source, subject)
    examples = [doctest.Example(f"{statement}\n", "") for statement in statements]
    test, recorder = doctest.DocTest(examples, {}, subject, None, 0, source), _Recorder()
    try:
        with _elsewhere():
            doctest.DebugRunner(recorder, verbose=False).run(test)
    except doctest.UnexpectedException as caught:
        error = caught.exc_info[1]
        raise _failed(subject, error, caught.example.source) from error
    lines = []
    for statement, printed in zip(statements, recorder.printed, strict=True):
        lines += [">>> " + statement.replace("\n", "\n... "), *printed.splitlines()]
    return "\n".join(lines)


class _Recorder(doctest.OutputChecker):
    """Keeps what each statement prints, in ``printed``."""

    def __init__(self) -> None:
        self.printed: list[str] = []

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Accept it, whatever it is."""
        self.printed.append(got)
        return True


def _statements(source: str, subject: str) -> list[str]:
    """Return the statements, each with the comments before it and on its last line."""
    try:
        parsed = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last: it nests
        raise _failed(subject, error, source) from error
    found, lines, start = [], source.splitlines(), 0
    for node in parsed:
        end = node.end_lineno or node.lineno
        if end > start:  # else it stands on the line of the one before
            found.append("\n".join(line for line in lines[start:end] if line.strip()))
            start = end
    return found


def _imports(source: str, module: str) -> list[str]:
    """Return the imports of what the statements use of a module's names."""
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except SyntaxError:
        return []  # doctest reports it
    names = [node for node in nodes if isinstance(node, ast.Name)]
    set_here = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    imported = [node for node in nodes if isinstance(node, ast.alias)]
    set_here |= {each.asname or each.name.partition(".")[0] for each in imported}
    there = vars(sys.modules[module])
    lines = []
    for name in sorted({name.id for name in names} - set_here):
        value = there.get(name)
        if isinstance(value, ModuleType):
            whole = value.__name__
            lines.append(f"import {whole}" if whole == name else f"import {whole} as {name}")
        elif name in there and not name.startswith("__"):
            lines.append(f"from {module} import {name}")
    return lines


def _failed(subject: str, error: BaseException, statement: str) -> ConfigError:
    return ConfigError(
        f"The example of {subject} must run, but it raises {raised(error)}, in\n"
        f"  {shorten(statement.strip(), 1000)}\nMend the example, "
        "the arguments of examples(), or the code.",
        key=subject,
    )


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in a folder that is removed at the end, and leave warnings and progress to tests.

    There is nothing to read from standard input.
    """
    stdin, sys.stdin = sys.stdin, io.StringIO()
    with (
        contextlib.ExitStack() as stack,
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        stack.callback(setattr, sys, "stdin", stdin)
        warnings.simplefilter("ignore")
        yield
