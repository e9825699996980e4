"""What speaks on this machine: text in, sound out. Knows no HTTP and no endpoint; the endpoint is built on it.

``await oggstream.voices()`` is a function's name too (see `oggstream.voice_list`). Importing a module of this package
puts the package under that name, so the package itself can be called.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
else:
    ModuleType = type(sys)  # without an import: children start with this module


class _CallableModule(ModuleType):
    """A module that, called, lists voices."""

    def __call__(self, source: object = None) -> object:
        """As `oggstream.voice_list.voices`, which belongs to an upper layer and so is looked up by name."""
        from importlib import import_module

        return import_module("oggstream.voice_list").voices(source)


sys.modules[__name__].__class__ = _CallableModule
