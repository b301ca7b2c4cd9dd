"""Recurrent layers in branches: sequences read from both ends."""

from pathlib import Path

import numpy as np
import pytest

from plugnet import Network, Trainer

STEPS, INPUTS, OUTPUTS = 5, 3, 4
BOTH = ("branches", [("gru", OUTPUTS), ("gru", OUTPUTS, {"reverse": True})])


def test_both_directions_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    network = Network([BOTH], (STEPS, INPUTS), "float64")
    other = torch.nn.GRU(INPUTS, OUTPUTS, batch_first=True, bidirectional=True, dtype=torch.float64)
    own = network.parameters()
    for branch, end in ((1, "l0"), (2, "l0_reverse")):
        path = f"branches1.branch{branch}.gru1"
        with torch.no_grad():
            for name, theirs in (("weight", "weight_ih"), ("recurrent_weight", "weight_hh")):
                tensor = getattr(other, f"{theirs}_{end}")
                tensor.copy_(torch.tensor(own[f"{path}.{name}"].value.T.copy()))
            getattr(other, f"bias_ih_{end}").zero_()
            getattr(other, f"bias_hh_{end}").zero_()
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(6, STEPS, INPUTS)), rng.normal(size=(6, 2 * OUTPUTS))
    samples = torch.tensor(x, requires_grad=True)
    _, last = other(samples)  # (2, N, outputs): the last state of each direction
    expected = torch.cat([last[0], last[1]], dim=1)
    expected.backward(torch.tensor(dy))

    np.testing.assert_allclose(network.forward(x, training=True), expected.detach(), rtol=1e-12)
    dx = network.backprop(dy, inputs=True)
    assert dx is not None
    np.testing.assert_allclose(dx, samples.grad, rtol=1e-10, atol=1e-13)
    grad = own["branches1.branch2.gru1.recurrent_weight"].grad
    np.testing.assert_allclose(grad.T, other.weight_hh_l0_reverse.grad, rtol=1e-10, atol=1e-13)


def test_it_learns_what_only_one_end_says_and_can_be_saved(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 20, INPUTS))
    y = (x[:, 0, 0] > 0).astype(int)  # of the first step, the last in reverse
    network = Network([BOTH, ("fc", 2 * OUTPUTS, 2)])
    trainer = Trainer(network, optimizer="adam", policy=("fixed", 0.02), batch_size=50)
    trainer.fit(x[:300], y[:300], iterations=300)
    assert trainer.evaluate(x[300:], y[300:])["accuracy"] > 0.9
    network.save(tmp_path / "both.safetensors")
    again = Network.load(tmp_path / "both.safetensors")
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
