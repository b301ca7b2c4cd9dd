"""Commands that run long: kills, calls that fail, and a soak; each says how in its docstring."""
