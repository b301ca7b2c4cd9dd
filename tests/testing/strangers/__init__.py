"""Components by strangers: wrong ones that a kit must catch, right ones that it must pass."""
