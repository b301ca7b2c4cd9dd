"""The commands `plugnet plugins ...`."""
