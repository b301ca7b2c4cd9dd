"""NetworkClassifier: a network that tells classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, listed, shown
from plugnet.evaluation import class_scores, gives_probabilities, predicted_classes
from plugnet.interfaces import Loss
from plugnet.schema import Schema
from plugnet_sklearn.estimator import NetworkEstimator


def _gives_probabilities(estimator: NetworkClassifier) -> bool:
    """Tell whether the loss gives probabilities, of which `predict_proba` is made.

    Raises:
        AttributeError: it does not.
    """
    if not gives_probabilities(estimator._loss()):
        raise AttributeError(
            f"The loss {estimator.loss!r} gives no probabilities. Use decision_function, or "
            "another loss, such as softmax_with_loss."
        )
    return True


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A classifier in the way of scikit-learn's MLPClassifier, of plugnet's components.

    Each component is a name, a tuple of a name and its arguments, a spec or an object. Arguments of
    a component are parameters, too: ``optimizer__beta1``.

    >>> from sklearn.datasets import load_iris
    >>> x, y = load_iris(return_X_y=True)
    >>> model = NetworkClassifier(layers=["standardize", ("fc", {"outputs": 20}), "tanh"],
    ...                           policy=("fixed", 0.01), random_state=0).fit(x, y)
    >>> bool(model.score(x, y) > 0.95)
    True

    Attributes:
        classes_: the classes, sorted, in the order of `predict_proba`'s columns.
    """

    _metric = "accuracy"

    classes_: Array

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: Any = "relu",
        *,
        layers: Sequence[Any] | None = None,
        initializer: Any = "auto",
        loss: Any = "softmax_with_loss",
        optimizer: Any = "adam",
        policy: Any = ("fixed", 0.001),
        regularizer: Any = ("l2", 0.0001),
        batch_size: int | str = "auto",
        max_iter: int = 200,
        tol: float = 0.0001,
        n_iter_no_change: float = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        class_weight: Any = None,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        hooks: Sequence[Any] = (),
        threads: int | None = 1,
        dtype: str = "float32",
        verbose: bool = False,
    ) -> None:
        """Keep the parameters, which `fit` checks.

        Args:
            hidden_layer_sizes: the outputs of each hidden fully connected layer.
            activation: what follows each of them.
            layers: the hidden layers themselves, as `Network` takes them; then
                ``hidden_layer_sizes`` and ``activation`` count for nothing. The output layer always
                comes behind them, because only `fit` knows how many classes there are.
            initializer: what draws the weights of the layers above and of the output layer, not of
                ``layers``. "auto": he_uniform in front of relu and its like, else glorot_uniform.
            loss: what is minimised. With sigmoid_cross_entropy or hinge two classes have one
                output.
            optimizer: how a gradient changes the weights.
            policy: the learning rate of each step.
            regularizer: the penalty on the weights, or None. The gradient of ("l2", s) is that of
                MLPClassifier's ``alpha = s * batch_size``.
            batch_size: at most how many samples a step has: an epoch is divided into equal batches.
                "auto": 200, or as many as have 2^26 numbers if a sample has more than 335,544.
            max_iter: at most how many epochs `fit` takes.
            tol: by how much the loss, or with early stopping the validation score, must become
                better to count as progress.
            n_iter_no_change: after how many epochs without progress `fit` ends; infinity: never.
            early_stopping: whether some samples are set aside to judge progress by their score. At
                the end the weights are those of the best score.
            validation_fraction: which part of the samples that is, of those whose weight is above
                0, with its share of each class.
            class_weight: a mapping or a pandas Series of classes to weights: for how much each
                sample of the class counts, 1 if it is not named; "balanced": the classes weigh the
                same. It multiplies ``sample_weight``.
            shuffle: whether each epoch has a random order of its own.
            random_state: what the weights and the orders are drawn from: an integer, a
                RandomState, or None for NumPy's own. It counts where a training begins.
            warm_start: whether `fit` goes on from the weights that it found before, with a new
                optimizer. What makes the network must then stay as it was.
            hooks: plugins that observe training or intervene; see `plugnet.training.hooks`.
            threads: among how many threads large products are divided; BLAS has as many. None: all
                that the process may use.
            dtype: "float32" or "float64", of the weights and the computation.
            verbose: whether there is a bar of progress on a terminal.
        """
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.layers = layers
        self.initializer = initializer
        self.loss = loss
        self.optimizer = optimizer
        self.policy = policy
        self.regularizer = regularizer
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.hooks = hooks
        self.threads = threads
        self.dtype = dtype
        self.verbose = verbose

    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Train for one epoch on some of the samples, going on where the last call ended.

        Policy, regularizer, class_weight, shuffle, threads and batch_size may change from call to
        call. What makes the network, loss, optimizer, hooks and verbose may not.

        Args:
            X: as `fit`.
            y: as `fit`.
            classes: all classes that will ever come. The first call needs them.
            sample_weight: as `fit`.

        Returns:
            The estimator.

        Raises:
            ValueError: as `fit`; or the classes are missing, or others than before; or a parameter
                has changed that may not.
        """
        if not hasattr(self, "model_"):
            if classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit: all that will come."
                )
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        self._fit(X, y, sample_weight, is_partial=True, classes=classes)
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the class of each sample, ``(N,)``."""
        outputs = self._outputs(X)
        return self.classes_[predicted_classes(outputs, self.model_.loss.threshold)]

    def decision_function(self, X: Any) -> Array:  # noqa: N803
        """Return the network's scores, ``(N, classes)``, as they are before any softmax.

        For two classes it is ``(N,)``, by how much the score of the second is above the first.
        """
        scores = class_scores(self._outputs(X), self.model_.loss.threshold)
        difference: Array = scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores
        return difference

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the probability of each class, ``(N, classes)``.

        A loss such as sigmoid_cross_entropy judges each class alone; with more than two, the
        probabilities are divided by their sum.
        """
        outputs = self._outputs(X)
        found = self.model_.probabilities(outputs)
        if self.n_outputs_ > 1 and self.model_.loss.threshold is not None:
            found = found / np.maximum(found.sum(axis=1, keepdims=True), np.finfo(found.dtype).tiny)
        return found

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the logarithm of `predict_proba`, minus infinity where that is 0."""
        probabilities: Array = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities)

    def _loss(self) -> Loss:
        fitted = getattr(self, "model_", None)
        return registry.losses.resolve(self.loss) if fitted is None else fitted.loss

    def _rules_of_y(self) -> dict[str, bool]:
        return {"multi_output": True}  # so that `_answers` can say what is wrong with it

    def _checked(self, x: Any, y: Any, is_first: bool) -> tuple[Any, Array]:
        x, y = super()._checked(x, y, is_first)
        kind = type_of_target(y)
        if kind.startswith("multilabel") or kind == "multiclass-multioutput":
            raise ValueError(
                "NetworkClassifier gives each sample one class, but y has several per sample: its "
                f"shape is {y.shape}. Wrap it in sklearn.multioutput.MultiOutputClassifier."
            )
        if kind not in ("binary", "multiclass"):
            check_classification_targets(y)  # which refuses it
        return x, column_or_1d(y, warn=True)

    def _learn(
        self, y: Array, weights: Array | None, classes: Any, is_partial: bool
    ) -> tuple[Schema, int]:
        found = y if classes is None else check_array(classes, ensure_2d=False, dtype=None)
        self.classes_ = np.unique(found)
        is_one = (
            len(self.classes_) == 2 and registry.losses.resolve(self.loss).threshold is not None
        )
        return Schema("class", _names(self.classes_)), 1 if is_one else len(self.classes_)

    def _answers(self, y: Array, is_first: bool, is_partial: bool) -> Array:
        found, places = np.unique(y, return_inverse=True)
        unknown = np.setdiff1d(found, self.classes_)
        if len(unknown) or not (is_first or is_partial or len(found) == len(self.classes_)):
            raise ValueError(
                f"y must have the classes of the first fit, {self.classes_}, but it has {found}. "
                "Train a new estimator on others; with partial_fit some may be missing."
            )
        names = np.array(_names(self.classes_))
        return names[np.searchsorted(self.classes_, found)][places]

    def _class_weight(self, is_partial: bool) -> Any:
        if self.class_weight is None or isinstance(self.class_weight, str):
            if is_partial and self.class_weight is not None:
                raise ValueError(
                    f"class_weight={self.class_weight!r} has to count all labels, but partial_fit "
                    "sees some of them at a time. Give the weight of each class."
                )
            return self.class_weight
        given = _by_class(self.class_weight)
        named = dict(zip(self.classes_.tolist(), _names(self.classes_), strict=True))
        unknown = [label for label in given if label not in named]
        if unknown and not named.keys() <= given.keys():
            raise ValueError(
                f"class_weight must name classes, {listed(list(named))}, but it names "
                f"{listed(unknown)}."
            )
        return {named[label]: weight for label, weight in given.items() if label in named}


def _by_class(class_weight: Any) -> dict[Any, Any]:
    """Return weights by class, given as a mapping or what has ``items()`` as one has.

    Raises:
        ArgumentError: they are something else, or a class has two.
    """
    try:
        pairs = list(class_weight.items())
    except (AttributeError, TypeError):
        raise ArgumentError(
            "class_weight must be 'balanced' or give each class its weight, as {'no': 1, 'yes': 2} "
            f"or a pandas Series does, but it is {shown(class_weight)}.",
            argument="class_weight",
            value=class_weight,
        ) from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ArgumentError(
            f"class_weight must give each class one weight, but it names {listed(list(found))} in "
            f"{len(pairs)} items.",
            argument="class_weight",
            value=class_weight,
        )
    return found


def _names(classes: Array) -> tuple[Any, ...]:
    """Return what plugnet calls the classes: as they are, or 0, 1, 2 where it could not hold them.

    It holds booleans, strings that are not empty, and integers below 2^53, NumPy's as Python's.
    """
    items = classes.tolist()  # which leaves objects as they are
    found = tuple(each.item() if isinstance(each, np.generic) else each for each in items)
    kinds = {type(each) for each in found}
    is_held = len(kinds) == 1 and kinds <= {bool, int, str} and all(map(_fits, found))
    return found if is_held else tuple(range(len(found)))


def _fits(label: str | int) -> bool:
    """Tell whether plugnet can hold a class's name."""
    return label.strip() != "" if isinstance(label, str) else abs(label) < 2**53
