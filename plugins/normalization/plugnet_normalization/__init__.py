"""Normalization layers for plugnet: batch_norm, layer_norm."""
