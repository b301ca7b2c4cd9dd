"""Layers of layers for plugnet: residual, branches."""
