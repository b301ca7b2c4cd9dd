"""What objects look like in a notebook."""
