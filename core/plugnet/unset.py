"""What stands for a component's attribute until a call sets it."""

from __future__ import annotations

import inspect
from typing import Any, NoReturn

from plugnet.errors import MissingStateError


class Unset:
    """Raises, whatever is done with it, and says what to call first.

    So a layer's methods need no check of their own: `backward` simply uses what `forward` keeps. A
    class with a ``__getattr__`` could say it, too, but in Python 3.11 that makes each access to any
    attribute three times as slow: a sixth of the step of a tiny network.
    """

    def __init__(self, owner: str, name: str) -> None:
        vars(self).update(_owner=owner, _name=name)

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        own = vars(self)
        raise MissingStateError(
            f"'{own['_owner']}' has no '{own['_name']}' yet. Call initialize before anything else, "
            "and forward with training=True before gradients and backward, which read what it "
            "keeps; a loss's forward before its backward.",
            name=own["_name"],
            obj=self,
        )

    __getattr__ = __getitem__ = __iter__ = __len__ = __bool__ = __index__ = __call__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __matmul__ = __neg__ = __array_ufunc__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rmatmul__ = __array_function__ = _refuse
    __array__ = __lt__ = __le__ = __gt__ = __ge__ = __pow__ = __float__ = __int__ = _refuse

    def __repr__(self) -> str:
        return "<not set yet>"


def stand_in(cls: type[Any]) -> None:
    """Put an `Unset` wherever a class annotates a private attribute and gives it no value."""
    try:
        annotations = inspect.get_annotations(cls)
    except NameError:  # one that only a type checker can evaluate
        return
    for name in annotations:
        if name.startswith("_") and not hasattr(cls, name):
            setattr(cls, name, Unset(cls.__name__, name))
