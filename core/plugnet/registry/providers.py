"""Who provides what is not installed: our own published plugins, and nobody else's.

The pip name of a stranger's plugin is never guessed: a guess is what typosquatters wait for.
"""

from __future__ import annotations

from typing import Final

PROVIDERS: Final = {
    ("layer", "conv2d"): "plugnet-convolution",
    ("layer", "conv2d_transpose"): "plugnet-convolution",
    ("layer", "max_pool"): "plugnet-pooling",
    ("layer", "average_pool"): "plugnet-pooling",
    ("layer", "global_max_pool"): "plugnet-pooling",
    ("layer", "global_average_pool"): "plugnet-pooling",
    ("layer", "dropout"): "plugnet-dropout",
    ("layer", "batch_norm"): "plugnet-normalization",
    ("layer", "layer_norm"): "plugnet-normalization",
    ("layer", "residual"): "plugnet-composition",
    ("layer", "branches"): "plugnet-composition",
    ("layer", "embedding"): "plugnet-recurrent",
    ("layer", "rnn"): "plugnet-recurrent",
    ("layer", "lstm"): "plugnet-recurrent",
    ("layer", "gru"): "plugnet-recurrent",
}
