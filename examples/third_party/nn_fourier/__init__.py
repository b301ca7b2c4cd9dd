"""Random Fourier features for plugnet."""
