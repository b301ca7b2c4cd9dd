"""`plugnet plugins docs`: pages of a component, a distribution, or a folder."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests import swirl
from tests.aliases import Fake, Refused, Shown

from plugnet.cli import main
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
    assert "has 'activation-swirl.md', by somebody else. Nothing was written." in message
    assert page.read_text() == "mine"
    assert not (package / "docs/index.md").exists()


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
