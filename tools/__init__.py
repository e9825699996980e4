"""Tools for the development of oggstream; not installed with it."""
