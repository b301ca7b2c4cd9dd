"""The course of a training in a notebook: a curve of the loss, and of each metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from plugnet.errors import counted
from plugnet.evaluation import Evaluation, in_words
from plugnet.html.curve import BLUE, ORANGE, Line, curve
from plugnet.html.markup import facts, folded, page

#: Curves besides that of the loss, and notes, that are shown.
MOST = 3


class Recorded(Protocol):
    """What is shown of a `History`."""

    loss: list[float]
    evaluations: list[Evaluation]
    seconds: float
    stopped: str | None
    iteration: int
    notes: list[str]


def course(history: Recorded) -> str:
    """Return curves, last numbers and why training stopped, as HTML.

    Another thread may be training: what it adds meanwhile is left out.
    """
    loss, evaluations = np.array(history.loss[:], float), history.evaluations[:]
    judged = [one for one in evaluations if one.part == "validation"]
    trained = [Line("training", BLUE, np.arange(1, len(loss) + 1), loss)] if len(loss) else []
    lines = [*trained, *_lines(judged, "loss")]
    goes_back = history.iteration < len(loss)
    mark = history.iteration if goes_back else None
    names = list(judged[-1].metrics)[:MOST] if judged else []
    pictures = [
        curve("loss", lines, mark),
        *(curve(name, _lines(judged, name), mark) for name in names),
    ]
    said = {"last batch": f"loss {loss[-1]:.4g}" if len(loss) else "none yet"}
    for part in ("validation", "test"):
        own = [one for one in evaluations if one.part == part]
        if own:
            said[f"{part}, iteration {own[-1].iteration:,}"] = in_words(own[-1], MOST)
    if wrong := int(np.sum(~np.isfinite(loss))):
        said["not finite"] = f"the loss of {wrong:,} of {len(loss):,} iterations"
    if goes_back:
        said["weights"] = f"those of iteration {history.iteration:,}, marked by the dashed line"
    said["time"] = f"{history.seconds:.1f} s"
    said["stopped early"] = history.stopped or "no"
    notes = {f"note {index}": note for index, note in enumerate(history.notes[:MOST], 1)}
    if (more := len(history.notes) - len(notes)) > 0:
        notes["and"] = f"{more:,} more, in history.notes"
    return page(
        "History",
        f"of {counted(len(loss), 'iteration')}, {counted(len(evaluations), 'evaluation')}",
        f'<div class="curves">{"".join(pictures)}</div>',
        facts("Last numbers", said),
        folded("Notes", facts("Notes", notes)) if notes else "",
    )


def _lines(judged: Sequence[Evaluation], name: str) -> list[Line]:
    """Return the line of the loss or a metric on the validation samples, if there is one."""
    found = [one for one in judged if name == "loss" or name in one.metrics]
    x, y = [one.iteration for one in found], [one[name] for one in found]
    return [Line("validation", ORANGE, np.array(x, int), np.array(y, float))] if found else []
