"""A model of the command line meets frames that are shuffled, reordered, renamed, incomplete."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.users.write_tables import IRISES, write

from plugnet import Model
from plugnet.arrays import Array
from plugnet.cli import main
from plugnet.errors import DataError, PlugnetError

NAMES = ("sepal length", "sepal width", "petal length", "petal width")
RNG = np.random.default_rng(7)
TRUE: Array = RNG.permutation(np.repeat([*IRISES], 20))
FLOWERS: Array = np.abs([RNG.normal(*IRISES[species]) for species in TRUE])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model that the command line trained on a table with an id."""
    folder = tmp_path_factory.mktemp("irises")
    rows = [[i, *FLOWERS[i], TRUE[i]] for i in range(60)]
    write(folder / "iris.csv", ["plant", *NAMES, "species"], rows)
    reader = 'data.reader=["csv", { drop = ["plant"] }]'
    words = ["--data", str(folder / "iris.csv"), "--set", reader, "--set", "epochs=40"]
    assert main(["train", *words, "--out", str(folder / "run"), "--quiet"]) == 0
    return Model.load(folder / "run")


def table() -> dict[str, Array]:
    return dict(zip(NAMES, FLOWERS.T, strict=True))


def test_the_model_knows_what_its_table_said(model: Model) -> None:
    assert model.schema.columns == NAMES
    assert model.schema.targets == ("species",)
    assert model.schema.dropped == ("plant",)
    assert model.classes == tuple(IRISES)
    assert model.evaluate(table(), TRUE)["accuracy"] > 0.9


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow", "dict"])
def test_shuffled_and_reordered_frames_get_the_same_answers(package: str, model: Model) -> None:
    expected = model.predict_proba(table())
    rows, columns = RNG.permutation(60), RNG.permutation(NAMES).tolist()
    frame: Any = {name: table()[name][rows] for name in columns}
    frame |= {"species": TRUE[rows], "plant": [f"plant {row}" for row in rows]}
    if package != "dict":
        maker = pytest.importorskip(package)
        frame = (maker.table if package == "pyarrow" else maker.DataFrame)(frame)
    np.testing.assert_array_equal(model.predict_proba(frame), expected[rows])
    assert model.evaluate(frame, frame)["accuracy"] == model.evaluate(table(), TRUE)["accuracy"]


def test_what_does_not_match_is_named(model: Model) -> None:
    renamed = {name.replace("petal", "leaf"): column for name, column in table().items()}
    with pytest.raises(DataError, match="lacks 'petal length', 'petal width' and has also 'leaf l"):
        model.predict(renamed)
    incomplete = {name: table()[name] for name in NAMES[1:]}
    with pytest.raises(DataError, match="lacks 'sepal length'"):
        model.predict(incomplete)
    gap = table() | {"sepal width": np.where(np.arange(60) == 7, np.nan, FLOWERS[:, 1])}
    with pytest.raises(DataError, match="Row 7, column 'sepal width'"):
        model.predict(gap)
    text = table() | {"sepal width": [f"{width} cm" for width in FLOWERS[:, 1]]}
    with pytest.raises(DataError, match="not: 'sepal width'"):
        model.predict(text)
    with pytest.raises(DataError, match="but 'rose' came, in row 59"):
        model.evaluate(table(), [*TRUE[:59], "rose"])
    with pytest.raises(PlugnetError, match=r"\(N, 4\)"):
        model.predict(FLOWERS[:, :3])


def test_the_command_line_names_what_does_not_match(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save(tmp_path / "model")
    write(tmp_path / "new.csv", [*NAMES[:3], "width"], FLOWERS[:3].tolist())
    assert main(["predict", str(tmp_path / "model"), "--data", str(tmp_path / "new.csv")]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "lacks 'petal width'" in message
    assert "'width'" in message
