"""Fuzzing the readers of files: what may happen to a damaged or forged file."""
