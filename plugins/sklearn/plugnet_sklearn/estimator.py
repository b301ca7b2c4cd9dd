"""What the classifier and the regressor share: parameters, training, copies."""

from __future__ import annotations

import copy
import math
import warnings
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from plugnet import Model, Network, Trainer, registry
from plugnet.arguments import flag, integer, number
from plugnet.arrays import Array
from plugnet.data.splits import hold_out
from plugnet.errors import ArgumentError, DataWarning, TrainingWarning
from plugnet.interfaces import Batch
from plugnet.schema import Schema
from plugnet.training.threads import limited
from plugnet_sklearn.carried import carried
from plugnet_sklearn.epochs import Epochs
from plugnet_sklearn.messages import warn_not_converged
from plugnet_sklearn.nested import KINDS, arguments_of, changed
from plugnet_sklearn.numbers import check_outputs, check_range, narrowed
from plugnet_sklearn.taken import Taken

#: Activations for whose kink at 0 He et al. (2015) derive the size of the first weights.
RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "swish", "softplus")

#: Parameters that make the network, and those that `partial_fit` takes at its first call only.
NETWORK = ("hidden_layer_sizes", "activation", "layers", "initializer", "dtype")
FIRST = ("loss", "optimizer", "hooks", "verbose")
#: Parameters that `partial_fit` takes anew at each call.
RENEWED = ("policy", "regularizer", "class_weight", "shuffle", "threads")

#: Rows of a batch if the user does not say; as in MLPClassifier.
BATCH = 200

#: Numbers of such a batch, which has fewer rows if these are very wide: it is dense in memory.
BATCH_NUMBERS = 1 << 26


def as_flag(argument: str, value: Any) -> bool:
    """Return a flag, which may also be one of NumPy's, as those of a grid in an array are.

    Raises:
        ArgumentError: it is neither.
    """
    return flag(argument, bool(value) if isinstance(value, np.bool_) else value)


def _several(argument: str, value: Any) -> list[Any]:
    """Return the items of a parameter; of a name alone, that name.

    Raises:
        ArgumentError: it has none.
    """
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise ArgumentError(
            f"{argument} must be a list, but it is {value!r}. For none give [].",
            argument=argument,
            value=value,
        )
    return list(value)


class NetworkEstimator(BaseEstimator, ABC):
    """A network that is trained by `fit` as scikit-learn's estimators are.

    Attributes:
        model_: the trained `plugnet.Model`, which can be saved to a file.
        trainer_: the `plugnet.Trainer`, which `partial_fit` goes on with.
        n_features_in_: how many features the samples have.
        feature_names_in_: their names, if they came from a data frame with names.
        n_outputs_: how many outputs the network has.
        n_iter_: the epochs of the last `fit`.
        loss_: the mean loss of the last epoch.
        loss_curve_: the mean loss of each epoch since the first `fit`, without regularization.
        best_loss_: the least of them; None with early stopping.
        validation_scores_: with early stopping, the score after each epoch; else None.
        best_validation_score_: the best of them, or None.
    """

    trainer_: Trainer
    model_: Model

    #: The validation metric that early stopping follows, which is what `score` returns.
    _metric: str

    #: Parameters that cannot change while training goes on with a network.
    _fixed: tuple[str, ...] = NETWORK

    _taken: Taken

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train, from the beginning unless ``warm_start``.

        Args:
            X: ``(N, features)`` array, data frame or sparse matrix.
            y: ``(N,)`` labels or targets.
            sample_weight: ``(N,)``, for how many samples each counts; None: for one.

        Returns:
            The estimator.

        Raises:
            ValueError: the data or a parameter break a rule.
            DivergenceError: the loss or the weights are no longer finite.
        """
        self._fit(X, y, sample_weight)
        return self

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and arguments of components by ``optimizer__beta1`` and the like.

        A name, a tuple or a spec gets the new arguments; an object is replaced by another.

        Raises:
            ValueError: there is no such parameter, or the component has no such argument.
        """
        nested: dict[str, dict[str, Any]] = defaultdict(dict)
        plain = {}
        for name, value in params.items():
            parameter, _, argument = name.partition("__")
            if argument and parameter in KINDS:
                nested[parameter][argument] = value
            else:
                plain[name] = value
        super().set_params(**plain)
        for parameter, changes in nested.items():
            setattr(self, parameter, changed(parameter, getattr(self, parameter), changes))
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with ``deep`` also the arguments of the components."""
        params: dict[str, Any] = super().get_params(deep=False)
        nested = {
            f"{parameter}__{argument}": value
            for parameter in KINDS
            if deep
            for argument, value in arguments_of(parameter, params[parameter]).items()
        }
        return params | nested

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self._allows_nan()
        return tags

    # Copies --------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Return the state, before it the classes without which it could not be loaded."""
        state: dict[str, Any] = super().__getstate__()
        own = carried(self.get_params(deep=False))
        return state if own is None else {"_carried": own, **state}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__({key: value for key, value in state.items() if key != "_carried"})

    # What the two kinds say ----------------------------------------------------------------------

    @abstractmethod
    def _learn(
        self, y: Array, weights: Array | None, classes: Any, is_partial: bool
    ) -> tuple[Schema, int]:
        """Return what the answers mean, and how many outputs the network needs for them."""

    @abstractmethod
    def _answers(self, y: Array, is_first: bool, is_partial: bool) -> Array:
        """Return labels or targets as the schema has them.

        Raises:
            ValueError: they do not fit those of the first `fit`.
        """

    @abstractmethod
    def _class_weight(self, is_partial: bool) -> Any:
        """Return the argument ``class_weight`` of the trainer."""

    # Training ------------------------------------------------------------------------------------

    def _fit(
        self, x: Any, y: Any, sample_weight: Any, is_partial: bool = False, classes: Any = None
    ) -> None:
        is_first = not (hasattr(self, "model_") and (is_partial or self.warm_start))
        self._check_parameters(is_partial)
        if not is_first:
            self._check_changes(is_partial)
        x, y = self._checked(x, y, is_first)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, x)
        if is_first:
            self._forget()
            schema, outputs = self._learn(y, weights, classes, is_partial)
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            network = self._network(outputs, seed)
        else:
            schema, network = self.trainer_.model.schema, self.trainer_.network
            seed = self.trainer_.seed
        answers = self._answers(y, is_first, is_partial)
        if is_partial and not is_first:
            trainer = self._renewed()
        else:
            trainer = self._trainer(network, seed, self._class_weight(is_partial))
            trainer.schema = replace(schema, columns=self._columns())
        self._taken = self._now()
        samples = Batch(narrowed(x, network.sample_dtype), answers, weights)
        if not is_partial:
            if not self._run(trainer, samples, self.max_iter):
                warn_not_converged(self.max_iter)
            return
        with warnings.catch_warnings():  # a part of the samples may well be of one class
            warnings.filterwarnings("ignore", "All .* of class", DataWarning)
            # Nor does the loss of one part tell anything about that of the first.
            warnings.filterwarnings("ignore", "The network has learnt nothing", TrainingWarning)
            self._run(trainer, samples, 1)

    def _now(self) -> Taken:
        """Return what the parameters are now which may not change, or are looked at anew."""
        parameters = self.get_params(deep=False)
        names = (*self._fixed, *FIRST, *RENEWED)
        return Taken(parameters, [name for name in names if name in parameters])

    def _check_changes(self, is_partial: bool) -> None:
        """Check that no parameter has changed that could not count any more.

        Raises:
            ArgumentError: one has.
        """
        unused = () if self.layers is None else ("hidden_layer_sizes", "activation")
        names = [name for name in self._fixed if name not in unused]
        parameters = self.get_params(deep=False)
        if is_partial:
            goes_on = "partial_fit goes on with the network and the optimizer of the last call"
            advice = "begin with a new estimator: sklearn.base.clone(estimator)"
            self._taken.check(parameters, [*names, *FIRST], goes_on, advice)
        else:
            goes_on = "warm_start=True goes on with the network of the last call"
            self._taken.check(parameters, names, goes_on, "set warm_start=False")

    def _renewed(self) -> Trainer:
        """Return the trainer, with what has changed since the last call."""
        trainer, class_weight = self.trainer_, self._class_weight(is_partial=True)
        changed = self._taken.changed(self.get_params(deep=False))
        if renewed := [name for name in changed if name in RENEWED]:
            new = self._trainer(trainer.network, trainer.seed, class_weight)
            for name in renewed:
                setattr(trainer, name, getattr(new, name))
        return trainer

    def _check_parameters(self, is_partial: bool) -> None:
        """Check what plugnet does not check anyway.

        Raises:
            ValueError: a parameter is out of its range.
        """
        integer("max_iter", self.max_iter, at_least=1)
        number("tol", self.tol, at_least=0)
        if self.n_iter_no_change != math.inf:
            integer("n_iter_no_change", self.n_iter_no_change, at_least=1)
        if self.batch_size != "auto":
            integer("batch_size", self.batch_size, at_least=1)
        for name in ("early_stopping", "warm_start", "shuffle"):
            as_flag(name, getattr(self, name))
        number("validation_fraction", self.validation_fraction, above=0, below=1)
        if is_partial and self.early_stopping:
            raise ValueError(
                "partial_fit sees a part of the samples at a time, so it can't set some aside: "
                "early_stopping must be False. Use fit."
            )

    def _checked(self, x: Any, y: Any, is_first: bool) -> tuple[Any, Array]:
        """Return samples and labels as arrays, or samples as a sparse matrix."""
        x, y = validate_data(
            self,
            x,
            y,
            reset=is_first,
            accept_sparse="csr",
            ensure_all_finite="allow-nan" if self._allows_nan() else True,
            **self._rules_of_y(),
        )
        return x, y

    @abstractmethod
    def _rules_of_y(self) -> dict[str, bool]:
        """Return the arguments of `check_X_y` that say what labels must be."""

    def _allows_nan(self) -> bool:
        """Tell whether the first layer fills missing values, as ``standardize`` can."""
        if not isinstance(self.layers, list | tuple) or not self.layers:
            return False
        try:
            return registry.layers.resolve(self.layers[0]).fills_missing
        except Exception:  # `fit` says what is wrong with it
            return False

    def _columns(self) -> tuple[str, ...]:
        """Return the names of the features, so that the model finds them by name; () for none."""
        names = tuple(map(str, getattr(self, "feature_names_in_", ())))
        return names if len(set(names)) == len(names) else ()

    def _network(self, outputs: int, seed: int) -> Network:
        """Return a new network: the hidden layers, and the output layer behind them."""
        if self.layers is None:
            sizes = self.hidden_layer_sizes
            hidden: list[Any] = []
            for size in sizes if isinstance(sizes, Iterable) else (sizes,):
                size = integer("hidden_layer_sizes", size, at_least=1)
                initializer = self._initializer()
                hidden += [("fc", {"outputs": size, "initializer": initializer}), self.activation]
        else:
            hidden = _several("layers", self.layers)
        first = "glorot_uniform" if self._is_auto() else self.initializer
        # Layers that are objects can be in one network only, and a parameter is never changed.
        layers = [copy.deepcopy(layer) for layer in hidden]
        output = ("fc", {"outputs": outputs, "initializer": first})
        return Network([*layers, output], dtype=self.dtype, seed=seed)

    def _is_auto(self) -> bool:
        return isinstance(self.initializer, str) and self.initializer == "auto"

    def _initializer(self) -> Any:
        """Return what draws the hidden layers' weights."""
        if not self._is_auto():
            return self.initializer
        name = registry.name_of(registry.activations.resolve(self.activation))
        return "he_uniform" if name in RECTIFIERS else "glorot_uniform"

    def _trainer(self, network: Network, seed: int, class_weight: Any) -> Trainer:
        components = {
            name: copy.deepcopy(getattr(self, name))
            for name in ("loss", "optimizer", "policy", "regularizer")
        }
        hooks = _several("hooks", self.hooks)
        return Trainer(
            network,
            **components,
            seed=seed,
            shuffle=bool(self.shuffle),
            hooks=[*hooks, "progress"] if self.verbose else hooks,
            threads=self.threads,
            class_weight=class_weight,
        )

    def _run(self, trainer: Trainer, samples: Batch, epochs: int) -> bool:
        """Train, and keep what came of it; return whether it has ended before all epochs were done.

        Args:
            trainer: what trains.
            samples: all of them, checked.
            epochs: at most how many.
        """
        validation = None
        if self.early_stopping:
            samples, validation = self._held_out(samples, trainer.seed)
        rows, features = samples.x.shape
        most: Any = self.batch_size
        if most == "auto":
            most = max(min(BATCH, BATCH_NUMBERS // features), 1)
        steps = -(-rows // min(most, rows))
        trainer.batch_size = -(-rows // steps)
        trainer.position = -(-trainer.position // rows) * rows  # another order for each pass
        patience = math.inf if self.early_stopping else self.n_iter_no_change
        curve, users = Epochs(steps, self.tol, patience), trainer.hooks
        trainer.hooks = [curve, *self._early_stop(epochs), *users]
        try:
            trainer.fit(
                *samples[:2],
                weights=samples.weights,
                iterations=steps * epochs,
                evaluate_every=steps,
                validation=validation,
            )
        finally:  # what was learnt before Ctrl-C is kept
            trainer.hooks = users
            trainer.forget_data()
            if trainer.iteration:
                self._keep(trainer, curve)
        return curve.has_converged or trainer.history.stopped is not None

    def _early_stop(self, epochs: int) -> list[Any]:
        """Return the hook of early stopping, or none."""
        if not self.early_stopping:
            return []
        patience = epochs + 1 if self.n_iter_no_change == math.inf else self.n_iter_no_change
        arguments = {"patience": patience, "minimum_change": self.tol, "metric": self._metric}
        return [registry.hooks.build("early_stop", **arguments)]

    def _held_out(self, samples: Batch, seed: int) -> tuple[Batch, Batch]:
        """Return the samples to train on and those to validate on, with a share of each class.

        Raises:
            ValueError: too few are left to validate on.
        """
        x, y, weights = samples
        every = np.arange(x.shape[0])
        counting = every if weights is None else every[weights > 0]  # no other can be judged
        held = counting[hold_out(np.asarray(y[counting]), self.validation_fraction, seed)[1]]
        rows = np.setdiff1d(every, held)
        if len(held) < 2:
            raise ValueError(
                f"Early stopping needs at least 2 samples to validate on, but validation_fraction="
                f"{self.validation_fraction} of {len(counting)}"
                f"{'' if weights is None else ' with a weight above 0'} leaves {len(held)}. Raise "
                "validation_fraction, or train on more samples."
            )
        return (
            Batch(x[rows], y[rows], None if weights is None else weights[rows]),
            Batch(x[held], y[held], None if weights is None else weights[held]),
        )

    def _forget(self) -> None:
        """Begin anew: what an earlier `fit` has learnt is gone, even if this one fails."""
        for name in ("trainer_", "model_"):
            self.__dict__.pop(name, None)
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None

    def _keep(self, trainer: Trainer, curve: Epochs) -> None:
        self.trainer_, self.model_ = trainer, trainer.model
        self.n_outputs_ = (trainer.network.output_shape or (0,))[0]
        self.n_iter_ = len(curve.losses)
        self.loss_curve_ += curve.losses
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
        self.best_loss_ = self.best_validation_score_ = None
        if self.early_stopping:
            judged = [one for one in trainer.history.evaluations if one.part == "validation"]
            found = [one[self._metric] for one in judged]
            self.validation_scores_ = [*(self.validation_scores_ or ()), *found]
            self.best_validation_score_ = max(self.validation_scores_, default=None)
        else:
            self.best_loss_ = min(self.loss_curve_, default=math.inf)

    # Answers -------------------------------------------------------------------------------------

    def _outputs(self, x: Any) -> Array:
        """Return the network's outputs ``(N, K)``, all finite.

        Raises:
            DataError: a value, or an output, is too large for the network's type.
        """
        check_is_fitted(self)
        finite = "allow-nan" if self.model_.network.fills_missing else True
        x = validate_data(self, x, reset=False, accept_sparse="csr", ensure_all_finite=finite)
        network = self.model_.network
        check_range(x, network.sample_dtype)
        with limited(self.threads):  # not by the model, which would look at all numbers once more
            outputs = network.predict(narrowed(x, network.sample_dtype))
        check_outputs(outputs)
        return outputs
