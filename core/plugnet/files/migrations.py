"""Files of older formats, brought up to date: one function from each format to the next.

They are kept for ever, as is a file of each format in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from plugnet.arrays import Array

#: The named arrays and the document of a file.
Contents: TypeAlias = tuple[dict[str, Array], dict[str, Any]]


def _from_1(arrays: dict[str, Array], document: dict[str, Any]) -> Contents:
    """Keep the network alone: what optimizers and generators had saved meant something else.

    Networks had no multipliers of their own.
    """
    return arrays, {"network": {**document["network"], "parameters": {}}}


def _from_2(arrays: dict[str, Array], document: dict[str, Any]) -> Contents:
    """Give trainers what older ones lacked: metrics, labels in words, evaluations on a plan, and
    all by which a run goes on to the same bits.
    """
    trainer = document.get("trainer")
    if trainer is None:
        return arrays, document
    settings = {
        "class_weight": None,
        "ignore_label": None,
        "scale_targets": False,
        **trainer["settings"],
    }
    nothing = ("metrics", "source_state", "evaluation_due", "goal", "stopping", "journal")
    added: dict[str, Any] = {**dict.fromkeys(nothing), "notes": [], "hooks": [], "identity": {}}
    evaluations = [_evaluation_from_2(old) for old in trainer["evaluations"]]
    trainer = {**added, **trainer, "settings": settings, "evaluations": evaluations}
    return arrays, {**document, "trainer": trainer}


def _evaluation_from_2(old: Mapping[str, Any]) -> Mapping[str, Any]:
    if "accuracy" not in old:
        return old
    return {
        "iteration": old["iteration"],
        "loss": old["loss"],
        "metrics": {} if old["accuracy"] is None else {"accuracy": old["accuracy"]},
        "part": "validation",
    }


#: By the format that each takes; what it returns is of the next.
MIGRATIONS: Final[Mapping[int, Callable[[dict[str, Array], dict[str, Any]], Contents]]] = {
    1: _from_1,
    2: _from_2,
}
