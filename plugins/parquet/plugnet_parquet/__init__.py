"""Parquet files for plugnet: the data set parquet."""
