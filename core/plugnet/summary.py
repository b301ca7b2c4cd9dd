"""The tables of a network: what `Network.summary` returns, and what a notebook shows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Shape
from plugnet.chain import Chain
from plugnet.errors import brief, counted
from plugnet.interfaces import Layer
from plugnet.layers import parameters_of, walk
from plugnet.parameter import Parameter

ROW = "{:<22} {:>15} {:>13} {:>14} {:>11}"
HEADINGS = ROW.format("layer", "output shape", "parameters", "FLOPs/sample", "memory")
UNKNOWN = "?"  # before the shape of the input is known


def summarize(
    chain: Chain, input_shape: Shape, dtype: np.dtype[Any], owned: Sequence[Parameter]
) -> str:
    """Return one line per layer and the totals, at most 80 columns wide.

    Layers within a layer stand indented below it. FLOPs are those of the forward pass for one
    sample, a multiplication and an addition counting as two. Memory is values and gradients; what
    activations take depends on the batch, and stands below the table.

    Args:
        chain: the layers of a network.
        input_shape: the shape of one sample.
        dtype: what the network computes in.
        owned: all parameters.
    """
    shapes = (input_shape, *chain.output_shapes)
    lines = [HEADINGS, "-" * len(HEADINGS), ROW.format("input", _shape(shapes[0]), "", "", "")]
    flops = 0
    for index, (name, layer) in enumerate(zip(chain.layer_names, chain.layers, strict=True)):
        cost = layer.flops(shapes[index])
        lines.append(_row(name, layer, _shape(shapes[index + 1]), f"{cost:,}"))
        lines += _inner_rows(layer, 1)
        flops += cost
    lines.append("-" * len(HEADINGS))
    lines.append(ROW.format("total", "", f"{_count(owned):,}", f"{flops:,}", _memory(owned)))
    activations = 2 * dtype.itemsize * sum(math.prod(shape) for shape in shapes[1:])
    lines.append(f"activations and their gradients: {_bytes(activations)} per sample of a batch")
    return "\n".join(lines)


def outline(chain: Chain, input_shape: Shape | None, owned: Sequence[Parameter] | None) -> str:
    """Return a table in HTML: each layer with its arguments, its output shape and parameters.

    Layers within a layer stand below it, by their paths. Of many only the first are looked at.

    Args:
        chain: the layers of a network.
        input_shape: the shape of one sample; None: it is not known yet.
        owned: all parameters; None: there are none yet.
    """
    from plugnet.html.markup import table  # late: only notebooks ask

    known = chain.output_shapes
    shapes = map(_shape, known) if known else itertools.repeat(UNKNOWN)
    before = UNKNOWN if input_shape is None else _shape(input_shape)
    after = _shape(known[-1]) if known else UNKNOWN
    return table(
        "Layers",
        ("layer", "component", "output shape", "parameters"),
        itertools.chain([("input", "", before, "")], _outlined(chain, shapes)),
        whole=counted(len(chain.layers), "layer"),
        total=("total", "", after, UNKNOWN if owned is None else f"{_count(owned):,}"),
        numbers=(3,),
    )


def _outlined(chain: Chain, shapes: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    for name, layer, shape in zip(chain.layer_names, chain.layers, shapes, strict=False):
        waiting = {name: layer}
        while waiting:
            path = next(iter(waiting))
            held = waiting.pop(path)
            try:
                count = f"{_count(list(parameters_of(walk({'': held})).values())):,}"
            except AttributeError:  # it has none before `initialize`
                count = UNKNOWN
            yield path, brief(held), shape if held is layer else "", count
            waiting = {f"{path}.{inner}": each for inner, each in held.inner().items()} | waiting


def _inner_rows(layer: Layer, depth: int) -> list[str]:
    rows = []
    for name, held in layer.inner().items():
        rows += [_row("  " * depth + name, held, "", ""), *_inner_rows(held, depth + 1)]
    return rows


def _row(name: str, layer: Layer, shape: str, flops: str) -> str:
    """Return the row of a layer, with its own parameters and those of the layers it holds."""
    owned = list(parameters_of(walk({"": layer})).values())
    return ROW.format(name[:22], shape, f"{_count(owned):,}", flops, _memory(owned))


def _count(parameters: Sequence[Parameter]) -> int:
    return sum(parameter.value.size for parameter in parameters)


def _memory(parameters: Sequence[Parameter]) -> str:
    return _bytes(sum(p.value.nbytes + p.grad.nbytes for p in parameters))


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _bytes(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
