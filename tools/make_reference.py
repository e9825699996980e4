"""Makes docs/reference.md, the list of what is public, from the package itself: python -m tools.make_reference."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import oggstream

PAGE = Path(__file__).parent.parent / "docs" / "reference.md"
HEAD = """# Reference

What is public: these names of the package `oggstream`, the methods and fields shown here, and what
[python.md](python.md) says about them. Everything else is the engine's own affair and may change at any time. The
docstrings have the details: `help(oggstream.save)`. `python -m tools.make_reference` makes this page.
"""
GROUPS = {
    "To speak": ("play_stream", "Player", "Speech", "play", "preload", "voices"),
    "To keep, send or process": (
        *("save", "stream_ogg", "OggBody", "stream_frames", "stream_packets", "decode_stream"),
    ),
    "Options": ("SpeechOptions", "PlaybackOptions", "SpeechKeywords"),
    "What comes back": ("PlaybackReport", "Heard", "PcmFrame", "AudioPacket", "OpusHead", "OpusTags", "Hole", "Word"),
    "Sources": (),
    "Sinks": (),
    "Events": (),
    "Errors": (),
    "Types of arguments": (),
    "Other": (),
}


def page() -> str:
    """The page as it should be."""
    names = {group: list(fixed) for group, fixed in GROUPS.items()}
    given = {name for fixed in GROUPS.values() for name in fixed}
    for name in oggstream.__all__:
        if name not in given:
            names[_group(name)].append(name)
    parts = [HEAD]
    for group, members in names.items():
        rows = [_row(name) for name in members if name in oggstream.__all__]
        if rows:
            parts.append(f"## {group}\n\n| name | |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _value(name: str) -> Any:
    """What a name stands for: not by the package, where a folder may have the same name as a function."""
    home = oggstream._HOME_OF.get(name)  # noqa: SLF001  # where each name is
    return getattr(oggstream if home is None else import_module(f"oggstream.{home}"), name)


def _group(name: str) -> str:
    value = _value(name)
    if inspect.isclass(value):
        if issubclass(value, BaseException):
            return "Errors"
        if issubclass(value, oggstream.Event):
            return "Events"
    module = str(getattr(value, "__module__", ""))
    for part, group in (("sinks", "Sinks"), ("sources", "Sources"), ("voices", "Sources"), ("typing", _TYPES)):
        if module.partition("oggstream.")[2].startswith(part) or module == part:
            return group
    return _TYPES if module in ("types", "oggstream.types", "collections.abc") else "Other"


_TYPES = "Types of arguments"


def _row(name: str) -> str:
    value = _value(name)
    told = _summary(value) if inspect.isclass(value) or inspect.isroutine(value) else _TOLD.get(name, "")
    members = "".join(f"<br>`.{member}`: {text}" for member, text in _members(value))
    return f"| `{name}{_arguments(name, value)}` | {told}{members} |"


_GIVEN = ("Speech", "OggBody", "PlaybackReport")
"""Classes that nobody makes by hand."""
_TOLD = {
    "__version__": "The version of the package.",
    "AudioBytes": "The bytes of one body of audio, at once or as they come.",
    "OnEvent": "What `on_event` takes.",
    "SinkLike": "What `sink` takes.",
    "SourceLike": "What `source` takes.",
    "TextLike": "What `text` takes.",
}


def _arguments(name: str, value: Any) -> str:
    """The names of the arguments, with their defaults."""
    if name in _GIVEN or not (inspect.isclass(value) or inspect.isroutine(value)):
        return ""
    if inspect.isclass(value) and (_protocol(value) or issubclass(value, Exception | dict)):
        return ""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return ""
    shown = [_argument(parameter) for parameter in parameters]
    named = [at for at, parameter in enumerate(parameters) if parameter.kind is parameter.KEYWORD_ONLY]
    if named:
        shown.insert(named[0], "*")
    return f"({', '.join(shown)})"


def _argument(parameter: inspect.Parameter) -> str:
    if parameter.kind is parameter.VAR_KEYWORD:
        return "**SpeechOptions"
    default = parameter.default
    shown = repr(default) if isinstance(default, str | int | float | bool | None) else "..."
    return parameter.name if default is parameter.empty else f"{parameter.name}={shown}"


def _members(value: Any) -> list[tuple[str, str]]:
    """The public methods and properties, but for those of dataclasses, whose fields are arguments."""
    if not inspect.isclass(value) or issubclass(value, BaseException | tuple):
        return []
    own = [(name, member) for name, member in vars(value).items() if not name.startswith("_")]
    return [
        (name, _summary(member)) for name, member in own if isinstance(member, property) or inspect.isroutine(member)
    ]


def _summary(value: Any) -> str:
    """The first sentences of a docstring, on one line."""
    text = " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())
    return re.sub(r"``([^`]+)``", r"`\1`", text).replace("|", "\\|")


def _protocol(value: Any) -> bool:
    return bool(getattr(value, "_is_protocol", False))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
