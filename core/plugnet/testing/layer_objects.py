"""Checks of layers: in networks, beside other instances, copied and saved."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.network import Network
from plugnet.testing.cases import harnesses
from plugnet.testing.comparison import allclose, identical
from plugnet.testing.layer_harness import LayerHarness, PassResult
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.snapshot import find_instances
from plugnet.testing.target import for_each

STEPS: Final = 3  # of training before the state is copied
MANY: Final = 100  # samples; a copy must not hold buffers for them
SLACK: Final = 1000  # bytes by which a copy may grow: the state of generators varies in length


@for_each(harnesses)
def check_network(harness: LayerHarness) -> None:
    """The layer works in a network and in a nested chain, and both can be rebuilt from the spec."""
    first, x = _network(harness), harness.x
    spec = first.spec()
    others = [
        Network.from_spec(spec),
        Network([("chain", spec["layers"])], spec["input_shape"], spec["dtype"]),
    ]
    for network in others:
        own, given = network.parameters(), first.parameters()
        require(len(own) == len(given), "Some of its parameters are missing in a chain.")
        for parameter, first_one in zip(own.values(), given.values(), strict=True):
            parameter.value = first_one.value
    y = first.forward(x.copy())
    for network in others:
        require(
            allclose(network.forward(x.copy()), y),
            "A network built from the spec, with the same values, gives different outputs.",
        )
        dy = np.ones_like(network.forward(x.copy(), training=True))
        network.backprop(dy, inputs=harness.differentiable)


@for_each(harnesses)
def check_instances_independent(one: LayerHarness) -> None:
    """Two layers with the same arguments do not affect each other."""
    other = one.twin()
    other.x, other.dy = other.inputs(1), -other.dy
    expected = one.run()
    y = one.forward_in_place(one.x.copy())
    other.run()
    y_later = np.array(y)
    one.clear_gradients()
    dx, grads = one.backprop(), one.grads()
    other.run()
    require(
        PassResult(y_later, expected.dx if dx is None else dx, grads).allclose(expected),
        "With another layer of the same class in use, a layer gives different outputs or "
        "gradients. Keep buffers, and what backward reads, in the object, not in the class or the "
        "module.",
    )


@for_each(harnesses)
def check_copies(harness: LayerHarness) -> None:
    """A copy of a trained network gives the same outputs, and holds no buffers."""
    copies: dict[str, Callable[[Network], Any]] = {"deep copy": copy.deepcopy}
    if "<locals>" not in harness.target.cls.__qualname__:  # Python cannot pickle these
        copies["pickled copy"] = lambda network: pickle.loads(pickle.dumps(network))
        _require_no_buffers(harness)
    network = _network(harness)
    _train(network, harness.x)
    for name, make in copies.items():
        other = make(network)
        for training in (False, True):
            found, expected = (n.forward(harness.x.copy(), training) for n in (other, network))
            require(
                allclose(found, expected),
                f"A {name} of a network gives different outputs with training={training}. Outputs "
                "may depend only on arguments, parameters and what self.rng draws.",
            )


def _require_no_buffers(harness: LayerHarness) -> None:
    network = _network(harness)
    before = len(pickle.dumps(network))
    _train(network, np.resize(harness.x, (MANY, *harness.x.shape[1:])))
    grown = len(pickle.dumps(network)) - before
    require(
        grown < SLACK,
        f"A pickled network is {grown} bytes larger after a batch of {MANY} samples. What a batch "
        "needs must not be kept in a constructor argument.",
    )


@for_each(harnesses)
def check_state_complete(harness: LayerHarness) -> None:
    """Outside training, a network that restores another's state gives the same outputs."""
    trained, fresh = _network(harness), _network(harness)
    for parameter, moved in zip(
        trained.parameters().values(), harness.parameters.values(), strict=True
    ):
        parameter.value = moved.value
    for step in range(STEPS):
        _train(trained, harness.inputs(step))
    fresh.forward(harness.x.copy())  # restoring must drop what this computes from the old values
    fresh.restore(trained.state())
    require(
        allclose(fresh.forward(harness.x.copy()), trained.forward(harness.x.copy())),
        "After some training, a new network with the state of the first gives different outputs, "
        "so something is not saved. Keep whatever outputs depend on in a Parameter that "
        "parameters() returns, or a Statistic if it follows the batches, and read it in every "
        "pass.",
    )


@for_each(harnesses)
def check_random(harness: LayerHarness) -> None:
    """All random numbers come from ``self.rng``: resetting it repeats a training forward."""
    layer, x = harness.layer, harness.x
    own = {id(part.rng) for part in harness.layers.values() if part.rng is not None}
    generators = find_instances(layer, np.random.Generator)
    require(
        own.issuperset(map(id, generators)),
        "It keeps a generator outside rng, where networks cannot set its state for each step. "
        "Keep the one passed to initialize as self.rng, and draw from that alone.",
    )
    states = [generator.bit_generator.state for generator in generators]
    first, second = (np.array(layer.forward(x.copy(), True)) for _ in range(2))
    if not own and identical(first, second):
        raise NotApplicable("it draws no random numbers")
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state
    require(
        identical(first, layer.forward(x.copy(), True)),
        "After self.rng is reset, a training forward gives different outputs. Draw from self.rng "
        "alone, and the same amount each time.",
    )


def _network(harness: LayerHarness) -> Network:
    return Network(
        [harness.target.build(harness.case.example)], harness.case.shape, dtype="float64"
    )


def _train(network: Network, x: Array) -> None:
    """Update statistics and buffers as a training step does."""
    network.place(0)
    y = network.forward(x.copy(), training=True)
    network.backprop(np.ones_like(y))
    for statistic in network.parameters().statistics:
        statistic.commit()
