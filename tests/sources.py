"""The source of a plugin."""

#: One component of each of three kinds.
SOURCE = '''
"""A plugin."""
from plugnet.interfaces import Activation, Initializer, Layer, LRPolicy


class Shift(Layer):
    """y = x + by."""

    def __init__(self, by=1.0, *, name="shift"):
        self.by = by
        self.name = name

    def forward(self, x, training=False):
        return x + self.by

    def backward(self, dy):
        return dy


class Cube(Activation):
    def forward(self, x, out=None):
        return x**3

    def derivative(self, x, y, out=None):
        return 3 * x**2


class Ramp(LRPolicy):
    def __init__(self, slope: float = 1.0, after: LRPolicy | None = None):
        self.slope = slope
        self.after = after

    def __call__(self, iteration):
        return self.slope * iteration
'''
