"""Discovery: what is installed, however it is installed, in an order that depends on names only."""

import gc
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from tests.aliases import Fake
from tests.process import printed
from tests.sources import SOURCE

from plugnet.errors import AmbiguousNameError, PluginWarning, UnknownComponentError
from plugnet.registry import Registry


def test_importing_plugnet_reads_no_metadata_and_imports_no_plugin() -> None:
    """A plugin that imports plugnet at its top can so never meet a plugnet half imported."""
    code = (
        "import sys; before = set(sys.modules); import plugnet; "
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = printed(code).split()
    assert "plugnet.registry.index" in loaded
    for unwanted in ("importlib.metadata", "plugnet_builtin", "scipy", "matplotlib", "difflib"):
        assert unwanted not in loaded


def test_a_listing_imports_no_plugin(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("nn-shift")
    assert "shift" in fresh.layers.names()
    assert "shift" in repr(fresh)
    entry = next(entry for entry in fresh.layers.entries() if entry.name == "shift")
    assert (entry.distribution, entry.version, entry.value) == ("nn-shift", "1.0", "nn_shift:Shift")
    assert entry.state == "ok"
    assert "nn_shift" not in sys.modules
    fresh.build("shift")
    assert "nn_shift" in sys.modules


def test_only_the_module_of_the_name_is_imported(fake_distribution: Fake, fresh: Registry) -> None:
    groups = {"layers": {"shift": "nn_two.good:Shift", "other": "nn_two.bad:Shift"}}
    good = "from plugnet.interfaces import Layer\nclass Shift(Layer):\n"
    good += " def forward(self, x, training=False): ...\n def backward(self, dy): ...\n"
    sources = {"nn_two/__init__.py": "", "nn_two/good.py": good, "nn_two/bad.py": "1 / 0"}
    fake_distribution("nn-two", groups, sources)
    fresh.build("shift")
    assert "nn_two.bad" not in sys.modules


def test_one_scan_serves_all_kinds_and_a_miss_makes_one_more(
    fresh: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = []
    distributions = metadata.distributions

    def counted(**context: Any) -> Iterable[metadata.Distribution]:
        scans.append(1)
        return distributions(**context)

    monkeypatch.setattr(metadata, "distributions", counted)
    fresh.build("tanh")
    fresh.build("fixed", 0.1)
    assert len(scans) == 1
    with pytest.raises(UnknownComponentError):
        fresh.build("tahn")
    assert len(scans) == 2


def test_a_plugin_installed_meanwhile_is_found(fake_distribution: Fake, fresh: Registry) -> None:
    """As by pip in a notebook, with nothing to call afterwards."""
    with pytest.raises(UnknownComponentError):
        fresh.build("shift")
    fake_distribution("nn-shift")
    assert fresh.build("shift") is not None


@pytest.mark.parametrize(
    "content",
    [b"[console_scripts]\nno equals sign\n", b"[plugnet.layers]\n\xff\xfe = x\n", b"x\n[y\n\n;=\n"],
)
def test_a_damaged_file_of_a_stranger_hides_nothing(
    content: bytes, fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-shift")
    stranger = fake_distribution("a-stranger", {}, {}) / "entry_points.txt"
    stranger.write_bytes(content)
    assert fresh.build("shift") is not None
    (problem,) = fresh.problems()
    assert str(stranger) in problem.message


def test_a_damaged_line_costs_only_itself(fake_distribution: Fake, fresh: Registry) -> None:
    info = fake_distribution("nn-shift")
    text = (info / "entry_points.txt").read_text()
    (info / "entry_points.txt").write_text(f"\ufeff# comment\n{text}nonsense\n", encoding="utf-8")
    assert fresh.build("shift") is not None
    assert "'nonsense' has no '='" in fresh.problems()[0].message


def test_two_plugins_with_one_name_are_ambiguous_on_bare_use_only(
    fake_distribution: Fake, fresh: Registry
) -> None:
    groups = {"layers": {"shift": "nn_b:Shift", "alone": "nn_b:Shift"}}
    fake_distribution("nn-b", groups)
    fake_distribution("nn-a", {"layers": {"shift": "nn_a:Shift"}})
    with pytest.raises(AmbiguousNameError, match=r"of nn-a 1\.0 .* of nn-b 1\.0") as caught:
        fresh.build("shift")
    assert caught.value.candidates == ("nn-a/shift", "nn-b/shift")
    assert type(fresh.build("nn-a/shift")).__module__ == "nn_a"
    assert type(fresh.layers.build("nn-b/shift")).__module__ == "nn_b"
    assert fresh.build("alone") is not None
    states = {(entry.distribution, entry.name): entry.state for entry in fresh.layers.entries()}
    assert states["nn-a", "shift"] == states["nn-b", "shift"] == "ambiguous"
    fresh.disable("nn-a")
    assert type(fresh.build("shift")).__module__ == "nn_b"


def test_a_built_in_name_cannot_be_taken_over(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("fast-fc", {"layers": {"fc": "fast_fc:Shift"}})
    with pytest.warns(PluginWarning, match="built-in is used. Theirs: 'fast-fc/fc'") as warned:
        fc = fresh.get("fc")
    assert len(warned) == 1
    with pytest.raises(UnknownComponentError):  # this scans again, but warns no more
        fresh.build("absent")
    assert fc.__module__.startswith("plugnet_builtin")
    assert fresh.get("fast-fc/fc").__module__ == "fast_fc"
    states = {(entry.distribution, entry.name): entry.state for entry in fresh.layers.entries()}
    assert states["fast-fc", "fc"] == "shadowed"
    assert states["plugnet", "fc"] == "built-in"


def test_a_distribution_seen_twice_is_one(
    fake_distribution: Fake, fresh: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a link, through a path given twice, and as the egg-info of an editable install."""
    info = fake_distribution("nn-shift")
    site = info.parent
    link = site.parent / "lib64"
    link.symlink_to(site, target_is_directory=True)
    shutil.copytree(info, site.parent / "src/nn_shift.egg-info")
    (site.parent / "src/nn_shift.egg-info/METADATA").rename(
        site.parent / "src/nn_shift.egg-info/PKG-INFO"
    )
    for folder in (site, link, site.parent / "src"):
        monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    assert fresh.build("shift") is not None
    assert [e.name for e in fresh.entries() if e.distribution == "nn-shift"] == ["shift"]
    assert fresh.problems() == ()


def test_the_first_of_two_versions_on_the_path_wins(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-shift", {"layers": {"old": "nn_shift:Shift"}}, version="1.0", site="b")
    fake_distribution("nn-shift", {"layers": {"new": "nn_shift:Shift"}}, version="2.0", site="a")
    assert "new" in fresh.layers
    assert "old" not in fresh.layers
    (problem,) = fresh.problems()
    assert "nn-shift 1.0 in " in problem.message
    assert "is hidden by nn-shift 2.0" in problem.message


def test_a_key_twice_in_one_file(fake_distribution: Fake, fresh: Registry) -> None:
    """Alike it is one entry; with two values it is ambiguous, and its author's fault."""
    info = fake_distribution("nn-shift")
    (info / "entry_points.txt").write_text(
        "[plugnet.layers]\nshift = nn_shift:Shift\nshift = nn_shift:Shift\n"
        "both = nn_shift:Shift\nboth = nn_shift:Cube\n"
    )
    assert fresh.build("shift") is not None
    with pytest.raises(
        AmbiguousNameError, match=r"Its author must keep one of 'nn_shift:Cube' or 'nn_shift:Shift'"
    ):
        fresh.build("both")
    (problem,) = fresh.problems()
    assert problem.distribution == "nn-shift"
    assert "declares the layer 'both' twice" in problem.message


def test_metadata_without_a_name_are_named_by_their_folder(
    fake_distribution: Fake, fresh: Registry
) -> None:
    info = fake_distribution("nn-shift")
    (info / "METADATA").unlink()
    assert fresh.build("nn-shift/shift") is not None
    (problem,) = fresh.problems()
    assert problem.message.startswith(f"{info} has no METADATA")


def test_the_package_importlib_metadata_may_find_what_is_installed(
    fake_distribution: Fake, fresh: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once imported, it finds all distributions, and raises where METADATA are missing."""
    kind: Any = type(metadata.distribution("plugnet"))
    given = kind.metadata

    def refusing(self: Any) -> Any:
        if self.read_text("METADATA") is None:
            raise FileNotFoundError("No package metadata was found.")
        return given.__get__(self)

    monkeypatch.setattr(kind, "metadata", property(refusing))
    info = fake_distribution("nn-shift")
    (info / "METADATA").unlink()
    assert fresh.build("nn-shift/shift") is not None
    assert "has no METADATA" in fresh.problems()[0].message


def test_a_loaded_plugin_stays_when_it_changes_on_disk(
    fake_distribution: Fake, fresh: Registry
) -> None:
    """Upgraded or uninstalled under a running program."""
    info = fake_distribution("nn-shift")
    loaded = fresh.get("shift")
    shutil.rmtree(info)
    with pytest.raises(UnknownComponentError):
        fresh.get("absent")
    assert fresh.get("shift") is loaded
    assert "nn-shift 1.0 has changed on disk" in fresh.problems()[0].message
    fake_distribution("nn-shift", version="2.0")
    with pytest.raises(UnknownComponentError):
        fresh.get("absent")
    assert fresh.get("shift") is loaded
    entry = next(entry for entry in fresh.layers.entries() if entry.name == "shift")
    assert (entry.version, entry.state) == ("1.0", "loaded")
    fresh.refresh()
    entry = next(entry for entry in fresh.layers.entries() if entry.name == "shift")
    assert (entry.version, entry.state) == ("2.0", "ok")
    assert fresh.problems() == ()


def test_without_plugnets_own_metadata_the_error_says_how_to_install(
    fake_distribution: Fake, fresh: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a bare source checkout; plugins of others work all the same."""
    fake_distribution("nn-shift")
    kept = [path for path in sys.path if not list(Path(path).glob("plugnet-*.dist-info"))]
    monkeypatch.setattr(sys, "path", kept)
    with pytest.raises(UnknownComponentError, match=r"pip install plugnet.*pip install -e \."):
        fresh.build("fc", 784, 50)
    assert fresh.build("shift") is not None


@pytest.fixture
def zips_closed() -> Iterator[None]:
    """Close the archives that importlib.metadata keeps open, or their end warns in a later test."""
    yield
    for one in gc.get_objects():
        if issubclass(type(one), zipfile.ZipFile):
            one.close()


@pytest.mark.usefixtures("zips_closed")
def test_many_packages_zips_and_namespaces(
    fake_distribution: Fake, fresh: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hundred distributions, a plugin in a zip, one in a namespace package, no home."""
    monkeypatch.delenv("HOME", raising=False)
    for number in range(300):
        info = tmp_path / f"many/pkg{number}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(
            f"[console_scripts]\npkg{number} = pkg{number}:main\n"
        )
    monkeypatch.syspath_prepend(tmp_path / "many")
    inner = fake_distribution(
        "nn-zip", {"layers": {"zipped": "nn_zip:Shift"}}, site="zipped"
    ).parent
    with zipfile.ZipFile(tmp_path / "plugin.zip", "w") as archive:
        for file in sorted(inner.rglob("*")):
            archive.write(file, file.relative_to(inner))
    shutil.rmtree(inner)
    monkeypatch.syspath_prepend(tmp_path / "plugin.zip")
    groups = {"layers": {"spaced": "nn_space.part:Shift"}}
    fake_distribution("nn-space", groups, {"nn_space/part.py": SOURCE})
    before = set(tmp_path.iterdir())
    assert type(fresh.build("zipped")).__module__ == "nn_zip"
    assert type(fresh.build("spaced")).__module__ == "nn_space.part"
    assert fresh.problems() == ()
    assert set(tmp_path.iterdir()) == before


def test_entries_come_in_the_order_of_names(fake_distribution: Fake, fresh: Registry) -> None:
    for name in ("nn-c", "nn-a", "nn-b"):
        module = name.replace("-", "_")
        fake_distribution(name, {"layers": {"z": f"{module}:Shift", "a": f"{module}:Shift"}})
    plugins = [e for e in fresh.layers.entries() if e.distribution != "plugnet"]
    assert [(entry.distribution, entry.name) for entry in plugins] == [
        ("nn-a", "a"),
        ("nn-a", "z"),
        ("nn-b", "a"),
        ("nn-b", "z"),
        ("nn-c", "a"),
        ("nn-c", "z"),
    ]
    with pytest.raises(AttributeError):
        plugins[0].state = "ok"  # type: ignore[misc]
