"""`plugnet plugins new`: what it writes works as it is, for every kind."""

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from tests.aliases import Refused

from plugnet.cli import main
from plugnet.registry.kinds import API_VERSION, KINDS

FILES = {
    ".github/workflows/test.yml", ".gitignore", "LICENSE", "README.md", "pyproject.toml",
}  # fmt: skip


def new(folder: Path, name: str, *words: str) -> Path:
    """Write a package and return its folder."""
    assert main(["plugins", "new", name, "--directory", str(folder), *words]) == 0
    return folder / name


def package_name(kind: str) -> str:
    return f"nn-my-{kind.replace('_', '-')}"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new package of every kind, each with the metadata of an installation."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        written = new(folder, package_name(kind), "--kind", kind)
        project = tomllib.loads((written / "pyproject.toml").read_text())["project"]
        info = written / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = []
        for group, entries in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


def on_path(folder: Path) -> dict[str, str]:
    """Return the environment in which Python finds the packages."""
    path = os.pathsep.join(str(package) for package in sorted(folder.iterdir()))
    return {**os.environ, "PYTHONPATH": path}


@pytest.mark.parametrize("kinds", [[*KINDS][start::3] for start in range(3)], ids=" ".join)
def test_the_tests_of_every_kind_pass(packages: Path, kinds: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-rA"]
        + [str(packages / package_name(kind) / "tests") for kind in kinds],
        cwd=packages,
        env=on_path(packages),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = [line for line in done.stdout.splitlines() if line.startswith("PASSED")]
    for kind in kinds:
        own = [line for line in passed if f"test_my_{kind}.py" in line]
        assert any(line.endswith("import_is_light]") for line in own), kind
        assert len(own) > 10, kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_files(packages: Path, kind: str) -> None:
    folder = packages / package_name(kind)
    package = f"nn_my_{kind}"
    expected = FILES | {
        f"{package}/__init__.py", f"{package}/my_{kind}.py", f"{package}/py.typed",
        f"{package}/reference.toml", f"tests/test_my_{kind}.py",
    }  # fmt: skip
    written = {path for path in folder.rglob("*") if path.is_file()}
    names = {str(path.relative_to(folder)) for path in written}
    assert {name for name in names if ".dist-info" not in name and ".pyc" not in name} == expected
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    cls = "My" + "".join(part.capitalize() for part in kind.split("_"))
    assert project["entry-points"] == {
        KINDS[kind].group: {f"my_{kind}": f"{package}.my_{kind}:{cls}"},
        "plugnet.api": {f"v{API_VERSION}": package},
    }
    for name in expected:
        assert "$" not in (folder / name).read_text().replace("${{", ""), name


def test_the_code_is_clean_under_ruffs_defaults(packages: Path) -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    for kind in KINDS:
        for words in (["check"], ["format", "--check"]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *words, "--no-cache", "."],
                cwd=packages / package_name(kind),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout


def test_component_and_class_get_names_of_their_own(tmp_path: Path) -> None:
    folder = new(tmp_path, "nn-array-tools", "--kind", "layer", "--component", "array")
    assert "class ArrayLayer(Layer):" in (folder / "nn_array_tools/array.py").read_text()
    folder = new(tmp_path, "plugnet-whirl-pool", "--kind", "layer")
    assert "class WhirlPool(Layer):" in (folder / "plugnet_whirl_pool/whirl_pool.py").read_text()


def test_it_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new(tmp_path, "nn-swirl", "--kind", "activation")
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}: a package with the activation 'swirl'",
        f'Next: cd {folder} && pip install -e ".[test]" && pytest',
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NN_Swirl", "'nn-swirl'"),
        ("NnSwirl", "'nn-swirl'"),
        ("nn swirl!", "'nn-swirl'"),
        ("2d-swirl", "'nn-2d-swirl'"),
        ("", "'nn-swirl'"),
        ("x" * 41, f"'{'x' * 40}'"),
        ("class", "'nn-class'"),
        ("tests", "'nn-tests'"),
        ("json", "taken"),
        ("numpy", "taken"),
        ("plugnet", "taken"),
        ("plugnet-pooling", "taken"),
    ],
)
def test_a_bad_name_is_refused_with_a_good_one(
    tmp_path: Path, name: str, message: str, refused: Refused
) -> None:
    words = ["plugins", "new", name, "--kind", "layer", "--directory", str(tmp_path)]
    assert message in refused(*words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nn-relu"], "'relu' is a built-in activation"),
        (["nn-x", "--component", "fc"], "'fc' is a built-in layer"),
        (["nn-x", "--component", "My Layer"], "but it is 'My Layer'"),
        (["nn-lambda"], "not a keyword of Python, but it is 'lambda'"),
        (["nn-2d"], "starting with a letter"),
    ],
)
def test_a_bad_component_is_refused(
    tmp_path: Path, words: list[str], message: str, refused: Refused
) -> None:
    err = refused("plugins", "new", *words, "--kind", "layer", "--directory", str(tmp_path))
    assert message in err
    assert "--component" in err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "nn-swirl").mkdir()
    words = ["plugins", "new", "nn-swirl", "--kind", "layer", "--directory", str(tmp_path)]
    assert "exists already" in refused(*words)
    assert list((tmp_path / "nn-swirl").iterdir()) == []


# Truly installed ---------------------------------------------------------------------------------

OFFLINE = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]


@pytest.fixture
def pip() -> list[str]:
    """The start of a pip command that needs no network."""
    for needed in ("pip", "hatchling", "editables"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed, so nothing can be built without a network")
    return [sys.executable, "-m", "pip"]


def test_its_wheel_holds_the_package_alone(tmp_path: Path, pip: list[str]) -> None:
    folder = new(tmp_path, "nn-swirl", "--kind", "layer")
    subprocess.run([*pip, "wheel", *OFFLINE, "-w", str(tmp_path), str(folder)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == "nn_swirl-0.1.0-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == {
        "nn_swirl/__init__.py", "nn_swirl/py.typed", "nn_swirl/reference.toml", "nn_swirl/swirl.py",
    }  # fmt: skip


def test_the_doctor_finds_an_entry_point_that_is_not_installed(
    tmp_path: Path, pip: list[str]
) -> None:
    folder = new(tmp_path, "nn-swirl", "--kind", "layer")
    prefix = ["--prefix", str(tmp_path / "prefix"), "--no-warn-script-location"]
    subprocess.run([*pip, "install", *OFFLINE, *prefix, "-e", str(folder)], check=True)
    (site,) = (tmp_path / "prefix").glob("lib*/**/site-packages")
    code = (
        f"import site; site.addsitedir({str(site)!r}); from plugnet.cli import main;"
        "raise SystemExit(main(['plugins', 'doctor', 'nn-swirl', '--json']))"
    )

    def doctor() -> tuple[int, list[str]]:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout)[0]["problems"]

    assert doctor() == (0, [])
    pyproject = folder / "pyproject.toml"
    text = pyproject.read_text()
    pyproject.write_text(text.replace("swirl = ", 'more = "nn_swirl.swirl:Swirl"\nswirl = ', 1))
    status, (problem,) = doctor()
    assert status == 1
    assert problem.startswith("pyproject.toml declares layer 'more', the metadata do not.")
