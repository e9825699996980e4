"""The one door to onnxruntime.

From 1.29 on it phones home unless told otherwise: at its import it writes an identifier into the user's cache folder
and looks for a telemetry host, again and again. The variable has to be there before the import; calls behind it come
too late. So nothing else in this package imports it, and who needs a library that does calls `runtime` first.
"""

from __future__ import annotations

import os
from typing import Any

from ..errors import LibraryError


def runtime() -> Any:
    """The module, silent. Raises `LibraryError` where there is none for this Python or this system."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise LibraryError(
            f"onnxruntime is missing or does not run here ({error}): pip install onnxruntime, or use --service "
            "offline:espeak"
        ) from error
    return onnxruntime


def session(path: str, *, threads: int = 1) -> Any:
    """An `InferenceSession` of the model at ``path`` on the processor. Raises `LibraryError` for one that is none."""
    library = runtime()
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return library.InferenceSession(path, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise LibraryError(f"the model {path} cannot be used, install it anew: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
