"""Dropout for plugnet."""
