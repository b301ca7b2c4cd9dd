"""The kinds of component, in one table, and the constants of the plugin API."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from plugnet import interfaces

CORE: Final = "plugnet"  # the distribution whose entry points are the built-in components
API_GROUP: Final = "plugnet.api"
API_VERSION: Final = 2  # of the plugin API; plugins for this one and the one before are accepted
FIRST_API: Final = 2  # the first that was released; a plugin without a mark is taken to be for it


class Kind(NamedTuple):
    """One kind of component.

    Attributes:
        name: the word for one of them, as in a spec: "layer".
        view: the attribute of the registry: "layers".
        interface: the class that all of them implement; `object` for hooks, which may be any class.
        wraps: a kind that may be given instead: the component of this kind that has that kind's
            name takes it as its argument. A layer may be given as an activation.
    """

    name: str
    view: str
    interface: type[Any]
    wraps: str | None = None

    @property
    def group(self) -> str:
        """The entry-point group in which distributions declare them: "plugnet.layers"."""
        return f"plugnet.{self.view}"


#: The table. `Registry` has a typed attribute for each row.
KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("layer", "layers", interfaces.Layer, wraps="activation"),
        Kind("activation", "activations", interfaces.Activation),
        Kind("loss", "losses", interfaces.Loss),
        Kind("initializer", "initializers", interfaces.Initializer),
        Kind("lr_policy", "lr_policies", interfaces.LRPolicy),
        Kind("optimizer", "optimizers", interfaces.Optimizer),
        Kind("regularizer", "regularizers", interfaces.Regularizer),
        Kind("metric", "metrics", interfaces.Metric),
        Kind("dataset", "datasets", interfaces.Dataset),
        Kind("hook", "hooks", object),
    )
}
KIND_OF_GROUP: Final = {kind.group: kind.name for kind in KINDS.values()}
#: The kinds that have an interface, so that objects can be described. Hooks have none.
DESCRIBABLE: Final = [kind.name for kind in KINDS.values() if kind.interface is not object]

#: Which of plugnet's own distributions provides a name that is not installed. Names of strangers'
#: distributions are never guessed: typosquatters wait for a guess.
PUBLISHED: Final = {
    (kind, name): distribution
    for (distribution, kind), names in {
        ("plugnet-convolution", "layer"): "conv2d conv2d_transpose",
        ("plugnet-pooling", "layer"): "max_pool average_pool global_max_pool global_average_pool",
        ("plugnet-dropout", "layer"): "dropout",
        ("plugnet-normalization", "layer"): "batch_norm layer_norm",
        ("plugnet-composition", "layer"): "residual branches",
        ("plugnet-recurrent", "layer"): "embedding rnn lstm gru",
        ("plugnet-parquet", "dataset"): "parquet",
        ("plugnet-hdf5", "dataset"): "hdf5 mat73",
        ("plugnet-images", "dataset"): "images",
    }.items()
    for name in names.split()
}
