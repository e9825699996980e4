"""How well a recogniser understands the voices of this machine. See ``python -m tools.hearing --help``."""
