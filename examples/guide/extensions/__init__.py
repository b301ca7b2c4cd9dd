"""What the guide adds to Sphinx."""
