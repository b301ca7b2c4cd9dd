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
from types import ModuleType, TracebackType
from typing import Any

from plugnet.errors import ConfigError


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
    recorder = _Recorder()
    with _elsewhere():
        recorder.run(doctest.DocTest(examples, {}, subject, None, 0, source))
    if recorder.error is not None:
        raise _failed(subject, *recorder.error)
    lines = []
    for statement, printed in zip(statements, recorder.printed, strict=True):
        first, *more = statement.splitlines()
        lines += [f">>> {first}", *(f"... {line}".rstrip() for line in more)]
        lines += printed.splitlines()
    return "\n".join(lines)


class _Recorder(doctest.DocTestRunner):
    """Keeps what each statement prints.

    Attributes:
        printed: that, in their order.
        error: the first exception, and the statement that raised it.
    """

    def __init__(self) -> None:
        super().__init__(verbose=False)
        self.printed: list[str] = []
        self.error: tuple[BaseException, str] | None = None

    def report_success(self, out: Any, test: Any, example: doctest.Example, got: str) -> None:
        """Keep it."""
        self.printed.append(got)

    report_failure = report_success  # which it is where anything is printed: no output is foreseen

    def report_unexpected_exception(
        self,
        out: Any,
        test: Any,
        example: doctest.Example,
        exc_info: tuple[type[BaseException], BaseException, TracebackType],
    ) -> None:
        """Keep the first."""
        self.error = self.error or (exc_info[1], example.source)


def _statements(source: str, subject: str) -> list[str]:
    """Return the statements, each with the comments before it and on its last line."""
    try:
        parsed = ast.parse(source).body
    except SyntaxError as error:
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
        names = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    except SyntaxError:
        return []  # doctest reports it
    set_here = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    imported = ast.walk(ast.parse(source))
    set_here |= {
        alias.asname or alias.name.partition(".")[0]
        for node in imported
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
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
        f"The example of {subject} must run, but it raises {type(error).__name__}: {error}, in\n"
        f"  {statement.strip()}\nMend the example, the arguments of examples(), or the code.",
        key=subject,
    )


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in a folder that is removed at the end, and leave warnings and progress to tests."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
