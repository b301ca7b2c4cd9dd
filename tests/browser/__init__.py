"""The built guide in a real browser. `tests/browser/install` brings what it takes.

sphinx-build -W examples/guide OUT
PLUGNET_SITE=OUT pytest tests/browser
"""
