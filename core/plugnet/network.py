"""Network: a chain of layers with a dtype, a seed and the shape of the data."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from plugnet.arguments import file_path, integer
from plugnet.arrays import Array, Shape
from plugnet.chain import Chain
from plugnet.component import describe, rebuild
from plugnet.data.samples import as_array, as_samples, as_stored, blocks_of
from plugnet.errors import (
    ArgumentError,
    FileFormatError,
    PlugnetError,
    ShapeError,
    SpecError,
    counted,
)
from plugnet.files.budget import Budget
from plugnet.generators import Generators
from plugnet.interfaces import Layer
from plugnet.layers import as_layers, as_shape, parameters_of, walk
from plugnet.parameter import MULTIPLIERS, Parameters
from plugnet.patterns import Patterns
from plugnet.predictions import Predictions
from plugnet.registry import registry
from plugnet.summary import outline, summarize

#: What `predict` pushes through at once, at most: samples, and numbers of these.
PREDICT_ROWS = 1024
PREDICT_NUMBERS = 1 << 22

#: Layers, in a repr.
MOST_SHOWN = 20


class Network:
    """A sequence of layers, built from names, tuples, specs or objects.

    >>> network = Network([("fc", 64, 50), "tanh", ("fc", 50, 10)])
    >>> network
    Network(fc1 -> tanh1 -> fc2)
    >>> network.predict(np.zeros((3, 64))).shape
    (3, 10)
    >>> list(network.parameters())
    ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
    >>> network.parameters()["fc1.bias"].trainable = False

    Attributes:
        chain: the layers, as one.
        layers: the layers, first to last.
        layer_names: their names in this network, such as "fc1", "tanh1", "fc2".
        input_shape: the shape of one sample, or None until it is known.
        output_shapes: the shape of one sample after each layer; empty until it is known.
        predict_rows: how many samples `predict` pushes through at once, so that its memory stays
            bounded.
        dtype: the dtype of parameters and computation.
        seed: what the parameters' first values, and all that layers draw, are drawn from.
        is_in_training: whether a `Trainer.fit` is going on; set by it.
        predictions: those under way, for which it waits before it begins.
        lock: held while a training changes the parameters, and by who must see all of them as they
            are after a step: predictions during a training, copies, and files.
    """

    def __init__(
        self,
        layers: Iterable[Any],
        input_shape: Sequence[int] | None = None,
        dtype: str | np.dtype[Any] = "float32",
        seed: int = 0,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Build the layers, and their parameters if the shape of the input is known.

        Args:
            layers: each a layer or activation, its name (``"tanh"``), a tuple of the name and
                its arguments (``("fc", 784, 50)``) or a spec.
            input_shape: the shape of one sample. None: taken from the first layer if its
                arguments fix it, else from the first data.
            dtype: "float32" or "float64".
            seed: a non-negative integer; the same seed gives the same parameters.
            parameters: for patterns of paths settings of `Parameter`, ``lr_mult``,
                ``decay_mult`` or ``trainable``: ``{"*.bias": {"lr_mult": 2}}``. Of several patterns
                that fit, the last decides. `*`, `?` and `[...]` are as in file names.

        Raises:
            ArgumentError: the layers, the dtype, the seed or a pattern are wrong.
            ShapeError: two layers do not fit each other.
            RegistryError: a name cannot be built.
        """
        self.chain = Chain(layers)
        self.layers, self.layer_names = self.chain.layers, self.chain.layer_names
        self.dtype = _dtype(dtype)
        self.seed = integer("seed", seed, at_least=0)
        self.input_shape: Shape | None = None
        self.predict_rows = PREDICT_ROWS
        self._patterns = Patterns(parameters)
        self._parameters: Parameters | None = None
        self.lock = threading.RLock()
        self.is_in_training = False
        self.predictions = Predictions()
        self._generators = Generators({})
        self._batch: Array | None = None  # training samples that came in another dtype
        shape = self.chain.input_shape() if input_shape is None else input_shape
        self._check_free()
        self._check_adapting()
        if shape is not None:
            self.initialize(shape)
        owner = object()
        for layer in self._walk().values():
            layer.owner = owner

    def _walk(self) -> dict[str, Any]:
        return walk(self.chain.inner())

    def _check_free(self) -> None:
        """Check that nobody else uses the layers: what they keep is for one place only."""
        for path, layer in self._walk().items():
            if layer.owner is not None:
                raise ArgumentError(
                    f"Layer '{path}', {layer!r}, belongs to another network, but a layer keeps "
                    "what one place needs. Name it, or give its spec, to get a new one; "
                    "Network.restore copies values.",
                    argument="layers",
                    value=layer,
                )

    def _check_adapting(self) -> None:
        """Check that only the first layer learns from the samples: no other is given them."""
        first: Layer = self.chain
        while isinstance(first, Chain):
            first = first.layers[0]
        for path, layer in self._walk().items():
            if layer.needs_adapt and layer is not first and not isinstance(layer, Chain):
                raise ArgumentError(
                    f"Layer '{path}' learns from the samples, so it must be the first layer of the "
                    "network. Put it there, or leave it out.",
                    argument="layers",
                    value=layer,
                )

    # The three verbs -----------------------------------------------------------------------------

    def forward(self, x: Any, training: bool = False) -> Array:
        """Return the outputs ``(N, *output_shape)`` for the samples ``x``, ``(N, *input_shape)``.

        With ``training`` the layers keep what `backprop` needs, and the array returned is a
        buffer that the next such call overwrites.

        Raises:
            DataError: the samples are not numbers.
            ShapeError: they have the wrong shape.
        """
        samples = x
        if not self._is_ready(x):
            samples = self._converted(self.validate_input(as_array(x, "samples")), training)
        y = self.chain.forward(samples, training)
        if not training and _owner(y) is _owner(samples):
            return (
                y.copy()
            )  # only layers that rearrange: the result must not alias the caller's samples
        return y

    def backprop(self, dy: Array, inputs: bool = False) -> Array | None:
        """Fill the gradient of every trainable parameter, last layer first.

        Args:
            dy: ``(N, *output_shape)``, the gradient of the loss with respect to the last training
                outputs.
            inputs: whether to go on to the gradient with respect to the input, which training never
                reads.

        Returns:
            The gradient with respect to the input, ``(N, *input_shape)``, if ``inputs``, else None;
            a buffer that the next call overwrites.

        Raises:
            CallOrderError: there are no training outputs yet.
            ArgumentError: ``inputs``, but a layer has no gradient with respect to its input.
            ShapeError: ``dy`` has a different shape.
        """
        return self.chain.backprop(dy, inputs)

    def predict(self, x: Any) -> Array:
        """Return the outputs for ``x`` as `forward` does, in blocks of bounded memory.

        Nothing of the network changes, so several threads may ask at once. While another thread
        trains it they get the answers after a whole step: training waits for them, and they for
        each other.
        """
        samples = self.validate_input(as_stored(x, "samples"))
        if not self.predictions.begin():
            with self.lock:
                return self._predict(samples)
        try:
            return self._predict(samples)
        finally:
            self.predictions.end()

    def _predict(self, samples: Array) -> Array:
        with np.errstate(all="ignore"):  # BLAS raises flags without cause; underflow is harmless
            rows = self.predict_rows
            if len(samples) <= rows:
                is_read = isinstance(samples, np.ndarray)
                return self.forward(samples if is_read else samples[:])
            blocks = (samples[i : i + rows] for i in range(0, len(samples), rows))
            return np.concatenate([self.forward(block) for block in blocks])

    def place(self, iteration: int, shard: int = 0) -> None:
        """Place the layers' generators for the next training forward.

        What they draw is then a function of the network's seed, the iteration and the shard, the
        number of the part if a batch is divided. `Trainer` calls it for each step; without it they
        go on from where they are.
        """
        if self._generators.drawing:
            self._generators.place(iteration, shard)

    def validate_input(self, samples: Array) -> Array:
        """Return samples, an array of numbers, in the shape that the first layer takes.

        If that is not known yet, they fix it.

        Raises:
            ShapeError: they have the wrong shape.
        """
        if self.input_shape is None:
            self.initialize(samples.shape[1:])
        if samples.shape[1:] == self.input_shape:
            return samples
        features = math.prod(samples.shape[1:])
        if samples.ndim and self.input_shape == (features,) and len(samples):
            return samples.reshape(len(samples), features)  # (N, height, width, 1) -> (N, features)
        raise ShapeError(
            f"The network takes samples of shape {self.input_shape}, so an array of shape "
            f"(N, {', '.join(map(str, self.input_shape or ()))}), but it got one of shape "
            f"{samples.shape}. Reshape the data, or build the network for them.",
            expected=self.input_shape,
            got=samples.shape,
            layer=self.layer_names[0],
        )

    def _is_ready(self, x: Any) -> bool:
        """Tell whether samples can go in as they are; the one check of a warm step."""
        return (
            type(x) is np.ndarray
            and x.dtype is self.dtype
            and x.shape[1:] == self.input_shape
            and x.flags.c_contiguous
        )

    def _converted(self, samples: Array, training: bool = False) -> Array:
        """Return samples in C order and the first layer's dtype; in training a copy is a buffer."""
        if self.chain.takes_stored:
            return np.ascontiguousarray(samples)
        if not training or samples.dtype == self.dtype:
            return np.ascontiguousarray(samples, self.dtype)
        batch = self._batch
        if batch is None or batch.shape != samples.shape:
            batch = self._batch = np.empty(samples.shape, self.dtype)
        np.copyto(batch, samples, casting="same_kind")
        return batch

    # What the first layer learns from the samples ------------------------------------------------

    @property
    def needs_adapt(self) -> bool:
        """Whether the first layer learns from the samples, such as `standardize`, and has not yet.

        `Trainer.fit` then calls `adapt` before its first step.
        """
        return self.chain.needs_adapt

    @property
    def fills_missing(self) -> bool:
        """Whether samples may hold NaN, for which the first layer puts a number."""
        return self.chain.fills_missing

    @property
    def sample_dtype(self) -> np.dtype[Any] | None:
        """The dtype that samples must be in; None: whichever real one they are stored in."""
        return None if self.chain.takes_stored else self.dtype

    def adapt(self, x: Any) -> None:
        """Let the first layer learn from samples, in one pass; others stay as they are.

        What it has learned before is replaced. Most layers learn nothing so.

        Args:
            x: ``(N, *shape)`` samples; a large memory map is read part by part.

        Raises:
            DataError: not numbers, no samples, or a value that is infinite, or NaN if the layer
                does not fill it.
            ShapeError: they have the wrong shape.
        """
        fills = self.fills_missing
        samples = self.validate_input(as_samples(x, None, allow_missing=fills))
        with self.lock:
            self.chain.adapt(blocks_of(samples, fills))

    # Parameters and shapes -----------------------------------------------------------------------

    def parameters(self) -> Parameters:
        """Return all parameters by path, as "fc1.weight", statistics included.

        Raises:
            ShapeError: there are none yet, as the shape of the input is not known.
        """
        if self._parameters is None:
            raise ShapeError(
                "The network has no parameters yet, as the shape of its input is not known. Call "
                "network.initialize(shape), or give Network(..., input_shape=shape).",
                expected="a known input shape",
                got=None,
            )
        return self._parameters

    def state(self) -> dict[str, Array]:
        """Return the arrays that are saved, trained or not, by name ("fc1.weight").

        They are the network's own, not copies.
        """
        return {path: parameter.value for path, parameter in self.parameters().items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over, by copy, the values that `state` gave. All of them, or none.

        Raises:
            ShapeError: names or shapes differ from this network's.
            DataError: one of them is not an array of numbers.
        """
        own = self.state()
        if state.keys() != own.keys():
            raise ShapeError(
                f"The arrays must be {sorted(own)}, but they are {sorted(state)}. Load them "
                "into a network of the same layers.",
                expected=sorted(own),
                got=sorted(state),
            )
        given = {name: as_array(value, name) for name, value in state.items()}
        for name, value in own.items():
            if given[name].shape != value.shape:
                raise ShapeError(
                    f"'{name}' must have the shape {value.shape}, but the array to load has "
                    f"{given[name].shape}. Load it into a network of the same sizes.",
                    expected=value.shape,
                    got=given[name].shape,
                )
        with self.lock:
            for name, value in own.items():
                value[...] = given[name]

    @property
    def rngs(self) -> dict[str, np.random.Generator]:
        """The generators of the layers that draw in training, by the layer's path."""
        return {path: layer.rng for path, layer in self._walk().items() if layer.rng is not None}

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        """The shape of one sample after each layer; empty until it is known."""
        return self.chain.output_shapes

    @property
    def output_shape(self) -> Shape | None:
        """The shape of one sample's output, or None until it is known."""
        return self.output_shapes[-1] if self.output_shapes else None

    def initialize(self, shape: Sequence[int]) -> None:
        """Fix the shape of the input and draw the parameters; done automatically where possible.

        Args:
            shape: the shape of one sample.

        Raises:
            ShapeError: a layer cannot take what the one before it gives.
            ArgumentError: a parameter cannot be made, or a pattern fits none.
        """
        shape = as_shape(shape)
        self.input_shape = self._parameters = None  # if it fails on the way, there is no network
        self.chain.initialize(shape, np.random.default_rng(self.seed), self.dtype)
        parameters = parameters_of(self._walk())
        self._parameters = Parameters(parameters, self.dtype)
        self._patterns.apply(parameters)  # afterwards, so that a copy is laid like the first
        self._generators = Generators(self.rngs)
        self.predict_rows = max(min(PREDICT_ROWS, PREDICT_NUMBERS // math.prod(shape)), 1)
        self.input_shape = shape

    def uninitialize(self) -> None:
        """Forget the shape of the input and the parameters, as before the first data."""
        self.input_shape = self._parameters = None
        self.chain.output_shapes = ()

    # Description, copies and files ---------------------------------------------------------------

    def summary(self) -> str:
        """Return a table of the layers: output shape, parameters, FLOPs and memory."""
        owned = list(self.parameters().values())
        return summarize(self.chain, self.input_shape or (), self.dtype, owned)

    def spec(self) -> dict[str, Any]:
        """Return a JSON-ready description without the parameters' values."""
        return {
            "kind": "network",
            "layers": [registry.spec(layer) for layer in self.layers],
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "dtype": self.dtype.name,
            "seed": self.seed,
            "parameters": self._patterns.now(),
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Network:
        """Build the network that ``spec`` describes, with new parameters.

        Raises:
            SpecError: it does not describe a network that can be built here.
        """
        return cls._from_spec(spec, lambda _: nullcontext())

    @classmethod
    def _from_spec(
        cls,
        spec: Mapping[str, Any],
        watch: Callable[[tuple[Layer, ...]], AbstractContextManager[None]],
    ) -> Network:
        """Build the network, its parameters within what ``watch`` returns for its layers."""
        match spec:
            case {
                "kind": "network",
                "layers": list(layers),
                "input_shape": list() | None as input_shape,
                "dtype": str(dtype),
                "seed": int(seed),
                "parameters": dict(parameters),
            } if len(spec) == 6:
                registry.check_specs(layers)
                built = as_layers(layers)
                try:
                    with watch(built):
                        return cls(built, input_shape, dtype, seed, parameters)
                except ArgumentError as error:
                    if error.argument not in MULTIPLIERS and error.argument != "parameters":
                        raise
                    raise SpecError(f"network.parameters: {error}", path="parameters") from error
        raise SpecError(
            "A network's spec has the keys kind, layers, input_shape, dtype, seed and parameters, "
            f"as Network.spec() gives them, but this one is {str(spec)[:200]}.",
            path="network",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        layers = describe(list(self.layers))
        arguments = (layers, self.input_shape, self.dtype.name, self.seed, self._patterns.now())
        with self.lock:
            state = None
            if self._parameters is not None:
                state = {path: value.copy() for path, value in self.state().items()}
        return _copied, (type(self), arguments, state, self._generators.state())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network, layers and values, to one file, wholly or not at all.

        Raises:
            SpecError: a layer cannot be described, because it is not registered.
            OSError: the file cannot be written.
        """
        from plugnet.files import documents  # late: only saving and loading need it

        with self.lock:  # a training in another thread waits with its next commit
            documents.write(path, self.state(), self.document())

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        budget: int | None = None,
        allow_nonfinite: bool = False,
    ) -> Network:
        """Read a network that `save` or `Trainer.save` wrote.

        Args:
            path: the file.
            budget: how many bytes of memory the file may take, and then the network. None: what
                the environment variable PLUGNET_BUDGET says, or else 64 MiB or 100 times the
                file's size, whichever is larger.
            allow_nonfinite: whether parameters may be NaN or infinite.

        Raises:
            FileFormatError: the file is missing, damaged or not a saved network.
            BudgetError: it would take more memory than it may.
            SpecError: it needs components that are not installed.
        """
        from plugnet.files import documents

        path = file_path("path", path)
        contents = documents.read(path, budget)
        return cls.from_document(*contents, path, budget=budget, allow_nonfinite=allow_nonfinite)

    def document(self) -> dict[str, Any]:
        """Return what a file holds besides the arrays: the spec, and where generators are."""
        return {"network": self.spec(), "generators": self._generators.state()}

    @classmethod
    def from_document(
        cls,
        arrays: Mapping[str, Array],
        document: Mapping[str, Any],
        path: str | os.PathLike[str],
        *,
        budget: int | None = None,
        allow_nonfinite: bool = False,
    ) -> Network:
        """Return the network in the contents of a file; see `load`.

        Args:
            arrays: the file's arrays, those of the network among them.
            document: what it says of them.
            path: the file, for the errors.
            budget: how many bytes the network may take.
            allow_nonfinite: whether parameters may be NaN or infinite.

        Raises:
            FileFormatError: the arrays are not those of the network.
            BudgetError: it would take more memory than it may.
            SpecError: it needs components that are not installed.
        """
        from plugnet import loading

        spec = document.get("network", {})
        if isinstance(spec, Mapping) and isinstance(spec.get("parameters"), Mapping):
            loading.check_patterns(spec["parameters"], len(arrays))
        limit = Budget(path, Path(path).stat().st_size, budget)
        draws = loading.Draws(limit.renewed(), are_made=False)
        with loading.refused(path):
            try:
                network = cls._from_spec(spec, draws.watched)
                own = loading.own(arrays, network.state(), path, allow_nonfinite)
                is_whole = not draws.are_needed(network.parameters(), network.rngs.values())
            except Exception as error:
                if isinstance(loading.cause(error), PlugnetError):
                    raise
                is_whole = False  # possibly because a layer computes with what it draws
            if not is_whole:
                draws = loading.Draws(limit.renewed(), are_made=True)
                network = cls._from_spec(spec, draws.watched)
                own = loading.own(arrays, network.state(), path, allow_nonfinite)
        network.restore(own)
        if "generators" in document:  # the first format did not know where they were
            try:
                network._generators.restore(document["generators"])
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise FileFormatError(
                    f"{os.fspath(path)} does not hold the generators of its own network: {error}. "
                    "Use an intact copy.",
                    path=os.fspath(path),
                ) from error
        return network

    def __repr__(self) -> str:
        names, most = self.layer_names, MOST_SHOWN
        if len(names) > most:
            gap = f"({len(names) - most:,} more)"
            names = (*names[: most - 2], gap, *names[-2:])
        return f"Network({' -> '.join(names)})"

    def _repr_html_(self) -> str:
        from plugnet.html.markup import page  # late: only notebooks ask

        parameters = self._parameters
        owned = None if parameters is None else list(parameters.values())
        said = f"of {counted(len(self.layers), 'layer')} in {self.dtype}"
        if owned is None:
            said += "; shapes and parameters come with the first data"
        return page("Network", said, outline(self.chain, self.input_shape, owned))


def _owner(array: Array) -> Array:
    """Return the array whose memory ``array`` is a view of, or itself."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _copied(
    cls: type[Network],
    arguments: tuple[Any, ...],
    state: Mapping[str, Array] | None,
    places: Mapping[str, Any],
) -> Network:
    """Return a network like one that was pickled."""
    layers, *others = arguments
    network = cls(rebuild(layers), *others)
    if state is not None:
        network.restore(state)
    network._generators.restore(places)
    return network


def _dtype(dtype: str | np.dtype[Any]) -> np.dtype[Any]:
    try:
        found = None if dtype is None else np.dtype(dtype)  # None would mean float64
    except TypeError:
        found = None
    if found not in (np.float32, np.float64):
        raise ArgumentError(
            f"A network computes in float32 or float64, but the dtype is {dtype!r}.",
            argument="dtype",
            value=dtype,
        )
    return found
