"""Checks of layers: several objects of one class, in networks, at once, copied, saved."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.network import Network
from plugnet.testing.cases import harnesses
from plugnet.testing.comparison import allclose, identical
from plugnet.testing.layer_harness import LayerHarness, PassResult
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.state import find_instances
from plugnet.testing.target import for_each

STEPS: Final = 3  # in training, before the state is copied
MANY: Final = 100  # samples, whose buffers a copy must not hold
SLACK: Final = 1000  # bytes by which a copy may grow, as generators' places are numbers


@for_each(harnesses)
def check_network(harness: LayerHarness) -> None:
    """The layer works in a network and in a chain within it, and the spec builds both again."""
    first, x = _network(harness), harness.x
    spec = first.spec()
    others = [
        Network.from_spec(spec),
        Network([("chain", spec["layers"])], spec["input_shape"], spec["dtype"]),
    ]
    for network in others:
        own, given = network.parameters(), first.parameters()
        require(len(own) == len(given), "In a chain, parameters are not found.")
        for parameter, first_one in zip(own.values(), given.values(), strict=True):
            parameter.value = first_one.value
    y = first.forward(x.copy())
    for network in others:
        require(
            allclose(network.forward(x.copy()), y),
            "A network that was built from the spec, with the same values, gives other outputs.",
        )
        dy = np.ones_like(network.forward(x.copy(), training=True))
        network.backprop(dy, inputs=harness.differentiable)


@for_each(harnesses)
def check_instances_independent(one: LayerHarness) -> None:
    """Two layers of the same arguments do not disturb each other, as in one network."""
    other = one.twin()
    other.x, other.dy = other.inputs(1), -other.dy
    expected = one.run()
    y = one.forward_in_place(one.x.copy())
    other.run()
    y_later = np.array(y)
    one.clear()
    dx, grads = one.layer.backprop(one.dy.copy(), one.differentiable), one.grads()
    other.run()
    require(
        PassResult(y_later, expected.dx if dx is None else dx, grads).allclose(expected),
        "With another layer of the same class at work in between, a layer gives other outputs or "
        "another gradient than alone. Keep buffers, and what backward reads, in the object, not on "
        "the class or in the module.",
    )


@for_each(harnesses)
def check_copies(harness: LayerHarness) -> None:
    """A network that was trained with it is the same after a copy, which holds no buffers."""
    network, large = _network(harness), _network(harness)
    copies: dict[str, Callable[[Network], Network]] = {"deep copy": copy.deepcopy}
    if "<locals>" not in harness.target.cls.__qualname__:  # Python cannot pickle these
        copies["pickled copy"] = _pickled
        _train(large, np.resize(harness.x, (MANY, *harness.x.shape[1:])))
        grown = len(pickle.dumps(large)) - len(pickle.dumps(network))
        require(
            grown < SLACK,
            f"A pickled network is {grown} bytes larger after a batch of {MANY} samples. What a "
            "batch needs must not be kept in a constructor argument.",
        )
    _train(network, harness.x)
    for name, make in copies.items():
        other = make(network)
        for training in (False, True):
            require(
                allclose(
                    other.forward(harness.x.copy(), training),
                    network.forward(harness.x.copy(), training),
                ),
                f"A {name} of a network gives other outputs with training={training}. Outputs may "
                "depend on arguments, parameters, and what self.rng draws.",
            )


@for_each(harnesses)
def check_state_complete(harness: LayerHarness) -> None:
    """A network that takes over another's state gives the same outputs, outside training."""
    trained, fresh = _network(harness), _network(harness)
    for parameter, moved in zip(
        trained.parameters().values(), harness.parameters.values(), strict=True
    ):
        parameter.value = moved.value
    for step in range(STEPS):
        _train(trained, harness.inputs(step))
    fresh.forward(harness.x.copy())  # what is derived from the old values must not outlive them
    fresh.restore(trained.state())
    require(
        allclose(fresh.forward(harness.x.copy()), trained.forward(harness.x.copy())),
        "After some training, a new network with the state of the first gives other outputs: "
        "something is lost on saving. Whatever outputs depend on must be a Parameter that "
        "parameters() returns, or a Statistic if it follows the batches, read anew each time.",
    )


@for_each(harnesses)
def check_random(harness: LayerHarness) -> None:
    """All that is drawn comes from ``self.rng``: with that set back, training repeats itself."""
    own = {id(layer.rng): layer.rng for layer in harness.layers.values() if layer.rng is not None}
    found = find_instances(harness.layer, np.random.Generator)
    require(
        all(id(generator) in own for generator in found),
        "It keeps a generator elsewhere than in rng, where networks set it to the place of the "
        "step. Keep the one that initialize is given as self.rng, and draw from that alone.",
    )
    states = [(generator, generator.bit_generator.state) for generator in found]
    first = np.array(harness.layer.forward(harness.x.copy(), True))
    second = np.array(harness.layer.forward(harness.x.copy(), True))
    if not own and identical(first, second):
        raise NotApplicable("it draws nothing")
    for generator, state in states:
        generator.bit_generator.state = state
    require(
        identical(first, harness.layer.forward(harness.x.copy(), True)),
        "With the generator in rng set back, a training forward gives other outputs. Draw from "
        "self.rng alone, and as much each time.",
    )


def _network(harness: LayerHarness) -> Network:
    return Network(
        [harness.target.build(harness.case.example)], harness.case.shape, dtype="float64"
    )


def _pickled(network: Network) -> Network:
    copied: Network = pickle.loads(pickle.dumps(network))
    return copied


def _train(network: Network, x: Array) -> None:
    """Do what a step does to statistics and buffers."""
    network.place(0)
    y = network.forward(x.copy(), training=True)
    network.backprop(np.ones_like(y))
    for statistic in network.parameters().statistics:
        statistic.commit()
