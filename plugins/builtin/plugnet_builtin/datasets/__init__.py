"""Readers of labelled samples, one module per format."""
