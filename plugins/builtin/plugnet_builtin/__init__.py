"""The built-in plugins of plugnet. Each module is imported when one of its names is first built."""
