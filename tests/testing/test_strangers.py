"""Layers, activations and losses that authors have written: the kit must judge them rightly."""

from __future__ import annotations

import pytest
from tests.checks import failures, names_faults
from tests.testing.strangers import wrong_activations, wrong_layers, wrong_losses
from tests.testing.strangers.common import Stranger
from tests.testing.strangers.right_activations import RIGHT_ACTIVATIONS
from tests.testing.strangers.right_layers import RIGHT_LAYERS
from tests.testing.strangers.right_losses import RIGHT_LOSSES

#: Right ones that the kit still refuses: surrogate gradients, losses that are truly infinite for
#: large scores, and a loss of real targets only.
REFUSED = {"GradientReversal", "Spike", "Poisson", "LogSquares", "MeanAndSpread"}

RIGHT = [*RIGHT_LAYERS, *RIGHT_ACTIVATIONS, *RIGHT_LOSSES]

test_the_fault_is_named = names_faults(
    {
        wrong_layers.DenseBlocks: {"many_samples"},
        wrong_layers.NarrowIndices: {"many_features"},
        wrong_layers.FirstBatchForever: {"prepare"},
        wrong_layers.MemoById: {"second_batch"},
        wrong_layers.NormalizedZero: {"zeros"},
        wrong_layers.AdaptsToLast: {"adapt"},
        wrong_layers.AdaptsForever: {"adapt"},
        wrong_layers.AdaptsInPlace: {"adapt"},
        wrong_layers.FillsNothing: {"missing"},
        wrong_layers.ThawForgotten: {"frozen"},
        wrong_layers.SilencesNumPy: {"global_state"},
        wrong_layers.TiedByView: {"parameters_apart"},
        wrong_layers.ShapeRemembered: {"output_shape"},
        wrong_activations.MemoById: {"same_arrays"},
        wrong_activations.SharedDerivative: {"instances_independent"},
        wrong_activations.SoftplusDead: {"float32_agrees"},
        wrong_activations.Float32Slope: {"arguments_kept"},
        wrong_activations.SilencesNumPy: {"global_state"},
        wrong_losses.Blocks: {"sizes"},
        wrong_losses.NarrowIds: {"sizes"},
        wrong_losses.MemoById: {"same_arrays"},
        wrong_losses.DividedEachTime: {"same_arrays"},
        wrong_losses.SoftmaxOfOne: {"threshold"},
        wrong_losses.ScaledThreshold: {"threshold"},
        wrong_losses.ProbabilitiesInPlace: {"inputs_unchanged"},
        wrong_losses.UnsignedIds: {"class_ids"},
    }
)


@pytest.mark.parametrize(
    "stranger", [one for one in RIGHT if one[0] not in REFUSED], ids=lambda one: one[0]
)
def test_a_right_one_passes(stranger: Stranger) -> None:
    _, given = stranger
    assert failures(given if isinstance(given, type) else given()) == {}
