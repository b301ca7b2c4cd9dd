"""Pooling layers for plugnet: max_pool, average_pool, global_max_pool, global_average_pool."""
