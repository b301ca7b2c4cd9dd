"""`plugnet plugins docs`: pages of a component, a distribution, or a folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests import swirl
from tests.aliases import Fake, Refused, Shown

from plugnet.cli import main
from plugnet.registry import registry
from plugnet.registry.kinds import KINDS

EXAMPLE = Path(__file__).parents[2] / "examples/third_party"
WRITTEN = ["index.md", "activation-swirl.md", "activation-swirl.svg"]


def links(page: Path) -> list[tuple[Path, str]]:
    """Return the files that a page leads to, with the line that each link names, or ""."""
    found = re.findall(r"\]\(([^)#]+)(?:#L(\d+))?\)", page.read_text())
    return [((page.parent / path).resolve(), line) for path, line in found]


def test_a_folder_that_is_not_installed(install: Fake, tmp_path: Path, shown: Shown) -> None:
    package = swirl.folder(tmp_path)
    out = shown("plugins", "docs", str(package))
    assert out.splitlines() == [str(package / "docs" / name) for name in WRITTEN]
    leads = [link for page in (package / "docs").glob("*.md") for link in links(page)]
    for file, line in leads:
        assert file.is_relative_to(package)
        assert file.is_file()
        if line:
            text = file.read_text().splitlines()[int(line) - 1].strip()
            assert text.startswith(("def ", "class ", "slope = "))
    assert len(leads) == 6


def test_an_installed_distribution(
    install: Fake, tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("nn-swirl", swirl.GROUPS, swirl.SOURCES)
    monkeypatch.chdir(tmp_path)
    for subject in ("nn-swirl", "swirl"):
        out = shown("plugins", "docs", subject)
        assert out.splitlines() == [f"docs/{name}" for name in WRITTEN]
    out = shown("plugins", "docs", "tanh", "--out", "else/where")
    assert (tmp_path / "else/where/activation-tanh.svg").is_file()


def test_what_others_wrote_is_left_alone(
    install: Fake, tmp_path: Path, shown: Shown, refused: Refused
) -> None:
    package = swirl.folder(tmp_path)
    shown("plugins", "docs", str(package))
    shown("plugins", "docs", str(package))  # its own pages are replaced
    page = package / "docs/activation-swirl.md"
    page.write_text("mine")
    (package / "docs/index.md").unlink()
    message = refused("plugins", "docs", str(package))
    assert "has 'activation-swirl.md', by somebody else. Choose another" in message
    assert page.read_text() == "mine"
    assert not (package / "docs/index.md").exists()


@pytest.mark.parametrize(
    "content",
    [
        "Notes.\n<!-- Made by plugnet plugins docs for nn-swirl, from -->",
        "<!-- Made by plugnet plugins docs for nn-swirl-two, from -->",
    ],
)
def test_a_mark_is_that_of_the_distribution_and_stands_first(
    install: Fake, tmp_path: Path, refused: Refused, content: str
) -> None:
    package = swirl.folder(tmp_path)
    (package / "docs").mkdir()
    (package / "docs/index.md").write_text(content)
    message = refused("plugins", "docs", str(package))
    assert "Nothing was written: only pages that this command wrote for the same" in message
    assert [path.name for path in (package / "docs").iterdir()] == ["index.md"]


def test_the_home_folder_is_checked_and_written(
    install: Fake,
    tmp_path: Path,
    shown: Shown,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = swirl.folder(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (tmp_path / "home/mine").mkdir(parents=True)
    (tmp_path / "home/mine/index.md").write_text("mine")
    refused("plugins", "docs", str(package), "--out", "~/mine")
    assert (tmp_path / "home/mine/index.md").read_text() == "mine"
    out = shown("plugins", "docs", str(package), "--out", "~/new")
    assert out.splitlines() == [str(tmp_path / "home/new" / name) for name in WRITTEN]
    monkeypatch.chdir(tmp_path)
    shown("plugins", "docs", str(package), "--out", "./~/new")
    assert (tmp_path / "~/new/index.md").is_file()


def test_a_folder_that_cannot_be_one(install: Fake, tmp_path: Path, refused: Refused) -> None:
    package = swirl.folder(tmp_path)
    (tmp_path / "file").write_text("")
    message = refused("plugins", "docs", str(package), "--out", str(tmp_path / "file/docs"))
    assert "file is no folder that you may write to" in message
    (package / "docs").mkdir()
    (package / "docs/index.md").symlink_to(tmp_path / "nothing")
    assert "has 'index.md', by" in refused("plugins", "docs", str(package))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is locked to the superuser"
)
def test_one_page_that_is_locked_keeps_all(
    install: Fake, tmp_path: Path, shown: Shown, refused: Refused
) -> None:
    package = swirl.folder(tmp_path)
    shown("plugins", "docs", str(package))
    (package / "nn_swirl/reference.toml").write_text("")
    before = {path: path.read_bytes() for path in (package / "docs").iterdir()}
    (package / "docs/activation-swirl.svg").chmod(0o400)
    assert "may not write to 'activation-swirl.svg'" in refused("plugins", "docs", str(package))
    assert {path: path.read_bytes() for path in (package / "docs").iterdir()} == before


@pytest.mark.parametrize("raised", ["SystemExit(0)", "BaseException", "RecursionError"])
def test_code_that_ends_early_is_no_success(
    install: Fake, tmp_path: Path, refused: Refused, raised: str
) -> None:
    package = swirl.folder(tmp_path)
    code = swirl.CODE.replace(
        "        self.phase =", f"        raise {raised}\n        self.phase ="
    )
    examples = f"\n    @classmethod\n    def examples(cls):\n        raise {raised}\n"
    (package / "nn_swirl/swirl.py").write_text(code + examples)
    assert "The page of activation 'swirl' of nn-swirl" in refused("plugins", "docs", str(package))
    assert not (package / "docs").exists()


def test_a_folder_in_which_nothing_is_found(
    install: Fake, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = swirl.folder(tmp_path)
    monkeypatch.setenv("PLUGNET_PLUGINS", "none")
    registry.refresh()
    message = refused("plugins", "docs", str(package))
    assert "finds no component" in message
    assert "See PLUGNET_PLUGINS" in message
    monkeypatch.delenv("PLUGNET_PLUGINS")
    text = swirl.PYPROJECT.replace("swirl = ", '"Swirl" = ')
    (package / "pyproject.toml").write_text(text)
    assert "a name must be lower-case" in refused("plugins", "docs", str(package))
    assert not (package / "docs").exists()


@pytest.mark.filterwarnings("default")
def test_a_name_that_is_left_out_is_said(
    install: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = swirl.folder(tmp_path)
    with (package / "pyproject.toml").open("a") as file:
        file.write('Swirl = "nn_swirl.swirl:Swirl"\n')
    assert main(["plugins", "docs", str(package)]) == 0
    assert "declares the activation 'Swirl', but a name must be" in capsys.readouterr().err


@pytest.mark.parametrize("subject", ["./nowhere", "/nowhere/at/all", "~/nowhere", "pyproject.toml"])
def test_what_is_no_folder(
    install: Fake,
    tmp_path: Path,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
    subject: str,
) -> None:
    monkeypatch.chdir(swirl.folder(tmp_path))
    assert f"but {subject} is no folder" in refused("plugins", "docs", subject)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("project = []", "a project that is no table"),
        ("[project]", "does not name a project"),
        ('[project]\nname = "../x"', "name cannot be '../x'"),
        ('[project]\nname = "a b"', "name cannot be 'a b'"),
        (f'[project]\nname = "{"a" * 400}"', "name cannot be"),
        ('[project]\nname = "a"\nversion = 1', "version cannot be 1"),
        ('[project]\nname = "a"\nversion = "../x"', "version cannot be '../x'"),
        ('[project]\nname = "a"\nentry-points = []', "entry-points that is no table"),
        ('[project]\nname = "a"\nentry-points."plugnet.layers" = 1', "layers that is no table"),
        ('[project]\nname = "a"\nentry-points."plugnet.layers".b = 1', "that is no text"),
        ('[project]\nname = "a"\nentry-points."plugnet.layers".b = "c\\n"', "that is no text"),
    ],
)
def test_a_project_that_cannot_be_installed(
    install: Fake, tmp_path: Path, refused: Refused, toml: str, message: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(toml)
    assert message in refused("plugins", "docs", str(tmp_path))


@pytest.mark.parametrize("code", ["src", "lib", "."])
def test_where_the_packages_are(install: Fake, tmp_path: Path, shown: Shown, code: str) -> None:
    package = swirl.folder(tmp_path)
    for folder in ("src", "lib"):  # which may also hold something else
        (package / folder).mkdir()
    (package / "nn_swirl").rename(package / code / "nn_swirl")
    shown("plugins", "docs", str(package))


def test_an_error_commands_no_terminal(install: Fake, tmp_path: Path, refused: Refused) -> None:
    package = swirl.folder(tmp_path)
    toml = '[activations.swirl]\nexample = \'raise ValueError(chr(27) + "[2J" + 9999 * "x")\''
    (package / "nn_swirl/reference.toml").write_text(toml)
    message = refused("plugins", "docs", str(package))
    assert "\\x1b[2Jxxx" in message
    assert len(message) < 2500


def test_an_example_that_fails_writes_nothing(
    install: Fake, tmp_path: Path, refused: Refused
) -> None:
    package = swirl.folder(tmp_path)
    code = swirl.CODE.replace("    Attributes:", "    >>> 1 + 1\n    3\n\n    Attributes:")
    (package / "nn_swirl/swirl.py").write_text(code)
    assert "does not. Mend the example" in refused("plugins", "docs", str(package))
    assert not (package / "docs").exists()


def test_a_hook_module_has_no_page(install: Fake, tmp_path: Path, shown: Shown) -> None:
    install("nn-hook", {"hooks": {"always": "nn_hook"}}, {"nn_hook.py": ""})
    out = shown("plugins", "docs", "nn-hook", "--out", str(tmp_path / "docs"))
    assert out.startswith("No page: the hook 'always' is a module")
    assert not (tmp_path / "docs").exists()


def test_the_third_party_example(install: Fake, tmp_path: Path, shown: Shown) -> None:
    shown("plugins", "docs", str(EXAMPLE), "--out", str(tmp_path / "docs"))
    page = tmp_path / "docs/layer-fourier_features.md"
    assert "# fourier_features (layer)" in page.read_text()
    assert len(links(page)) == 5
    assert all(file.is_file() for file, _ in links(page))


@pytest.mark.parametrize("kind", KINDS)
def test_what_new_writes_has_all_of_it(
    install: Fake, tmp_path: Path, shown: Shown, kind: str
) -> None:
    name = f"nn-docs-{kind.replace('_', '-')}"
    assert main(["plugins", "new", name, "--kind", kind, "--directory", str(tmp_path)]) == 0
    shown("plugins", "docs", str(tmp_path / name))
    page = (tmp_path / name / "docs" / f"{kind}-docs_{kind}.md").read_text()
    assert "```math\n" in page
    assert "Computed in [`" in page
    assert "tested by [`test_" in page
    assert "## Example\n\n```pycon\n>>> " in page
    if kind in ("activation", "lr_policy", "initializer", "loss"):
        assert f"{kind}-docs_{kind}.svg)" in page


def test_other_commands_do_not_import_the_reference() -> None:
    code = (
        "import json, sys; from plugnet.cli import main; main(['plugins', 'info', 'tanh']);"
        "print(json.dumps([name for name in sys.modules if name.startswith('plugnet.reference')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
