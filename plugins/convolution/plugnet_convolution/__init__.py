"""Convolution layers for plugnet, found by their names ``conv2d`` and ``conv2d_transpose``."""
