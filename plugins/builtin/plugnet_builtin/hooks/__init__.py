"""Hooks: what watches a training run, and what stops one."""
