"""plugnet-images: pictures as Pillow reads them, by stated rules; and folders that are wrong."""

import io
import json
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused, Shown
from tests.splits import held_out

from plugnet import Model, Network, Trainer
from plugnet.arrays import Array
from plugnet.data import hold_out
from plugnet.data.lazy import LazyArray
from plugnet.errors import ArgumentError, BudgetError, DataError, DataWarning, FileFormatError
from plugnet.interfaces import DataSplits, Rows
from plugnet.schema import Schema
from plugnet.testing import check_component

Image = pytest.importorskip("PIL.Image")
ImageOps = pytest.importorskip("PIL.ImageOps")
images = pytest.importorskip("plugnet_images.images")

#: Of one class each, 6 by 4 pixels.
CLASSES = {"cat": 5, "dog": 3}


def picture(seed: int, height: int = 6, width: int = 4, channels: int = 1) -> Array:
    shape = (height, width, channels)[: 2 if channels == 1 else 3]
    found: Array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return found


def save(path: Path, pixels: Any, mode: str | None = None, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def load(folder: Path, **options: Any) -> DataSplits:
    found: DataSplits = images.Images(str(folder), **options).load()
    return found


def only(folder: Path, **options: Any) -> Array:
    """Return the only picture of a folder with one class."""
    x: Array = load(folder, test_fraction=0, **options).train.x[:]
    assert len(x) == 1
    return x[0]  # type: ignore[no-any-return]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name, count in CLASSES.items():
        for number in range(count):
            save(
                tmp_path / "pets" / name / f"{number}.png", picture(number + 100 * (name == "dog"))
            )
    return tmp_path / "pets"


def expected(folder: Path) -> tuple[Array, Array]:
    """Return what Pillow reads, in the order of the paths, and the folders' names."""
    paths = sorted(folder.glob("*/*.png"))
    x = np.array([np.asarray(Image.open(path)) for path in paths])
    return x[..., np.newaxis], np.array([path.parent.name for path in paths])


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_pictures_and_classes_as_pillow_reads_them(pets: Path, memory: int) -> None:
    splits = load(pets, memory=memory, seed=3)
    x, y = expected(pets)
    rows, held = hold_out(y, 0.2, 3)
    assert splits.classes == ("cat", "dog")
    assert isinstance(splits.train.x, LazyArray) == (memory == 0)
    for part, some in ((splits.train, rows), (held_out(splits), held)):
        assert part.x.dtype == np.uint8
        np.testing.assert_array_equal(part.x[:], x[some])
        np.testing.assert_array_equal(part.y, y[some])


def test_folders_below_a_class_belong_to_it_and_links_are_followed(
    pets: Path, tmp_path: Path
) -> None:
    save(pets / "cat/2020/a/more.JPG", picture(9))
    save(tmp_path / "elsewhere/b.png", picture(9))
    (pets / "dog/link").symlink_to(tmp_path / "elsewhere")
    assert np.unique(load(pets, test_fraction=0).train.y, return_counts=True)[1].tolist() == [6, 4]
    (pets / "dog/back").symlink_to(pets)
    with pytest.raises(FileFormatError, match="leads back"):
        load(pets)


def test_a_folder_that_is_divided(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    pets.rename(tmp_path / "set/train")
    save(tmp_path / "set/test/dog/z.png", picture(1))
    splits = load(tmp_path / "set")
    assert len(splits.train.x) == 8
    assert held_out(splits).y.tolist() == ["dog"]
    save(tmp_path / "set/test/cow/z.png", picture(1))
    with pytest.raises(FileFormatError, match="'cow' is not"):
        load(tmp_path / "set")
    save(tmp_path / "set/val/cat/z.png", picture(1))
    with pytest.raises(FileFormatError, match=r"'val'.*test_path"):
        load(tmp_path / "set")
    apart = load(tmp_path / "set/train", test_path=str(tmp_path / "set/val"))
    assert held_out(apart).y.tolist() == ["cat"]


def test_a_class_may_be_called_train(pets: Path) -> None:
    (pets / "cat").rename(pets / "train")
    assert load(pets).classes == ("dog", "train")


def test_what_is_left_out_is_told(pets: Path) -> None:
    (pets / "cat/notes.txt").write_text("x")
    (pets / "cat/.DS_Store").touch()
    (pets / ".git").mkdir()
    save(pets / "loose.png", picture(1))
    with pytest.warns(DataWarning) as caught:
        splits = load(pets, test_fraction=0)
    assert len(splits.train.x) == 8
    (warning,) = caught
    for part in ("1 picture in no class's folder", "1 file that is no pictures", "2 hidden"):
        assert part in str(warning.message)
    assert "'loose.png', 'cat/notes.txt'" in str(warning.message)


def test_a_folder_without_classes_or_a_class_without_pictures(pets: Path) -> None:
    with pytest.raises(FileFormatError, match="no sub-folders, and 5 pictures"):
        load(pets / "cat")
    (pets / "cow").mkdir()
    with pytest.raises(FileFormatError, match="none in 'cow'"):
        load(pets)
    with pytest.raises(FileFormatError, match="must be a folder with pictures"):
        load(pets / "nowhere")
    with pytest.raises(FileFormatError, match="must be a folder with pictures"):
        load(pets / "cat/0.png")


# Sizes -------------------------------------------------------------------------------------------


def test_two_sizes_are_named(pets: Path) -> None:
    save(pets / "dog/wide.png", picture(1, 6, 9))
    with pytest.raises(DataError, match=r"cat/0.png' is 6 by 4.*wide.png' is 6 by 9.*size=\[6, 4]"):
        load(pets)
    assert load(pets, size=[6, 4]).train.x.shape[1:] == (6, 4, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_ways_to_a_size(tmp_path: Path, channels: int) -> None:
    pixels = picture(1, 20, 31, channels)
    save(tmp_path / "a/a.png", pixels)
    image, bilinear = Image.fromarray(pixels), Image.Resampling.BILINEAR
    color = (9,) * channels if channels > 1 else 9
    made = {
        "crop": ImageOps.fit(image, (12, 10), bilinear),
        "pad": ImageOps.pad(image, (12, 10), bilinear, color),
        "stretch": image.resize((12, 10), bilinear),
    }
    for fit, wanted in made.items():
        found = only(tmp_path, size=(10, 12), fit=fit, background=9)
        np.testing.assert_array_equal(found, np.asarray(wanted).reshape(10, 12, channels))
    same = only(tmp_path, size=(20, 31))
    np.testing.assert_array_equal(same, pixels.reshape(20, 31, channels))


def test_nothing_is_stretched_but_on_demand(tmp_path: Path) -> None:
    """A square in the middle of a wide picture stays one."""
    pixels = np.zeros((40, 80), np.uint8)
    pixels[10:30, 30:50] = 255
    save(tmp_path / "a/a.png", pixels)
    for fit, is_square in (("crop", True), ("pad", True), ("stretch", False)):
        found = only(tmp_path, size=20, fit=fit, background=0)[..., 0] > 127
        sides = found.any(axis=1).sum(), found.any(axis=0).sum()
        assert (sides[0] == sides[1]) == is_square


# What becomes of a picture's pixels --------------------------------------------------------------


def test_one_channel_only_if_all_are_grayscale(pets: Path) -> None:
    save(pets / "dog/color.png", picture(1, channels=3))
    splits = load(pets, test_fraction=0)
    assert splits.train.x.shape == (9, 6, 4, 3)
    np.testing.assert_array_equal(splits.train.x[0], np.repeat(picture(0)[..., None], 3, axis=2))
    gray = load(pets, channels=1, test_fraction=0)
    np.testing.assert_array_equal(
        gray.train.x[8, ..., 0], np.asarray(Image.fromarray(picture(1, channels=3)).convert("L"))
    )


def test_of_16_bits_the_upper_8_are_kept(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (5, 4)).astype(np.uint16)
    for name in ("a.png", "a.tif"):
        save(tmp_path / name / "k" / name, pixels)
        np.testing.assert_array_equal(only(tmp_path / name)[..., 0], pixels >> 8)


def test_one_bit_and_palettes(tmp_path: Path) -> None:
    bits = Image.fromarray(picture(0)).convert("1")
    save(tmp_path / "bits/k/a.png", bits)
    assert set(np.unique(only(tmp_path / "bits"))) == {0, 255}
    palette = Image.fromarray(picture(0, channels=3)).quantize(8)
    save(tmp_path / "palette/k/a.png", palette)
    np.testing.assert_array_equal(only(tmp_path / "palette"), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("background", [255, 0, 100])
def test_what_is_transparent_lies_on_the_background(tmp_path: Path, background: int) -> None:
    pixels = picture(0, channels=4)
    save(tmp_path / "c/k/a.png", pixels)
    alpha = pixels[..., 3:] / 255
    blended = pixels[..., :3] * alpha + background * (1 - alpha)
    found = only(tmp_path / "c", background=background).astype(float)
    assert np.abs(found - blended).max() <= 1
    save(tmp_path / "g/k/a.png", Image.fromarray(pixels[..., ::3].copy()))
    found = only(tmp_path / "g", background=background).astype(float)
    wanted = pixels[..., :1] * alpha + background * (1 - alpha)
    assert found.shape == (6, 4, 1)
    assert np.abs(found - wanted).max() <= 1


def test_a_color_that_counts_as_transparent(tmp_path: Path) -> None:
    pixels = picture(0)
    pixels[0, 0], pixels[1, 1] = 7, 7
    save(tmp_path / "a/k/a.png", pixels, transparency=7)
    wide = pixels.astype(np.uint16) * 257
    save(tmp_path / "b/k/a.png", wide, transparency=7 * 257)
    wanted = np.where(pixels == 7, 255, pixels)
    for name in "ab":
        np.testing.assert_array_equal(only(tmp_path / name)[..., 0], wanted)


def test_of_an_animation_the_first_frame_counts(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((5, 4), level, np.uint8)) for level in (10, 200)]
    for name in ("a.gif", "a.png", "a.webp", "a.tif"):
        options: dict[str, Any] = {"lossless": True} if name == "a.webp" else {}
        path = tmp_path / name / "k" / name
        save(path, frames[0], save_all=True, append_images=frames[1:], **options)
        assert (only(tmp_path / name) == 10).all(), name


#: How a picture is seen, by the orientation with which it is stored (EXIF 2.3, 4.6.4 A).
SEEN: dict[int, Callable[[Array], Array]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_photographs_are_turned(tmp_path: Path, orientation: int, name: str) -> None:
    pixels = np.kron(picture(0, 3, 2), np.ones((8, 8), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if name == "a.webp" else {}
    save(tmp_path / "k" / name, pixels, exif=exif, **options)
    found = only(tmp_path, channels=1)[..., 0]
    wanted = SEEN[orientation](pixels)
    np.testing.assert_allclose(found.astype(float), wanted, atol=2)  # a JPEG is not exact


def test_pixels_without_a_scale_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "k/a.tif", np.ones((4, 4), np.float32))
    with pytest.raises(FileFormatError, match="of the kind 'F'"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.webp", "a.tiff"])
def test_formats(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / "k" / name, picture(0, 16, 16, channels=3))
    with Image.open(path) as read:
        wanted = np.asarray(read.convert("RGB"))
    np.testing.assert_array_equal(only(tmp_path), wanted)


def test_cmyk(tmp_path: Path) -> None:
    path = save(tmp_path / "k/a.jpg", picture(0, 16, 16, channels=3), "CMYK")
    with Image.open(path) as read:
        np.testing.assert_array_equal(only(tmp_path), np.asarray(read.convert("RGB")))


# Damage ------------------------------------------------------------------------------------------


def test_all_damaged_pictures_are_named_at_once(pets: Path) -> None:
    (pets / "cat/a.png").write_bytes(b"")
    (pets / "cat/b.png").write_bytes(b"<html>404")
    (pets / "dog/c.jpg").write_bytes(b"PK\3\4" * 50)
    whole = (pets / "dog/0.png").read_bytes()
    (pets / "dog/0.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match="4 of 11 pictures cannot be read") as caught:
        load(pets)
    for name in ("a.png", "b.png", "c.jpg", "0.png"):
        assert name in str(caught.value)
    assert "an empty file" in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp"])
def test_a_picture_that_is_cut_short_is_found_without_decoding_the_others(
    pets: Path, name: str
) -> None:
    path = save(pets / "dog" / name, picture(1, 60, 40))
    path.write_bytes(path.read_bytes()[:-70])
    with pytest.raises(FileFormatError, match=name):
        load(pets, size=8, memory=0)


def test_pixels_that_are_damaged_are_found_when_they_are_read(pets: Path) -> None:
    path = pets / "dog/1.png"
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 8] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"dog/1\.png") as caught:
        load(pets, test_fraction=0)
    assert caught.value.row == 6
    lazy = load(pets, test_fraction=0, memory=0).train.x
    with pytest.raises(DataError, match=r"Row 6: .*dog/1\.png"):
        lazy[5:]
    assert len(lazy[:6]) == 6


def test_a_picture_that_was_replaced(pets: Path) -> None:
    lazy = load(pets, test_fraction=0, memory=0).train.x
    save(pets / "cat/0.png", picture(0, 9, 9))
    with pytest.raises(DataError, match="has been replaced"):
        lazy[:1]


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that announces a size and has no pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = b"IEND"
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            *(
                struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each))
                for each in (chunk, b"IDAT" + zlib.compress(b""), end)
            ),
        )
    )


def test_a_bomb_is_refused_before_it_is_decoded(pets: Path) -> None:
    (pets / "cat/a.png").write_bytes(png_header(9000, 9000))
    with pytest.raises(BudgetError, match="its pixels"):
        load(pets, size=8)
    (pets / "cat/a.png").write_bytes(png_header(20000, 20000))  # more than Pillow itself takes
    with pytest.raises(FileFormatError, match=r"a\.png.*exceeds limit"):
        load(pets, size=8)
    (pets / "cat/a.png").write_bytes(png_header(1, 1))
    with pytest.raises((FileFormatError, DataError), match=r"a\.png"):
        load(pets, size=8)
    with pytest.raises(BudgetError, match="budget="):
        load(pets, size=8, budget=10)


def test_devices_and_what_may_not_be_read(pets: Path) -> None:
    os.mkfifo(pets / "cat/a.png")
    with pytest.raises(FileFormatError, match="a pipe"):
        load(pets)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 0},
        {"size": (1, 2, 3)},
        {"fit": "squeeze"},
        {"channels": 2},
        {"channels": True},
        {"background": 256},
        {"memory": -1},
        {"test_fraction": 1},
        {"budget": -1},
    ],
)
def test_arguments_that_are_wrong(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        images.Images("x", **options)


# Asking ------------------------------------------------------------------------------------------


@pytest.fixture
def trained(pets: Path) -> Trainer:
    """Trained until it knows each picture."""
    network = Network([("rescale", 255), ("fc", {"outputs": 2})])
    trainer = Trainer(network, batch_size=8, optimizer="adam", policy=("fixed", 0.02))
    trainer.fit(load(pets, test_fraction=0), iterations=200)
    return trainer


def asked(path: Path, trained: Trainer, **options: Any) -> list[Rows]:
    return list(images.Images(str(path), **options).rows(trained.model.schema))


def test_a_folder_without_classes_a_picture_and_one_with_classes(
    pets: Path, trained: Trainer
) -> None:
    (rows,) = asked(pets / "dog", trained)
    assert rows.y is None
    assert rows.others == {"file": ["0.png", "1.png", "2.png"]}
    (rows,) = asked(pets / "dog/1.png", trained)
    assert (rows.others["file"], list(rows.numbers)) == (["1.png"], [0])
    (rows,) = asked(pets, trained)
    assert rows.y is not None
    assert rows.y.tolist() == ["cat"] * 5 + ["dog"] * 3
    assert rows.others["file"][5] == os.path.join("dog", "0.png")  # noqa: PTH118
    assert trained.model.predict(str(pets / "dog")).tolist() == ["dog"] * 3
    assert trained.model.evaluate(str(pets))["accuracy"] == 1


def test_blocks_are_numbered_on(pets: Path, trained: Trainer, monkeypatch: Any) -> None:
    monkeypatch.setattr(images, "_BLOCK", 3 * 24)
    blocks = asked(pets, trained)
    assert [list(rows.numbers) for rows in blocks] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    np.testing.assert_array_equal(np.concatenate([rows.x for rows in blocks]), expected(pets)[0])


def test_pictures_of_another_size_are_brought_to_the_models_and_told(
    tmp_path: Path, trained: Trainer
) -> None:
    save(tmp_path / "new/a.png", picture(1, 12, 8, channels=3))
    with pytest.warns(DataWarning, match="1 picture.*another size than 6 by 4"):
        (rows,) = asked(tmp_path / "new", trained)
    assert rows.x.shape == (1, 6, 4, 1)
    (rows,) = asked(tmp_path / "new", trained, size=(6, 4))  # without a warning


def test_classes_that_are_numbers(tmp_path: Path) -> None:
    for name in ("0", "10"):
        save(tmp_path / name / "a.png", picture(1))
    schema = Schema("class", (0, 1, 10), input_shape=(6, 4, 1))
    (rows,) = images.Images(str(tmp_path)).rows(schema)
    assert rows.y.tolist() == [0, 10]


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_from_the_command_line(
    pets: Path, tmp_path: Path, shown: Shown, sketches: None, memory: int
) -> None:
    for number in range(8):
        save(pets / f"cat/more{number}.png", picture(number))
    run, reader = str(tmp_path / "run"), f'["images", {{memory = {memory}, size = 8}}]'
    data = ["--data", str(pets), "--set", f"data.reader={reader}"]
    told = shown("train", *data, "--set", "training.iterations=20", "--out", run)
    assert "Network:  rescale1 -> " in told
    lines = shown("predict", run, "--data", str(pets / "dog"), "--json").splitlines()
    assert [json.loads(line)["file"] for line in lines] == ["0.png", "1.png", "2.png"]
    assert "On:       16 samples" in shown("evaluate", run, "--data", str(pets))
    assert shown("predict", run, "--data", str(pets / "cat/0.png"))
    model = Model.load(tmp_path / "run/model.safetensors")
    assert model.classes == ("cat", "dog")
    assert model.schema.input_shape == (8, 8, 1)


def test_the_command_line_refuses_without_a_traceback(pets: Path, refused: Refused) -> None:
    (pets / "cat/a.png").write_bytes(b"no picture")
    assert "a.png" in refused("train", "--data", str(pets))
    save(pets / "cat/a.png", picture(0, 9, 9))
    message = refused("train", "--data", str(pets))
    assert "size = [6, 4]" in message  # as it is given there


def test_it_keeps_the_contract_of_data_sets(pets: Path) -> None:
    for memory in (0, 1 << 28):
        check_component(("images", str(pets), {"memory": memory}))


def mutants(content: bytes) -> Iterator[bytes]:
    draw = np.random.default_rng(0)
    for _ in range(40):
        changed = bytearray(content)
        for _ in range(draw.integers(1, 5)):
            changed[draw.integers(len(changed))] = draw.integers(256)
        yield bytes(
            changed[: draw.integers(1, len(changed) + 1)] if draw.random() < 0.3 else changed
        )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_damaged_bytes_give_a_typed_error_or_a_picture(tmp_path: Path, kind: str) -> None:
    file = io.BytesIO()
    Image.fromarray(picture(0, 12, 12, channels=3)).save(file, kind)
    (tmp_path / "k").mkdir()
    results = {"read": 0, "refused": 0}
    for content in mutants(file.getvalue()):
        (tmp_path / "k/a.png").write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
            try:
                assert only(tmp_path, size=8).dtype == np.uint8
                results["read"] += 1
            except (FileFormatError, DataError):
                results["refused"] += 1
    assert results["refused"] > 3
