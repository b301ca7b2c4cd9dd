"""Checks of layers: several objects of one class, at once or one after the other."""

from __future__ import annotations

from typing import Final

import numpy as np

from plugnet.network import Network
from plugnet.testing.arrays import near, same
from plugnet.testing.bench import Bench, benches, cases
from plugnet.testing.general import pickled
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.subject import Subject

FORWARDS: Final = 3  # in training, before the state is copied


def check_network(subject: Subject) -> None:
    """The layer works in a network, whose spec builds the same network again."""
    if subject.given is not None and len(cases(subject)[0].example.arguments) < len(
        subject.signature
    ):
        raise NotApplicable("not every argument is kept: see arguments_kept")
    for case in cases(subject):
        network = Network([subject.build(case.example)], case.shape)
        again = Network.from_spec(network.spec())
        x = Bench(subject, case).x
        require(
            same(network.forward(x), again.forward(x)),
            "A network that was built from the spec, with the same seed, gives other outputs.",
        )
        inputs = subject.cls.differentiable
        dx = network.backward(np.ones_like(network.forward(x, training=True)), inputs)
        require(
            not inputs or (dx is not None and dx.shape == x.shape),
            "In a network, dx has not the shape of x.",
        )


def check_instances_independent(subject: Subject) -> None:
    """Two layers of the same arguments do not disturb each other, as in one network."""
    for case in cases(subject):
        one, other = Bench(subject, case), Bench(subject, case)
        other.x, other.dy = other.inputs(1), -other.dy
        expected = one.run()
        one.beginning.restore()
        y = one.layer.forward(one.x.copy(), training=True)
        before = np.array(y)
        other.run()
        require(
            same(y, before),
            "The outputs of one layer are changed by another of the same class. Keep buffers in "
            "the object, not on the class or in the module.",
        )
        dx, grads = one.backward(one.dy.copy())
        require(
            near(dx, expected.dx) and all(map(near, grads, expected.grads)),
            "With another layer of the same class at work between its forward and its backward, a "
            "layer gives another gradient than alone. Keep what backward reads in the object, not "
            "on the class or in the module.",
        )
        last = one.layer.backward(one.dy.copy()) if one.layer.differentiable else dx
        before = np.array(last)
        other.run()
        require(
            same(last, before),
            "The dx of one layer is changed by another of the same class. Keep buffers in the "
            "object, not on the class or in the module.",
        )


def check_pickle_in_use(subject: Subject) -> None:
    """A layer that has been trained is the same in another process."""
    for bench in benches(subject):
        bench.run()
        there = pickled(subject, bench.layer).forward(bench.x.copy(), training=False)
        require(
            same(there, bench.layer.forward(bench.x.copy(), training=False)),
            "A pickled copy of a layer in use gives other outputs. Pickling must keep whatever "
            "outputs depend on.",
        )


def check_state_complete(subject: Subject) -> None:
    """A network that takes over another's state gives the same outputs, outside training."""
    for case in cases(subject):
        bench = Bench(subject, case)
        trained, fresh = (
            Network([subject.build(case.example)], case.shape, dtype="float64") for _ in range(2)
        )
        for parameter, moved in zip(trained.parameters(), bench.trained(), strict=True):
            parameter.value[...] = moved.value
        for step in range(FORWARDS):
            trained.forward(bench.inputs(step), training=True)
        fresh.forward(bench.x.copy())  # what is derived from the old values must not outlive them
        fresh.restore(trained.state())
        require(
            near(fresh.forward(bench.x.copy()), trained.forward(bench.x.copy())),
            "After some training, a new network with the state of the first gives other outputs: "
            "something is lost on saving. Whatever outputs depend on must be a Parameter that "
            "parameters() returns (trainable=False if it is no weight), read anew each time.",
        )


CHECKS: Final = (
    check_network,
    check_instances_independent,
    check_pickle_in_use,
    check_state_complete,
)
