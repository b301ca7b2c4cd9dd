"""Files that are never half-written, and the format in which arrays are saved."""
