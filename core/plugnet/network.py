"""Network: layers in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, PlugnetError, ShapeError, SpecError
from plugnet.layers import as_layers, as_shape, check_differentiable, infer_shapes, names_of
from plugnet.parameter import Parameter, pack
from plugnet.registry import registry
from plugnet.samples import as_array
from plugnet.summary import summarize

BLOCK = 1024  # rows that `predict` pushes through at once, so that its memory stays bounded


class Network:
    """A sequence of layers, built from names, tuples, specs or objects.

    Attributes:
        layers: the layers, first to last.
        names: their names in this network, as "fc1", "tanh1", "fc2".
        input_shape: the shape of one sample, or None until it is known.
        shapes: the shape of one sample after each layer; empty until it is known.
        dtype: the dtype of parameters and computation.
        seed: what the parameters' first values are drawn from.
        generators: the source of random numbers that each layer was given.
    """

    def __init__(
        self,
        layers: Iterable[Any],
        input_shape: Sequence[int] | None = None,
        dtype: str | np.dtype[Any] = "float32",
        seed: int = 0,
    ) -> None:
        """Build the layers, and their parameters if the shape of the input is known.

        Args:
            layers: each a layer or activation, its name (``"tanh"``), a tuple of the name and
                its arguments (``("fc", 784, 50)``) or a spec.
            input_shape: the shape of one sample. None: taken from the first layer if its
                arguments say it, else from the first data.
            dtype: "float32" or "float64".
            seed: a non-negative integer; the same seed gives the same parameters.

        Raises:
            ArgumentError: the layers, the dtype or the seed will not do.
            ShapeError: two layers do not fit each other.
            RegistryError: a name cannot be built.
        """
        self.layers = as_layers(layers)
        self.names = names_of(self.layers)
        self.dtype = _dtype(dtype)
        self.seed = integer("seed", seed, at_least=0)
        self.input_shape: Shape | None = None
        self.shapes: tuple[Shape, ...] = ()
        self._trained: tuple[bool, ...] = ()  # for each layer, whether it has anything to train
        self._first_trained = len(self.layers)
        self._batch: Array | None = None  # training samples that came in another dtype
        self._answered: Shape | None = None  # the shape of the last training outputs
        self.generators: tuple[np.random.Generator, ...] = ()
        shape = self.layers[0].input_shape() if input_shape is None else input_shape
        self._check_free()
        if shape is not None:
            self.initialize(shape)
        owner = object()
        for layer in self.layers:
            layer.owner = owner

    def _check_free(self) -> None:
        """Check that nobody else uses the layers: what they keep is for one place only."""
        seen: set[int] = set()
        for name, layer in zip(self.names, self.layers, strict=True):
            where = "stands twice" if id(layer) in seen else "belongs to another network"
            if id(layer) in seen or layer.owner is not None:
                raise ArgumentError(
                    f"Layer '{name}', {layer!r}, {where}, but a layer keeps what one place needs. "
                    "Name it, or give its spec, to get a new one; Network.restore copies values.",
                    argument="layers",
                    value=layer,
                )
            seen.add(id(layer))

    # The three verbs -----------------------------------------------------------------------------

    def forward(self, x: Any, training: bool = False) -> Array:
        """Return the outputs ``(N, *output_shape)`` for the samples ``x``, ``(N, *input_shape)``.

        With ``training`` the layers keep what `backward` needs, and the array returned is a
        buffer that the next such call overwrites.

        Raises:
            DataError: the samples are not numbers.
            ShapeError: they have the wrong shape.
        """
        return self._answer(self._converted(self.accept(x), training), training)

    def _answer(self, samples: Array, training: bool = False) -> Array:
        y = samples
        for layer in self.layers:
            y = layer.forward(y, training)
        if training:
            self._answered = y.shape
        elif np.may_share_memory(y, samples):
            return y.copy()  # only layers that rearrange: the caller's samples must not be ours
        return y

    def backward(self, dy: Array, inputs: bool = False) -> Array | None:
        """Fill the gradient of every trainable parameter, last layer first.

        Args:
            dy: ``(N, *output_shape)``, the gradient of the loss by the last training outputs.
            inputs: whether to go on to the gradient by the input, which training never reads.

        Returns:
            The gradient by the input, ``(N, *input_shape)``, if ``inputs``, else None; a buffer
            that the next call overwrites.

        Raises:
            CallOrderError: there are no training outputs yet.
            ArgumentError: ``inputs``, but a layer has no gradient by its input.
            ShapeError: ``dy`` has another shape than they.
        """
        if self._answered not in (None, np.shape(dy)):
            raise ShapeError(
                f"The gradient must have the shape of the last training outputs, {self._answered}, "
                f"but it has {np.shape(dy)}. Give what the loss's backward returned for them.",
                expected=self._answered,
                got=np.shape(dy),
            )
        first = 0 if inputs else self._first_trained
        if inputs:
            check_differentiable(self.layers, self.names)
        for index in range(len(self.layers) - 1, first - 1, -1):
            layer = self.layers[index]
            if self._trained[index]:
                layer.gradients(dy)
            if inputs or index > first:
                dy = layer.backward(dy)
        return dy if inputs else None

    def predict(self, x: Any) -> Array:
        """Return the outputs for ``x`` as `forward` does, in blocks of bounded memory."""
        samples = self.accept(x)
        if len(samples) <= BLOCK:
            return self._predicted(samples)
        blocks = (samples[i : i + BLOCK] for i in range(0, len(samples), BLOCK))
        return np.concatenate([self._predicted(block) for block in blocks])

    def _predicted(self, samples: Array) -> Array:
        samples = self._converted(samples)
        with np.errstate(over="ignore", invalid="ignore"):  # BLAS may raise the flags for nothing
            return self._answer(samples)

    def accept(self, x: Any) -> Array:
        """Return samples, of any dtype, in the shape that the first layer takes.

        If that is not known yet, they fix it.

        Raises:
            DataError: they are not numbers.
            ShapeError: they have the wrong shape.
        """
        samples = as_array(x, "samples")
        if self.input_shape is None:
            self.initialize(samples.shape[1:])
        if samples.shape[1:] == self.input_shape:
            return samples
        if samples.ndim and self.input_shape == (samples[:1].size,) and len(samples):
            return samples.reshape(len(samples), -1)  # (N, height, width, 1) -> (N, features)
        raise ShapeError(
            f"The network takes samples of shape {self.input_shape}, so an array of shape "
            f"(N, {', '.join(map(str, self.input_shape or ()))}), but it got one of shape "
            f"{samples.shape}. Reshape the data, or build the network for them.",
            expected=self.input_shape,
            got=samples.shape,
            layer=self.names[0],
        )

    def _converted(self, samples: Array, training: bool = False) -> Array:
        """Return samples in C order and the network's dtype; in training, in a buffer if copied."""
        if not training or samples.dtype == self.dtype:
            return np.ascontiguousarray(samples, self.dtype)
        batch = self._batch
        if batch is None or batch.shape != samples.shape:
            batch = self._batch = np.empty_like(samples, self.dtype, order="C", subok=False)
        np.copyto(batch, samples, casting="same_kind")
        return batch

    # Parameters and shapes -----------------------------------------------------------------------

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the parameters that training changes, first layer to last."""
        return tuple(parameter for parameter in self._all_parameters() if parameter.trainable)

    def state(self) -> dict[str, Array]:
        """Return the arrays that are saved, trained or not, by name ("fc1.weight").

        They are the network's own, not copies.
        """
        return {parameter.name: parameter.value for parameter in self._all_parameters()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over, by copy, the values that `state` gave. All of them, or none.

        Raises:
            ShapeError: names or shapes differ from this network's.
        """
        own = self.state()
        if state.keys() != own.keys():
            raise ShapeError(
                f"The arrays must be {sorted(own)}, but they are {sorted(state)}. Load them "
                "into a network of the same layers.",
                expected=sorted(own),
                got=sorted(state),
            )
        for name, value in own.items():
            if state[name].shape != value.shape:
                raise ShapeError(
                    f"'{name}' must have the shape {value.shape}, but the array to load has "
                    f"{state[name].shape}. Load it into a network of the same sizes.",
                    expected=value.shape,
                    got=state[name].shape,
                )
        for name, value in own.items():
            value[...] = state[name]

    @property
    def output_shape(self) -> Shape | None:
        """The shape of one sample's output, or None until it is known."""
        return self.shapes[-1] if self.shapes else None

    def initialize(self, shape: Sequence[int]) -> None:
        """Fix the shape of the input and draw the parameters; done by itself where possible.

        Args:
            shape: the shape of one sample.

        Raises:
            ShapeError: a layer cannot take what the one before it gives.
        """
        shape = as_shape(shape)
        shapes = infer_shapes(self.layers, self.names, shape)
        self.generators = tuple(np.random.default_rng(self.seed).spawn(len(self.layers)))
        for index, entering in enumerate((shape, *shapes[:-1])):
            self._draw(index, entering)
        self._trained = tuple(
            any(parameter.trainable for parameter in layer.parameters()) for layer in self.layers
        )
        self._first_trained = (*self._trained, True).index(True)
        check_differentiable(self.layers, self.names, self._first_trained + 1)
        self.input_shape, self.shapes = shape, tuple(shapes)
        pack(self.parameters())

    def _draw(self, index: int, shape: Shape) -> None:
        """Create the parameters of one layer and give them the names of this network."""
        layer, name = self.layers[index], self.names[index]
        try:
            layer.initialize(shape, self.generators[index], self.dtype)
        except PlugnetError:
            raise
        except (MemoryError, ValueError) as error:  # NumPy raises either for a size beyond all
            raise ArgumentError(
                f"The parameters of layer '{name}', {layer!r}, cannot be made for inputs of shape "
                f"{shape}: {error}. If it is too large for the memory, make it smaller.",
                argument="layers",
                value=layer,
            ) from error
        for parameter in layer.parameters():
            parameter.name = f"{name}.{parameter.name.removeprefix(f'{name}.')}"
        names = [parameter.name for parameter in layer.parameters()]
        if len(set(names)) < len(names):
            raise ArgumentError(
                f"The parameters of a layer must have different names, but layer '{name}' has "
                f"{names}. Rename them in the layer.",
                argument="layers",
                value=layer,
            )

    def _all_parameters(self) -> list[Parameter]:
        if self.input_shape is None:
            raise ShapeError(
                "The network has no parameters yet, as the shape of its input is not known. Call "
                "network.initialize(shape), or give Network(..., input_shape=shape).",
                expected="a known input shape",
                got=None,
            )
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    # Description and files -----------------------------------------------------------------------

    def summary(self) -> str:
        """Return a table of the layers: output shape, parameters, FLOPs and memory."""
        self._all_parameters()
        return summarize(self)

    def spec(self) -> dict[str, Any]:
        """Return a JSON-ready description without the parameters' values."""
        return {
            "kind": "network",
            "layers": [layer.spec() for layer in self.layers],
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "dtype": self.dtype.name,
            "seed": self.seed,
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Network:
        """Build the network that ``spec`` describes, with new parameters.

        Raises:
            SpecError: it does not describe a network that can be built here.
        """
        match spec:
            case {
                "kind": "network",
                "layers": list(layers),
                "input_shape": list() | None as input_shape,
                "dtype": str(dtype),
                "seed": int(seed),
            } if len(spec) == 5:
                registry.check_specs(layers)
                return cls(layers, input_shape, dtype, seed)
        raise SpecError(
            "A network's spec has the keys kind, layers, input_shape, dtype and seed, as "
            f"Network.spec() gives them, but this one is {str(spec)[:200]}.",
            path="network",
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network, layers and values, to one file, wholly or not at all.

        Raises:
            SpecError: a layer cannot be described, as it is not registered.
            OSError: the file cannot be written.
        """
        from plugnet import model_file  # late: only saving and loading need it

        model_file.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Read a network that `save` or `Trainer.save` wrote.

        Raises:
            FileFormatError: the file is missing, damaged or not a saved network.
            SpecError: it needs components that are not installed.
        """
        from plugnet import model_file

        return model_file.load(path)

    def __repr__(self) -> str:
        return f"Network({' -> '.join(self.names)})"


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
