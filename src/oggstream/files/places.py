"""Where a user's files belong."""

from __future__ import annotations

import os
import sys


def cache_folder() -> str:
    """The folder of what may be deleted at any time; it need not exist."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        folder = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        folder = os.path.join(home, "Library", "Caches")
    else:
        folder = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(folder, "oggstream")


def settings_folder() -> str:
    """The folder of what the user has set; it need not exist."""
    home = os.path.join(os.path.expanduser("~"), ".config")
    folder = os.environ.get("APPDATA") if sys.platform == "win32" else os.environ.get("XDG_CONFIG_HOME")
    return os.path.join(folder or home, "oggstream")
