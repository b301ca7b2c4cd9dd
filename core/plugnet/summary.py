"""The table that `Network.summary` returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugnet.network import Network

ROW = "{:<22} {:>15} {:>13} {:>14} {:>11}"
HEADINGS = ROW.format("layer", "output shape", "parameters", "FLOPs/sample", "memory")


def summarize(network: Network) -> str:
    """Return one line per layer and the totals, at most 80 columns wide.

    FLOPs are those of the forward pass for one sample, a multiplication and an addition counting
    as two. Memory is values and gradients; what activations take depends on the batch, and stands
    below the table.
    """
    shapes = (network.input_shape or (), *network.shapes)
    size = network.dtype.itemsize
    lines = [HEADINGS, "-" * len(HEADINGS), ROW.format("input", _shape(shapes[0]), "", "", "")]
    parameters = flops = memory = 0
    for index, (name, layer) in enumerate(zip(network.names, network.layers, strict=True)):
        owned = layer.parameters()
        count = sum(parameter.value.size for parameter in owned)
        held = sum(parameter.value.nbytes + parameter.grad.nbytes for parameter in owned)
        cost = layer.flops(shapes[index])
        lines.append(
            ROW.format(name, _shape(shapes[index + 1]), f"{count:,}", f"{cost:,}", _bytes(held))
        )
        parameters, flops, memory = parameters + count, flops + cost, memory + held
    lines.append("-" * len(HEADINGS))
    lines.append(ROW.format("total", "", f"{parameters:,}", f"{flops:,}", _bytes(memory)))
    activations = 2 * size * sum(math.prod(shape) for shape in shapes[1:])
    lines.append(f"activations and their gradients: {_bytes(activations)} per sample of a batch")
    return "\n".join(lines)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _bytes(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
