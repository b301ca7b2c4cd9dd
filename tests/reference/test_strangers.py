"""Whatever a stranger's code does: a page that is right, or one error that says why."""

import tomllib
import xml.dom.minidom
from pathlib import Path

import pytest
from tests import swirl
from tests.aliases import Fake

from plugnet.errors import ConfigError, PluginError
from plugnet.reference.github import GitHub, files
from plugnet.reference.page import page

EXAMPLES = "    @classmethod\n    def examples(cls):\n        {}\n"
CALLED = "        return np.multiply(x, np.sin"
FORWARD = f"        raise {{}}\n{CALLED}"


def made(install: Fake, code: str = swirl.CODE, reference: str = "") -> str:
    """Return the page of the package, with other texts for its files."""
    return page(swirl.installed(install, code=code, reference=reference), GitHub(Path()))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (swirl.CODE + EXAMPLES.format("raise RuntimeError('boom')"), "RuntimeError: boom"),
        (swirl.CODE + EXAMPLES.format("raise SystemExit(0)"), "SystemExit: 0"),
        (swirl.CODE + EXAMPLES.format("return None"), "TypeError"),
        (swirl.CODE + EXAMPLES.format("return iter(dict, 1)"), "must give at most 1000"),
        (swirl.CODE + EXAMPLES.format("return cls.examples()"), "RecursionError"),
        (swirl.CODE.replace(CALLED, FORWARD.format("SystemExit(0)")), "SystemExit: 0"),
        (swirl.CODE.replace(CALLED, FORWARD.format("BaseException('b')")), "BaseException: b"),
        ("raise BaseException('skipped')", "BaseException: skipped"),
        (swirl.CODE + "\n    @property\n    def __signature__(self): ...\n", "signature"),
        (swirl.CODE.replace("    Attributes:", "    >>>1\n\n    Attributes:"), "lacks blank"),
        (swirl.CODE + "\n\nSwirl.__doc__ = 5\n", "AttributeError"),
    ],
)
def test_what_it_raises_is_one_error(install: Fake, code: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        made(install, code)
    assert "The page of activation 'swirl' of nn-swirl 1.0 cannot be made" in str(caught.value)
    assert message in str(caught.value)
    assert "Mend the plugin" in str(caught.value)
    error = caught.value
    assert (error.kind, error.name, error.distribution) == ("activation", "swirl", "nn-swirl")


def test_an_error_that_cannot_be_shown(install: Fake) -> None:
    code = "class E(BaseException):\n    def __str__(self): raise SystemExit\n"
    with pytest.raises(PluginError, match=r"E: \(an error that cannot"):
        made(install, f"{code}raise E")


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_ends_all_work_does(install: Fake, error: type[BaseException]) -> None:
    with pytest.raises(error):
        made(install, f"raise {error.__name__}")


def test_what_cannot_be_drawn_is_left_out(install: Fake) -> None:
    code = swirl.CODE.replace("np.multiply(x, np.sin(x + self.phase), out=out)", "x * 4e307")
    assert ".svg" not in made(install, code)


def test_a_default_of_several_lines_is_left_out(install: Fake) -> None:
    code = swirl.CODE.replace("float = 0.5", "object = np.eye(2)").replace("x + self.phase", "x")
    assert "swirl(phase: object = ...)" in made(install, code)


@pytest.mark.parametrize(
    ("arguments", "python", "toml"),
    [
        ("{'phase': np.inf}", 'float("inf")', "inf"),
        ("{'phase': [None, 1]}", "[None, 1]", None),
        ("{'phase': {1: 2}}", None, '"swirl"'),
    ],
)
def test_arguments_that_not_all_can_write(
    install: Fake, arguments: str, python: str | None, toml: str | None
) -> None:
    code = swirl.CODE.replace("x + self.phase", "x")
    text = made(install, code + EXAMPLES.format(f"return [{arguments}]"))
    assert (python is None) == ("```pycon" not in text)
    assert python is None or python in text
    _, has_toml, rest = text.partition("```toml\n")
    assert bool(has_toml) == (toml is not None)
    if toml is not None:
        tomllib.loads(rest.partition("```")[0])
        assert toml in rest


def test_characters_that_files_cannot_hold(install: Fake, tmp_path: Path) -> None:
    code = swirl.CODE.replace("x + self.phase", "x").replace("float = 0.5", "str = ''")
    component = swirl.installed(install, code=code + EXAMPLES.format("return [{'phase': '\\1'}]"))
    component.cls.__doc__ = "\ud800 f(x)"
    written = files("nn-swirl", [component], tmp_path)
    assert "\\ud800 f(x)" in written["activation-swirl.md"].decode()
    xml.dom.minidom.parseString(written["activation-swirl.svg"])


def test_a_docstring_of_many_empty_lines(install: Fake) -> None:
    assert "\n\nend" in made(
        install, swirl.CODE.replace("f(x) =", "S." + 99_999 * "\n" + "    end")
    )


@pytest.mark.parametrize(
    "example", ["input()", "import sys; sys.exit(0)", "(" * 9999, "-" * 99_999 + "1", "a\\u0000"]
)
def test_an_example_that_cannot_run(install: Fake, example: str) -> None:
    with pytest.raises(ConfigError, match="The example of activation 'swirl' must run") as caught:
        made(install, reference=f'[activations.swirl]\nexample = "{example}"')
    assert len(str(caught.value)) < 2500


def test_an_example_that_closes_its_output(install: Fake) -> None:
    with pytest.raises(PluginError, match="closed file"):
        made(install, reference="[activations.swirl]\nexample = 'import sys; sys.stdout.close()'")


def test_a_year_is_no_item(install: Fake) -> None:
    code = swirl.CODE.replace("f(x) =", "1986. A year.\n\n    f(x) =")
    assert "1986\\. A year." in made(install, code)
