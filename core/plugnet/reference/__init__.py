"""The reference of components, made from the registry: pages and pictures."""
