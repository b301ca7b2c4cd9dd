"""Synonyms: what other libraries and books call our components. They are only suggested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: For each kind, what to write for which other names.
SYNONYMS: Final[Mapping[str, Mapping[str | tuple[Any, ...], str]]] = {
    "layer": {
        "fc": "dense linear affine fully_connected inner_product",
        "conv2d": "conv convolution convolutional convolution2d conv2d_layer",
        "conv2d_transpose": "deconv deconvolution deconv2d conv_transpose conv_transpose2d "
        "transposed_convolution",
        "max_pool": "pool pooling max_pooling max_pool2d max_pooling2d",
        "average_pool": "avg_pool avg_pool2d average_pooling average_pooling2d mean_pool",
        "global_max_pool": "global_max_pooling global_max_pooling2d adaptive_max_pool2d",
        "global_average_pool": "gap global_avg_pool global_pool global_average_pooling "
        "global_average_pooling2d adaptive_avg_pool2d",
        "dropout": "drop drop_out",
        "batch_norm": "bn batchnorm1d batchnorm2d batch_normalization",
        "layer_norm": "ln layer_normalization",
        "standardize": "standard_scaler standardization z_score",
        "rescale": "rescaling scale scaler rescaler",
        "residual": "skip skip_connection residual_block resblock",
        "branches": "concat concatenate inception",
        "chain": "sequential",
        "embedding": "embed lookup_table",
        "rnn": "simple_rnn elman vanilla_rnn",
        "lstm": "long_short_term_memory",
        "gru": "gated_recurrent_unit",
        "reshape": "view unflatten",
        "flatten": "ravel flat",
    },
    "activation": {
        "identity": "linear none no_activation",
        "sigmoid": "logistic logistic_sigmoid expit",
        "tanh": "hyperbolic_tangent tangens_hyperbolicus",
        "relu": "rectifier rectified_linear rectified_linear_unit ramp",
        "leaky_relu": "lrelu leaky_rectifier",
        "swish": "silu",
        "elu": "exponential_linear_unit",
        "softplus": "smooth_relu",
    },
    "loss": {
        "softmax_with_loss": "softmax cross_entropy categorical_crossentropy nll nll_loss logistic "
        "softmax_cross_entropy softmax_cross_entropy_with_logits sparse_categorical_crossentropy "
        "sparse_softmax_cross_entropy cross_entropy_with_logits negative_log_likelihood log_loss "
        "logloss multinomial_logistic multinomial",
        "sigmoid_cross_entropy": "bce binary_crossentropy sigmoid sigmoid_cross_entropy_loss "
        "bce_with_logits binary_cross_entropy_with_logits sigmoid_cross_entropy_with_logits "
        "binary_logistic",
        "least_square_error": "mse l2 l2_loss mean_squared_error squared_error square_error "
        "euclidean euclidean_loss least_squares lse quadratic sum_squared_error sse rmse",
        "hinge": "svm max_margin margin multi_margin multiclass_hinge",
        "huber": "smooth_l1 smooth_l1_loss",
    },
    "initializer": {
        "glorot_uniform": "glorot xavier_uniform",
        "glorot_normal": "xavier_normal",
        "he_normal": "he kaiming kaiming_normal msra variance_scaling",
        "he_uniform": "kaiming_uniform",
        "lecun_normal": "lecun",
        "gaussian": "normal random_normal randn truncated_normal random",
        "uniform": "random_uniform rand",
        "orthogonal": "ortho",
        ("constant", 0.0): "zeros zero",
        ("constant", 1.0): "ones one",
    },
    "lr_policy": {
        "fixed": "constant const",
        "exp": "exponential exponential_decay exponential_lr",
        "step": "step_decay step_lr staircase",
        "multistep": "multi_step_lr piecewise piecewise_constant piecewise_constant_decay",
        "poly": "polynomial polynomial_decay linear linear_decay polynomial_lr",
        "inv": "inverse inverse_time inverse_time_decay inv_scaling",
        "cosine": "cosine_decay cosine_annealing cosine_annealing_lr",
        "warmup": "linear_warmup warm_up",
    },
    "optimizer": {
        "sgd": "gradient_descent gd stochastic_gradient_descent",
        ("sgd", 0.9): "momentum heavy_ball sgd_momentum sgd_with_momentum momentum_sgd",
        "nesterov": "nag nesterov_momentum nesterov_accelerated_gradient",
        "adamw": "adam_w adam_decoupled",
        "rmsprop": "rms",
    },
    "regularizer": {
        "l2": "weight_decay ridge tikhonov",
        "l1": "lasso",
        "elastic": "elastic_net l1_l2 l1l2",
    },
    "dataset": {
        "csv": "table tsv",
        "mat": "matlab",
        "npz": "numpy",
        "idx": "ubyte",
        "digits": "load_digits",
    },
    "hook": {
        "progress": "progress_bar progbar tqdm",
        "csv_log": "csv_logger logger",
        "loss_curve": "learning_curve plot_loss",
        "confusion_matrix": "confusion",
        "mistakes": "misclassified",
        "early_stop": "early_stopping",
        "plateau": "reduce_lr_on_plateau reduce_on_plateau lr_on_plateau",
        "best_model": "save_best",
        "checkpoint": "model_checkpoint snapshot",
        "clip_gradients": "clip_grad_norm gradient_clipping clip_norm",
    },
    "metric": {
        "accuracy": "acc recognition_rate categorical_accuracy binary_accuracy accuracy_score",
        "top_k": "top5 top_5 top_k_accuracy top_k_categorical_accuracy",
        "precision": "ppv positive_predictive_value precision_score",
        "recall": "sensitivity tpr true_positive_rate hit_rate recall_score",
        "f1": "f1_score f_score f_measure fscore",
        "rmse": "root_mean_squared_error mse mean_squared_error",
        "mae": "mean_absolute_error l1 absolute_error",
        "r2": "r2_score r_squared coefficient_of_determination",
    },
}


def synonyms(kind: str | None, name: str) -> dict[tuple[str, str], str | tuple[Any, ...]]:
    """Return what to write for what others call ``name``, by kind and name of the component.

    Case, dashes and underscores do not matter, nor does the word for the kind at the end.

    Args:
        kind: the kind to look at; None: all.
        name: the word of others.

    >>> synonyms("loss", "CrossEntropyLoss")
    {('loss', 'softmax_with_loss'): 'softmax_with_loss'}
    """
    return {
        (each, written if isinstance(written, str) else written[0]): written
        for each in (SYNONYMS if kind is None else (kind,))
        for written, others in SYNONYMS.get(each, {}).items()
        if _fold(name, each) in {_fold(other, each) for other in others.split()}
    }


def _fold(name: str, kind: str) -> str:
    folded = name.casefold().replace("-", "").replace("_", "")
    return folded.removesuffix(kind.replace("_", ""))
