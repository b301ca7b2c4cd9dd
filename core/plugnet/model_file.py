"""A network in one file: its spec, and the values of its parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from plugnet.arrays import Array
from plugnet.errors import FileFormatError, ShapeError
from plugnet.files import documents
from plugnet.network import Network


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write ``network`` to ``path``; see `Network.save`."""
    with network.lock:  # a training in another thread waits with its next commit
        documents.write(path, network.state(), describe(network))


def describe(network: Network) -> dict[str, Any]:
    """Return what stands in a file besides the arrays: the spec, and where generators are."""
    places = {path: rng.bit_generator.state for path, rng in network.generators.items()}
    return {"network": network.spec(), "generators": places}


def load(path: str | os.PathLike[str]) -> Network:
    """Return the network in the file at ``path``; see `Network.load`."""
    arrays, document = documents.read(path)
    return rebuild(arrays, document, path)


def rebuild(
    arrays: Mapping[str, Array], document: Mapping[str, Any], path: str | os.PathLike[str]
) -> Network:
    """Return the network that the contents of a file describe; ``path`` is for the errors.

    Raises:
        FileFormatError: the arrays are not those of the network.
        SpecError: it needs components that are not installed.
    """
    network = Network.from_spec(document.get("network", {}))
    try:
        network.restore({name: arrays[name] for name in network.state()})
        generators = network.generators
        if document["generators"].keys() != generators.keys():
            raise KeyError(f"the generators must be those of {list(generators)}")
        for name, place in document["generators"].items():
            generators[name].bit_generator.state = place
    except (KeyError, ShapeError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileFormatError(
            f"{os.fspath(path)} does not hold the arrays and generators of its own network: "
            f"{error}. Use an intact copy.",
            path=os.fspath(path),
        ) from error
    return network
