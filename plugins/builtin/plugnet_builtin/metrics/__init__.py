"""The metrics that come with plugnet."""
