"""What ALSA and JACK say goes to the log: left alone, they write it to standard error, into whatever stands there."""

from __future__ import annotations

import ctypes
import logging
import sys
from contextlib import suppress
from typing import Any

_AlsaHandler = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p
)
_JackHandler = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
_kept: list[Any] = []  # the handlers, for as long as the libraries may call them


def log_native_messages() -> None:
    """Have both libraries call us, where they are. Call it before PortAudio is loaded; a second call does nothing.

    ALSA: snd_lib_error_set_handler (alsa/error.h). Its last arguments, for the format, are variadic: of them none is
    read but the first, and that only where the format takes one text. JACK: jack_set_error_function (jack/jack.h).
    """
    if _kept or sys.platform != "linux":
        return
    _kept.append(None)
    with suppress(OSError, AttributeError):
        _set(ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler, _AlsaHandler(_log_alsa))
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("libjack.so.0")
        for function in (library.jack_set_error_function, library.jack_set_info_function):
            _set(function, _JackHandler(_log_jack))


def _set(function: Any, handler: Any) -> None:
    _kept.append(handler)
    function.argtypes = [type(handler)]
    function(handler)


def _log_alsa(
    file: bytes | None, line: int, where: bytes | None, _code: int, form: bytes | None, first: int | None
) -> None:
    words = _text(form)
    if words.count("%") == 1 and words.count("%s") == 1 and first:
        words = words.replace("%s", _text(ctypes.string_at(first)))
    _log(f"ALSA: {words} ({_text(where)}, {_text(file)}:{line})")


def _log_jack(said: bytes | None) -> None:
    _log(f"JACK: {_text(said)}")


def _log(text: str) -> None:
    logging.getLogger("oggstream").debug("%s", text)


def _text(said: bytes | None) -> str:
    return (said or b"").decode(errors="replace").strip()
