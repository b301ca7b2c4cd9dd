"""A picture of what a component does, from its behaviour alone: a stranger's gets one, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from plugnet.arrays import Array
from plugnet.errors import PlugnetError
from plugnet.interfaces import Layer
from plugnet.reference.component import Component, keywords
from plugnet.reference.loss_targets import first_taken
from plugnet.reference.pictures import COLORS, CYCLE, STYLE, svg
from plugnet.testing.target import Example

SIZE = (4.6, 2.9)  # inches
SHAPE = (400, 300)  # of the weights that an initializer draws
IMAGE = (7, 7)  # pixels of the inputs of a window
MOST_WINDOWS = 3  # choices of arguments for which windows are drawn


class Picture(NamedTuple):
    """An SVG, and what one sees in it."""

    svg: str
    description: str


def picture(component: Component) -> Picture | None:
    """Return a picture of a component, or None if there is nothing to draw of its kind.

    A component that does not work has a page without a picture: `plugnet plugins check` says why.
    """
    draw = DRAWN.get(component.entry.kind)
    if draw is None or component.example is None:
        return None
    with rc_context(STYLE):
        try:
            drawn = draw(component, component.example)
            return None if drawn is None else Picture(svg(*drawn), drawn[1])
        except Exception:  # whatever a stranger's raises
            return None


def _axes(**settings: Any) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    return figure, figure.add_subplot(**settings)


def _curves(x: Array, curves: dict[str, Any], **settings: Any) -> Figure:
    """Draw two functions of x, the second one dashed."""
    figure, axes = _axes(**settings)
    for (label, values), line in zip(curves.items(), ("-", "--"), strict=True):
        axes.plot(x, values, line, label=label)
    axes.legend()
    _grid(axes)
    return figure


# One function for each kind ----------------------------------------------------------------------


def _activation(component: Component, given: Example) -> tuple[Figure, str]:
    """Draw the function and its derivative."""
    low, high = -4.0, 4.0
    if given.inputs is not None:
        low, high = float(given.inputs.min()), float(given.inputs.max())
    activation = component.target.build(given)
    x = np.linspace(low, high, 401)
    y = np.array(activation.forward(x.copy()))
    slope = np.array(activation.derivative(x.copy(), y.copy()))
    figure = _curves(x, {"f(x)": y, "f'(x)": slope}, xlabel="x")
    said = f"{_called(component, given)} and its derivative, from {low:g} to {high:g}."
    return figure, said


def _policy(component: Component, given: Example) -> tuple[Figure, str]:
    """Draw the rate of each iteration."""
    policy = component.target.build(given)
    last = _horizon(policy, given.arguments)
    iterations = np.unique(np.linspace(0, last, 401).round().astype(int))
    figure, axes = _axes(xlabel="iteration", ylabel="learning rate")
    axes.step(iterations, [policy(int(each)) for each in iterations], where="post")
    axes.set_ylim(bottom=0)
    _grid(axes)
    return figure, f"The rate of {_called(component, given)} in the first {last:,} iterations."


def _horizon(policy: Callable[[int], float], arguments: dict[str, Any]) -> int:
    """Return until when the rates are worth a look: they are settled, or have turned some times."""
    grid = np.unique(np.geomspace(1, 100_000, 200).round().astype(int))
    rates = np.array([policy(int(each)) for each in grid])
    moving = np.abs(rates - rates[-1]) > 0.02 * np.ptp([policy(0), *rates])
    settled = int(grid[np.flatnonzero(moving)[-1]]) if moving.any() else 0
    period = max(_integers(arguments), default=0)
    latest, otherwise = (10 * period, 5 * period) if period > 1 else (1000, 10_000)
    return round(1.25 * settled) if 0 < settled <= latest else otherwise


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list | tuple):
        for item in value:
            yield from _integers(item)
    elif type(value) is int:
        yield value


def _initializer(component: Component, given: Example) -> tuple[Figure, str]:
    """Draw how often each value is drawn."""
    draw = component.target.build(given)
    values = draw(SHAPE, np.random.default_rng(0), np.dtype("float64")).ravel()
    figure, axes = _axes(xlabel="weight", ylabel="how many")
    spread = float(np.ptp(values))
    bins: Any = 60 if spread > 0 else float(values[0]) + 0.02 * (np.arange(60) - 29.5)
    axes.hist(values, bins)
    axes.set_title(f"shape {SHAPE}, standard deviation {values.std():.3g}")
    said = f"{_called(component, given)}, {values.size:,} values for the shape {SHAPE}"
    return figure, f"{said}; their standard deviation is {values.std():.3g}."


def _loss(component: Component, given: Example) -> tuple[Figure, str] | None:
    """Draw the loss of one sample over one output, and its gradient."""
    loss = component.target.build(given)
    found = first_taken(
        loss,
        binary=([[0.0]], [1], "the target is class 1"),
        classes=([[0.0, 0.0]], [0], "the target is this output's class, the other output is 0"),
        real=([[0.0]], [[0.0]], "the target is 0"),
    )
    if found is None:
        return None
    outputs, targets, words = np.array(found[0]), np.array(found[1]), found[2]
    x = np.linspace(-4, 4, 401)
    values, slopes = [], []
    for each in x:
        outputs[0, 0] = each
        values.append(loss.forward(outputs.copy(), targets, training=True))
        slopes.append(float(loss.backward()[0, 0]))
    figure = _curves(x, {"loss": values, "gradient": slopes}, xlabel="output", title=words)
    return figure, f"{_called(component, given)} and its gradient by one output: {words}."


def _windows(component: Component, given: Example) -> tuple[Figure, str] | None:
    """Draw which pixels two outputs of a convolution or a pooling see."""
    if not hasattr(component.target.build(given), "kernel_size"):
        return None
    rows: list[tuple[str, Array]] = []
    for example in component.target.usable_examples:
        layer = component.target.build(example)
        if (seen := _seen(layer)) is not None and len(rows) < MOST_WINDOWS:
            rows.append((_chosen(example), seen))
    if not rows:
        return None
    figure = Figure(figsize=(4.6, 2.35 * len(rows)), layout="constrained")
    places = figure.subplots(len(rows), 2, squeeze=False)
    for (left, right), (title, seen) in zip(places, rows, strict=True):
        left.set(title="inputs", ylabel=title)
        right.set(title="outputs")
        _draw_windows(left, right, seen)
    titles = "; ".join(title.replace("\n", ", ") for title, _ in rows)
    said = f"Which pixels of the input two outputs of {component.name} see, the first one and one"
    return figure, f"{said} in the middle: {titles}."


def _seen(layer: Layer) -> Array | None:
    """Return, ``(rows, columns, output rows, output columns)``, which inputs change which outputs.

    A pixel is made very large, in all channels, and so is the largest of each of its windows.
    """
    shape = (*IMAGE, 4)
    try:
        layer.initialize(shape, np.random.default_rng(0), np.dtype("float64"))
        x = np.random.default_rng(1).normal(size=(1, *shape))
        x = np.repeat(x, 1 + IMAGE[0] * IMAGE[1], axis=0)
        for number, (row, column) in enumerate(np.ndindex(*IMAGE)):
            x[1 + number, row, column] += 1e3
        y = np.asarray(layer.forward(x))
    except PlugnetError:
        return None
    if y.ndim != 4:
        return None
    changed: Array = np.abs(y[1:] - y[0]).max(axis=-1) > 1e-6
    return np.reshape(changed, (*IMAGE, *changed.shape[1:]))


def _draw_windows(left: Axes, right: Axes, seen: Array) -> None:
    """Draw the pixels of inputs and outputs, and mark two outputs with what they see."""
    shape = seen.shape[2:]
    for axes, (rows, columns) in ((left, seen.shape[:2]), (right, shape)):
        axes.set(xlim=(-0.05, columns + 0.05), ylim=(rows + 0.05, -0.05), aspect="equal")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        every, color = np.ones((rows, columns), bool), COLORS["faint"][0]
        axes.add_patch(_cells(every, fill=False, edgecolor=color, linewidth=0.7))
    middle = (shape[0] // 2, shape[1] // 2)
    for place, color in zip(dict.fromkeys([(0, 0), middle]), CYCLE, strict=False):
        own = np.zeros(shape, bool)
        own[place] = True
        for axes, marked in ((left, seen[:, :, *place]), (right, own)):
            if marked.any():
                axes.add_patch(_cells(marked, facecolor=color, alpha=0.45, linewidth=0))


def _cells(marked: Array, **settings: Any) -> PathPatch:
    """Return one patch of a square for each pixel that is marked."""
    square: Array = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])
    cells = [Path(np.add(square, place[::-1]), closed=True) for place in np.argwhere(marked)]
    return PathPatch(Path.make_compound_path(*cells), **settings)


def _chosen(given: Example) -> str:
    """Return the arguments that make a window, a line for each."""
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return "\n".join(f"{name} {given.arguments[name]}" for name in names if name in given.arguments)


def _grid(axes: Axes) -> None:
    axes.grid(alpha=0.35, linewidth=0.6)


def _called(component: Component, given: Example) -> str:
    """Return the component's name with the arguments that are drawn."""
    text = keywords(given.arguments).removeprefix(", ")
    return f"{component.name} with {text}" if text else component.name


#: What draws each kind that can be drawn.
DRAWN: dict[str, Callable[[Component, Example], tuple[Figure, str] | None]] = {
    "activation": _activation,
    "lr_policy": _policy,
    "initializer": _initializer,
    "loss": _loss,
    "layer": _windows,
}
