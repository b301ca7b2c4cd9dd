"""loss_curve, confusion_matrix and mistakes: what the pictures say, and where there are none."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from tests.process import printed

from plugnet import Network, Trainer, registry
from plugnet.errors import ArgumentError, DivergenceError, HookError, PluginWarning
from plugnet_builtin.hooks.confusion_matrix import count_pairs
from plugnet_builtin.hooks.loss_curve import running_mean
from plugnet_builtin.hooks.mistakes import image_shape
from plugnet_builtin.hooks.picture import draw

RNG = np.random.default_rng(0)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """The figures that hooks draw, by file name, instead of files."""
    figures: dict[str, Figure] = {}

    def keep(path: Path, size: tuple[float, float], paint: Callable[[Figure], None]) -> None:
        figures[path.name] = Figure(figsize=size)
        paint(figures[path.name])

    for hook in ("loss_curve", "confusion_matrix", "mistakes"):
        module = importlib.import_module(f"plugnet_builtin.hooks.{hook}")
        monkeypatch.setattr(module, "draw", keep)
    return figures


def reader(answers: list[int], classes: int) -> Network:
    """Return a network that gives ``answers[i]`` for row i of the 16 x 16 identity matrix."""
    network = Network([("fc", 16, classes)], dtype="float64")
    weight, bias = (parameter.value for parameter in network.parameters().values())
    weight[...], bias[...] = 0, 0
    for row, answer in enumerate(answers):
        weight[row, answer] = 5
    return network


def shown(
    network: Network, labels: list[int], *hooks: Any, names: Any = None, part: str = "test"
) -> Trainer:
    """Run one step that changes next to nothing, and judge one image per label."""
    x = np.eye(16)[: len(labels)]
    y = np.array(labels) if names is None else np.array(names)[labels]
    trainer = Trainer(network, policy=("fixed", 1e-12), batch_size=1, hooks=hooks)
    judged: dict[str, Any] = {part: (x, y)}
    trainer.fit(x, y, 1, classes=names, **judged)
    return trainer


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


# loss_curve --------------------------------------------------------------------------------------


def test_loss_curve_draws_the_history(drawn: dict[str, Figure]) -> None:
    x = RNG.random((40, 3)).astype(np.float32)
    y = (x[:, 0] > 0.5).astype(int)
    hook = registry.hooks.build("loss_curve", "loss.png")
    trainer = Trainer(Network([("fc", 3, 2)]), batch_size=10, hooks=[hook])
    history = trainer.fit(x, y, 100, validation=(x, y), test=(x[:9], y[:9]), evaluate_every=30)
    above, below = drawn["loss.png"].axes
    raw, mean, validation, test = (np.array(line.get_xydata()) for line in above.lines)
    np.testing.assert_array_equal(raw, np.column_stack([range(1, 101), history.loss]))
    assert mean.shape == (100, 2)
    *found, last = history.evaluations
    np.testing.assert_array_equal(validation, [(e.iteration, e.loss) for e in found])
    np.testing.assert_array_equal(test, [(100, last.loss)])
    rates = [(e.iteration, e["accuracy"]) for e in found]
    assert [at for at, _ in rates] == [30, 60, 90, 100]
    np.testing.assert_array_equal(np.array(below.lines[0].get_xydata()), rates)
    assert below.get_title() == (
        f"Accuracy at the end: validation {rates[-1][1]:.4f}, test {last['accuracy']:.4f}"
    )
    assert above.get_xlabel() + below.get_xlabel() == "iteration"


def test_loss_curve_marks_the_weights_at_the_end(drawn: dict[str, Figure]) -> None:
    x = RNG.random((40, 3)).astype(np.float32)
    y = (x[:, 0] > 0.5).astype(int)
    hooks = ["early_stop", registry.hooks.build("loss_curve", "loss.png")]
    trainer = Trainer(Network([("fc", 3, 2)]), policy=("fixed", 0.5), batch_size=10, hooks=hooks)
    turned = np.where(np.arange(40) < 25, y, 1 - y)
    history = trainer.fit(x, y, 100, validation=(x, turned), evaluate_every=1)
    assert trainer.iteration < len(history.loss)
    for axes in drawn["loss.png"].axes:
        assert np.asarray(axes.lines[-1].get_xdata()).tolist() == [trainer.iteration] * 2
    at_end = history.at_end("validation")
    assert at_end is not None
    assert f"{at_end['accuracy']:.4f}" in drawn["loss.png"].axes[1].get_title()


def test_loss_curve_of_real_values_shows_their_rmse(drawn: dict[str, Figure]) -> None:
    x = RNG.random((40, 3)).astype(np.float32)
    hook = registry.hooks.build("loss_curve", "loss.png")
    trainer = Trainer(Network([("fc", 3, 3)]), "least_square_error", batch_size=10, hooks=[hook])
    trainer.fit(x, x, 3, validation=(x, x))
    above, below = drawn["loss.png"].axes
    assert len(above.lines) == 2  # three batches are too few to smooth
    assert below.get_ylabel() == "rmse"


def test_loss_curve_without_validation_has_one_panel(drawn: dict[str, Figure]) -> None:
    x = RNG.random((40, 3)).astype(np.float32)
    hook = registry.hooks.build("loss_curve", "loss.png")
    trainer = Trainer(Network([("fc", 3, 3)]), "least_square_error", batch_size=10, hooks=[hook])
    trainer.fit(x, x, 3, (x, x))
    (axes,) = drawn["loss.png"].axes
    assert len(axes.lines) == 2  # three batches are too few to smooth


def test_loss_curve_of_a_diverging_run_ends_where_it_ended(drawn: dict[str, Figure]) -> None:
    x = RNG.random((40, 3)).astype(np.float32)
    hook = registry.hooks.build("loss_curve", "loss.png")
    network = Network([("fc", 3, 2)])
    trainer = Trainer(network, policy=("fixed", 1e30), batch_size=10, hooks=[hook])
    with pytest.raises(DivergenceError):
        trainer.fit(x, np.arange(40) % 2, 50)
    (axes,) = drawn["loss.png"].axes
    assert len(np.array(axes.lines[0].get_xydata())) == len(trainer.history.loss) < 50


def test_running_mean_is_centred_and_shrinks_towards_the_ends() -> None:
    values = RNG.random(30)
    means = running_mean(values, 7)
    assert means[0] == pytest.approx(values[0])
    assert means[1] == pytest.approx(values[:3].mean())
    assert means[10] == pytest.approx(values[7:14].mean())
    assert means[-1] == pytest.approx(values[-1])
    np.testing.assert_allclose(running_mean(np.arange(30.0), 9), np.arange(30.0))


# confusion_matrix --------------------------------------------------------------------------------


def test_confusion_matrix_counts_true_by_predicted_class(drawn: dict[str, Figure]) -> None:
    labels = [0, 0, 0, 1, 1, 2, 2]
    network = reader([0, 0, 1, 1, 2, 2, 0], classes=3)
    shown(network, labels, registry.hooks.build("confusion_matrix", "c.png"), names=["c", "b", "a"])
    (axes,) = drawn["c.png"].axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}  # (predicted, true)
    assert cells == {(0, 0): "2", (1, 0): "1", (1, 1): "1", (2, 1): "1", (2, 2): "1", (0, 2): "1"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c", "b", "a"]
    assert axes.get_title() == "3 of 7 test samples misclassified"
    shade = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shade[0], np.sqrt([2 / 3, 1 / 3, 0]))


def test_counts_agree_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels, answers = RNG.integers(0, 6, (2, 500))
    expected = metrics.confusion_matrix(labels, answers, labels=range(6))
    np.testing.assert_array_equal(count_pairs(answers, labels, 6), expected)
    answers[:50] = -1  # no predicted class: in no column
    assert count_pairs(answers, labels, 6).sum() == 450


def test_a_single_output_is_drawn_as_two_classes(drawn: dict[str, Figure]) -> None:
    x = np.array([[-1.0], [1.0], [2.0]])
    y = np.array([[0.0], [1.0], [0.0]])
    network = Network([("fc", 1, 1)], dtype="float64")
    network.parameters()["fc1.weight"].value[...] = 3
    hook = registry.hooks.build("confusion_matrix", "c.png")
    trainer = Trainer(
        network, "sigmoid_cross_entropy", policy=("fixed", 1e-12), batch_size=3, hooks=[hook]
    )
    trainer.fit(x, y, 1, test=(x, y))
    cells = {text.get_position(): text.get_text() for text in drawn["c.png"].axes[0].texts}
    assert cells == {(0, 0): "1", (1, 0): "1", (1, 1): "1"}


def test_many_classes_have_colours_only(drawn: dict[str, Figure]) -> None:
    network = reader([3], classes=100)
    shown(network, [3], registry.hooks.build("confusion_matrix", "c.png"))
    assert texts(drawn["c.png"]) == []
    assert np.asarray(drawn["c.png"].axes[0].images[0].get_array()).shape == (100, 100)


# mistakes ----------------------------------------------------------------------------------------


def test_mistakes_shows_true_and_predicted_classes(drawn: dict[str, Figure]) -> None:
    network = reader([0, 2, 1, 0, 2], classes=3)
    hook = registry.hooks.build("mistakes", "m.png")
    shown(network, [0, 1, 1, 2, 2], hook, names=("zero", "one", "two"))
    assert texts(drawn["m.png"]) == [
        "2 of 5 test samples misclassified",
        "one taken for two",
        "two taken for zero",
    ]
    images = [np.asarray(image.get_array()) for image in drawn["m.png"].axes[0].images]
    np.testing.assert_array_equal(images, np.eye(16)[[1, 3]].reshape(2, 4, 4))


def test_validation_samples_are_shown_where_there_is_no_test(drawn: dict[str, Figure]) -> None:
    hooks = [
        registry.hooks.build("mistakes", "m.png"),
        registry.hooks.build("confusion_matrix", "c.png"),
    ]
    shown(reader([0, 1, 1], classes=2), [0, 0, 1], *hooks, part="validation")
    assert texts(drawn["m.png"])[0] == "1 of 3 validation samples misclassified"
    assert drawn["c.png"].axes[0].get_title() == "1 of 3 validation samples misclassified"


def test_the_test_samples_are_shown_rather_than_the_validation(drawn: dict[str, Figure]) -> None:
    x, hook = np.eye(16)[:4], registry.hooks.build("mistakes", "m.png")
    network = reader([0, 1, 0, 1], classes=2)
    trainer = Trainer(network, policy=("fixed", 1e-12), batch_size=1, hooks=[hook])
    trainer.fit(x, [0, 1, 1, 1], 1, validation=(x[:2], [0, 1]), test=(x[2:], [1, 1]))
    assert texts(drawn["m.png"]) == ["1 of 2 test samples misclassified", "1 taken for 0"]


def test_pictures_show_the_weights_that_early_stop_restores(drawn: dict[str, Figure]) -> None:
    x = RNG.random((40, 3)).astype(np.float32)
    y = (x[:, 0] > 0.5).astype(int)
    turned = np.where(np.arange(40) < 25, y, 1 - y)
    hook = registry.hooks.build("confusion_matrix", "c.png")
    for hooks in ([hook, "early_stop"], ["early_stop", hook]):
        trainer = Trainer(
            Network([("fc", 3, 2)]), policy=("fixed", 0.5), batch_size=10, hooks=hooks
        )
        trainer.fit(x, y, 100, validation=(x, turned), test=(x, y), evaluate_every=1)
        assert trainer.iteration < len(trainer.history.loss)
        wrong = round(40 * (1 - trainer.evaluate(x, y)["accuracy"]))
        assert drawn["c.png"].axes[0].get_title().startswith(f"{wrong} of 40 test samples")


def test_mistakes_shows_the_first_ones_only(drawn: dict[str, Figure]) -> None:
    hook = registry.hooks.build("mistakes", "m.png", most=2)
    shown(reader([1, 1, 1, 1], classes=2), [0, 0, 1, 0], hook)
    assert texts(drawn["m.png"]) == [
        "3 of 4 test samples misclassified, the first 2 of them",
        "0 taken for 1",
        "0 taken for 1",
    ]


def test_mistakes_without_any_says_so(drawn: dict[str, Figure]) -> None:
    shown(reader([0, 1], classes=2), [0, 1], registry.hooks.build("mistakes", "m.png"))
    assert texts(drawn["m.png"]) == ["0 of 2 test samples misclassified"]


def test_an_output_that_is_not_a_number_predicts_no_class(drawn: dict[str, Figure]) -> None:
    class Spoil:
        observes = False  # so it comes before those that do

        def plugnet_train_end(self, training: Trainer) -> None:
            training.network.parameters()["fc1.bias"].value[...] = np.nan

    mistakes = registry.hooks.build("mistakes", "m.png")
    shown(reader([0, 1], classes=2), [0, 1], mistakes, Spoil())
    assert texts(drawn["m.png"])[1:] == ["0 taken for nothing", "1 taken for nothing"]


@pytest.mark.parametrize(
    ("shape", "image"),
    [
        ((784,), (28, 28)),
        ((16,), (4, 4)),
        ((9,), None),
        ((15,), None),
        ((28, 28), (28, 28)),
        ((28, 20, 1), (28, 20, 1)),
        ((8, 8, 3), (8, 8, 3)),
        ((8, 8, 2), None),
        ((2, 2, 2, 2), None),
    ],
)
def test_what_counts_as_an_image(shape: tuple[int, ...], image: tuple[int, ...] | None) -> None:
    assert image_shape(shape) == image


def test_a_given_shape_is_used(drawn: dict[str, Figure]) -> None:
    hook = registry.hooks.build("mistakes", "m.png", shape=[2, 8])
    shown(reader([1], classes=2), [0], hook)
    assert np.asarray(drawn["m.png"].axes[0].images[0].get_array()).shape == (2, 8)


def test_coloured_images_keep_their_colours(drawn: dict[str, Figure]) -> None:
    x = RNG.random((4, 5, 6, 3))
    network = Network([("fc", 90, 2)], dtype="float64")
    network.parameters()["fc1.bias"].value[...] = [100, 0]
    hook = registry.hooks.build("mistakes", "m.png")
    trainer = Trainer(network, policy=("fixed", 1e-12), batch_size=2, hooks=[hook])
    trainer.fit(x, [0, 1, 1, 1], 1, test=(x, [0, 1, 1, 1]))
    image = np.asarray(drawn["m.png"].axes[0].images[1].get_array(), float)
    np.testing.assert_allclose(
        image, (x[2] - x[1:].min()) / (x[1:].max() - x[1:].min()), atol=1 / 255
    )


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ({"most": 0}, "most"),
        ({"most": True}, "most"),
        ({"shape": (28,)}, "shape"),
        ({"shape": (28, 28, 2)}, "shape"),
    ],
)
def test_mistakes_refuses_bad_arguments(arguments: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.hooks.build("mistakes", "m.png", **arguments)
    assert caught.value.argument == culprit


# Where there is nothing to draw ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "shape", "reason"),
    [
        ("mistakes", (5,), r"samples of shape \(5,\) are not images"),
        ("mistakes", (4, 4), "the network does not predict classes"),
        ("confusion_matrix", (5,), "the network does not predict classes"),
    ],
)
def test_nothing_sensible_to_draw_is_said(
    tmp_path: Path, hook: str, shape: tuple[int, ...], reason: str
) -> None:
    x = RNG.random((8, *shape)).astype(np.float32)
    y = RNG.random((8, 2)).astype(np.float32)
    features = x[0].size
    built = registry.hooks.build(hook, tmp_path / "picture.png")
    network = Network([("fc", features, 2)])
    trainer = Trainer(network, "least_square_error", batch_size=4, hooks=[built])
    with pytest.warns(PluginWarning, match=f"picture.png is not drawn, because .*{reason}"):
        trainer.fit(x, y, 1, test=(x, y))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mistakes", "confusion_matrix"])
def test_samples_to_draw_are_asked_for_before_the_first_step(tmp_path: Path, name: str) -> None:
    hook = registry.hooks.build(name, tmp_path / "a.png")
    trainer = Trainer(Network([("fc", 16, 2)]), batch_size=2, hooks=[hook])
    with pytest.raises(HookError, match=r"a\.png shows test or validation samples") as caught:
        trainer.fit(np.eye(16), [0, 1] * 8, 1)
    assert caught.value.hook == "plugnet_train_start"
    assert trainer.iteration == 0
    assert list(tmp_path.iterdir()) == []


# The file ----------------------------------------------------------------------------------------


def test_draw_writes_a_picture_of_the_size_asked_for(tmp_path: Path) -> None:
    def paint(figure: Figure) -> None:
        figure.suptitle("words")

    draw(tmp_path / "ä b.png", (3, 2), paint)
    image = imread(tmp_path / "ä b.png")
    assert image.shape[:2] == (240, 360)
    assert image[..., :3].min() < 0.5 < image[..., :3].mean()


def test_a_picture_that_cannot_be_written_does_not_end_the_run(tmp_path: Path) -> None:
    with pytest.warns(PluginWarning, match=r"a\.png cannot be written"):
        draw(tmp_path / "no folder" / "a.png", (3, 2), lambda _: None)


def test_drawing_leaves_pyplot_and_the_users_settings_alone(tmp_path: Path) -> None:
    code = (
        "import sys, matplotlib, pathlib\n"
        "from plugnet_builtin.hooks.picture import draw\n"
        "matplotlib.rcParams['lines.linewidth'] = 7\n"
        f"draw(pathlib.Path({str(tmp_path / 'a.png')!r}), (3, 2), lambda _: None)\n"
        "print(matplotlib.rcParams['lines.linewidth'], 'matplotlib.pyplot' in sys.modules)"
    )
    assert printed(code).split() == ["7.0", "False"]
