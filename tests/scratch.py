"""One folder for all that tests put into the system's folder for temporary files, gone with the run.

What a killed run has left is removed by the next one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "oggtests-"  # short: sockets are made in it


def begin() -> Path:
    """Make the folder of this process, for it and for all that it starts; pytest keeps its own where it was."""
    system = Path(tempfile.gettempdir())
    for left in system.glob(f"{PREFIX}*"):
        if not _runs(left.name.removeprefix(PREFIX)):
            end(left)
    folder = system / f"{PREFIX}{os.getpid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(system))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return folder


def end(folder: Path) -> None:
    """Remove it with what was left in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _runs(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
