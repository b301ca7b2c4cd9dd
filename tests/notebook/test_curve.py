"""A history in a notebook: its curve lies where the numbers say, for whatever numbers there are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from plugnet.html.curve import BLUE, HEIGHT, ORANGE, WIDTH, Line, curve
from plugnet.training import Evaluation, History
from tests.notebook.parsed import parsed

SVG = "{http://www.w3.org/2000/svg}"


def drawn(picture: str) -> ElementTree.Element:
    """Return a picture, read as XML, all of which lies within its frame."""
    root = ElementTree.fromstring(picture.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    for shape in (*root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}polygon")):
        places = points(shape)
        assert np.isfinite(places).all()
        assert (places >= 0).all()
        assert (places <= (WIDTH, HEIGHT)).all()
    for label in root.iter(f"{SVG}text"):
        assert 0 <= float(label.get("x", "")) <= WIDTH
        assert 0 < float(label.get("y", "")) <= HEIGHT
    return root


def points(shape: ElementTree.Element) -> np.ndarray:
    pairs = shape.get("points", "").split()
    return np.array([pair.split(",") for pair in pairs], float)


def lines(root: ElementTree.Element) -> list[np.ndarray]:
    return [points(shape) for shape in root.iter(f"{SVG}polyline")]


def line(y: list[float], start: int = 1) -> Line:
    return Line("training", BLUE, np.arange(start, start + len(y)), np.array(y, float))


def test_points_lie_as_far_apart_as_their_values() -> None:
    root = drawn(curve("loss", [line([1.0, 3.0, 2.0, 5.0])]))
    (places,) = lines(root)
    x, y = places.T
    np.testing.assert_allclose(np.diff(x), np.diff(x)[0], atol=0.11)
    np.testing.assert_allclose((y - y[0]) / (y[3] - y[0]), [0, 0.5, 0.25, 1], atol=0.002)
    assert y[3] < y[0]  # upwards
    ticks = {
        label.text: float(label.get("y", "")) - 4
        for label in root.iter(f"{SVG}text")
        if label.get("text-anchor") == "end"
    }
    assert ticks["2"] == pytest.approx(y[2], abs=0.11)


def test_a_loss_that_falls_far_is_on_a_logarithmic_scale() -> None:
    root = drawn(curve("loss", [line([1000.0, 100.0, 10.0, 1.0])]))
    (places,) = lines(root)
    np.testing.assert_allclose(np.diff(places[:, 1]), np.diff(places[:, 1])[0], atol=0.11)
    assert "log scale" in ElementTree.tostring(root, "unicode")
    assert "log scale" not in curve("loss", [line([1000.0, 100.0, 10.0, 0.0])])


def test_many_values_are_drawn_as_means_within_a_band() -> None:
    y = np.random.default_rng(0).normal(10, 1, 10**6)
    picture = curve("loss", [Line("training", BLUE, np.arange(1, len(y) + 1), y)])
    root = drawn(picture)
    assert len(picture) < 20_000
    ((mean,), band) = lines(root), points(next(root.iter(f"{SVG}polygon")))
    assert len(band) == 2 * len(mean)
    assert band[:, 1].min() < mean[:, 1].min() < mean[:, 1].max() < band[:, 1].max()
    assert np.ptp(mean[:, 1]) < np.ptp(band[:, 1]) / 20


def test_what_is_not_finite_is_a_gap() -> None:
    nan, inf = float("nan"), float("inf")
    found = lines(drawn(curve("loss", [line([1.0, 2.0, nan, inf, 2.0, 3.0, 4.0])])))
    assert [len(one) for one in found] == [2, 3]
    assert curve("loss", [line([nan, inf])]) == ""
    assert curve("loss", []) == ""
    many = np.where(np.arange(10_000) // 2500 % 2, nan, 1.0)
    assert len(lines(drawn(curve("loss", [line(many.tolist())])))) == 2


@pytest.mark.parametrize(
    "y",
    [
        [1.0],
        [0.0],
        [0.0] * 500,
        [2.0, 2.0],
        [-5.0, -5.0],
        [1e308, -1e308],
        [1.7e308] * 1000,
        [5e-324, 0.0],
        [1e-300, 1e300],
        [1.0, 1.0 + 1e-15],
        [1e16, 1e16 + 2],
        [float("inf"), 1.0],
        [-1.0, 1e-9, 3.0],
    ],
    ids=str,
)
def test_any_numbers_are_drawn(y: list[float]) -> None:
    root = drawn(curve("loss", [line(y)]))
    assert list(root.iter(f"{SVG}polyline")) or list(root.iter(f"{SVG}circle"))


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("color", [BLUE, ORANGE])
@pytest.mark.parametrize("page", ["#ffffff", "#111111", "#1f1f1f"])
def test_lines_stand_out_in_light_and_dark(color: str, page: str) -> None:
    brighter, darker = sorted((luminance(color), luminance(page)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 3


# The history -------------------------------------------------------------------------------------


def history(iterations: int = 40, metric: str = "accuracy") -> History:
    found = History(
        loss=[2.0 / (1 + i) for i in range(iterations)],
        rate=[0.1] * iterations,
        seconds=1.25,
        iteration=iterations,
    )
    for done in range(10, iterations + 1, 10):
        found.evaluations.append(Evaluation(done, 5.0 / done, {metric: 0.5}, "validation"))
    found.evaluations.append(Evaluation(iterations, 0.125, {metric: 0.75}, "test"))
    return found


def test_a_history_shows_curves_and_last_numbers() -> None:
    found = parsed(history())
    rows = dict(found.cells)
    assert rows == {
        "last batch": "loss 0.05",
        "validation, iteration 40": "loss 0.125, accuracy 0.5",
        "test, iteration 40": "loss 0.125, accuracy 0.75",
        "time": "1.2 s",
        "stopped early": "no",
    }
    pictures = [one for one in found.attributes if one.get("role") == "img"]
    assert [str(one["aria-label"]).partition(":")[0] for one in pictures] == ["loss", "accuracy"]
    assert pictures[0]["aria-label"] == (
        "loss: training from 2 at iteration 1 to 0.05 at 40, between 0.05 and 2; "
        "validation from 0.5 at iteration 10 to 0.125 at 40, between 0.125 and 0.5"
    )
    for picture in re.findall(r"<svg.*?</svg>", history()._repr_html_()):
        drawn(picture)


def test_a_history_says_in_text_how_training_went() -> None:
    assert repr(history()) == (
        "History(40 iterations, loss 0.05; validation loss 0.125, accuracy 0.5; "
        "test loss 0.125, accuracy 0.75; 1.2 s)"
    )
    assert repr(History()) == "History(0 iterations; 0.0 s)"
    ended = History([1.0], [0.1], stopped="no progress for 5 evaluations", iteration=1)
    assert repr(ended) == (
        "History(1 iteration, loss 1; 0.0 s; stopped: no progress for 5 evaluations)"
    )


def test_a_history_says_why_it_stopped_and_that_it_went_back() -> None:
    found = history()
    found.stopped, found.iteration = "accuracy has not <risen>", 20
    found.notes += [f"note of a hook, {index}" for index in range(1000)]
    shown = parsed(found)
    rows = dict(shown.cells)
    assert rows["stopped early"] == "accuracy has not <risen>"
    assert rows["weights"].startswith("those of iteration 20")
    assert rows["and"] == "997 more, in history.notes"
    assert "stroke-dasharray" in found._repr_html_()


def test_no_history_fails_to_be_shown() -> None:
    nan = float("nan")
    assert parsed(History()).tags.count("svg") == 0
    assert dict(parsed(History()).cells)["last batch"] == "none yet"
    failed = History([nan] * 50, [0.1] * 50, [Evaluation(0, nan, {"r2": nan}, "validation")])
    found = parsed(failed)
    assert found.tags.count("svg") == 0
    assert dict(found.cells)["not finite"] == "the loss of 50 of 50 iterations"
    assert parsed(History([], [], [Evaluation(0, 1.0, {}, "validation")])).tags.count("svg") == 1
    hostile = parsed(history(metric="<script>" * 1000))
    assert "script" not in hostile.tags
    assert "<script>" in hostile.text


def test_a_long_history_is_short() -> None:
    found = history(10**6)
    for index in range(50_000):
        found.evaluations.append(Evaluation(index, 1.0, {"f1": index / 5e4}, "validation"))
    assert len(found._repr_html_()) < 40_000
    assert len(repr(found)) < 200
