"""NetworkRegressor: a network that gives real values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from plugnet.arrays import Array
from plugnet.data.answers import scaling
from plugnet.schema import Schema
from plugnet_sklearn.estimator import NETWORK, NetworkEstimator, as_flag
from plugnet_sklearn.messages import warn_if_flat


class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """A regressor in the way of scikit-learn's MLPRegressor, of plugnet's components.

    It may have several targets. Each component is a name, a tuple of a name and its arguments, a
    spec or an object. Arguments of a component are parameters, too: ``optimizer__beta1``.

    >>> import numpy as np
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> y = 1000 + 100 * np.sin(x[:, 0])
    >>> model = NetworkRegressor((50,), "tanh", policy=("fixed", 0.02), random_state=0).fit(x, y)
    >>> bool(model.score(x, y) > 0.95)
    True
    """

    _metric = "r2"
    _fixed = (*NETWORK, "scale_targets")

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: Any = "relu",
        *,
        layers: Sequence[Any] | None = None,
        initializer: Any = "auto",
        loss: Any = "least_square_error",
        optimizer: Any = "adam",
        policy: Any = ("fixed", 0.001),
        regularizer: Any = ("l2", 0.0001),
        scale_targets: bool = True,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        tol: float = 0.0001,
        n_iter_no_change: float = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        hooks: Sequence[Any] = (),
        threads: int | None = 1,
        dtype: str = "float64",
        verbose: bool = False,
    ) -> None:
        """Keep the parameters, which `fit` checks; most are those of `NetworkClassifier`.

        Args:
            hidden_layer_sizes: as there.
            activation: as there.
            layers: as there; the output layer has one output for each target.
            initializer: as there.
            loss: what is minimised, of the scaled targets.
            optimizer: as there.
            policy: as there.
            regularizer: as there.
            scale_targets: whether the network learns each target in units of its own mean and
                standard deviation, and predictions are turned back. Without it a target in
                thousands needs thousands of steps to be reached at all. They are those of the
                samples of the first `fit` or `partial_fit`; that warns if these are almost equal.
            batch_size: as there.
            max_iter: as there.
            tol: as there; the validation score is R2.
            n_iter_no_change: as there.
            early_stopping: as there.
            validation_fraction: as there, but at random.
            shuffle: as there.
            random_state: as there.
            warm_start: as there.
            hooks: as there.
            threads: as there.
            dtype: as there. A value is asked for to more digits than float32 has; where they don't
                matter, it takes half the time.
            verbose: as there.
        """
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.layers = layers
        self.initializer = initializer
        self.loss = loss
        self.optimizer = optimizer
        self.policy = policy
        self.regularizer = regularizer
        self.scale_targets = scale_targets
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.hooks = hooks
        self.threads = threads
        self.dtype = dtype
        self.verbose = verbose

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train for one epoch on some of the samples, going on where the last call ended.

        The first call fixes the unit of the targets if ``scale_targets``; it warns if its own are
        almost equal. Which parameters may change later see at `NetworkClassifier.partial_fit`.

        Args:
            X: as `fit`.
            y: as `fit`.
            sample_weight: as `fit`.

        Returns:
            The estimator.

        Raises:
            ValueError: as `fit`; or a parameter has changed that may not.
        """
        self._fit(X, y, sample_weight, is_partial=True)
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the value of each sample, ``(N,)``, or of each target, ``(N, targets)``.

        They are float64 if they were turned back by ``scale_targets``, whose offset may need more
        digits than ``dtype`` has; else of that type.
        """
        outputs = self._outputs(X)
        values = self.model_.values(outputs)
        return values[:, 0] if values.shape[1] == 1 else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _rules_of_y(self) -> dict[str, bool]:
        return {"multi_output": True, "y_numeric": True}

    def _learn(
        self, y: Array, weights: Array | None, classes: Any, is_partial: bool
    ) -> tuple[Schema, int]:
        rows = y.reshape(len(y), -1).astype(np.float64)
        if not as_flag("scale_targets", self.scale_targets):
            return Schema("real"), rows.shape[1]
        offsets, scales = scaling(rows, weights)
        if is_partial:
            warn_if_flat(rows if weights is None else rows[weights > 0])
        return Schema("real", offsets=offsets, scales=scales), rows.shape[1]

    def _answers(self, y: Array, is_first: bool, is_partial: bool) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if not is_first and outputs != self.n_outputs_:
            raise ValueError(
                f"y must have {self.n_outputs_} targets, as in the first fit, but it has {outputs}."
            )
        return y.astype(np.float64)

    def _class_weight(self, is_partial: bool) -> None:
        return None
