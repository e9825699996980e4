"""The text in what language models stream: plain strings, and the chunks and events of the common packages."""

from __future__ import annotations

from ..errors import UsageError

# Events whose ``delta`` is text that the user is meant to see. Reasoning, tools' arguments and transcripts are not.
_TEXT_EVENTS = frozenset(
    (
        "response.output_text.delta",  # openai, Responses
        "response.refusal.delta",
        "content.delta",  # openai's helper around chat completions, which repeats each as an event "chunk"
        "refusal.delta",
        "content_block_delta",  # anthropic, which repeats each as an event "text" with a "snapshot"
    )
)
_TEXT_FIELDS = ("content", "text", "refusal", "output_text")


def text_of(item: object) -> str:
    """Text that ``item`` of a model's stream adds to the answer; "" if it adds none.

    ``item`` is a str or None, a chunk of chat or legacy completions, an event of the Responses API, anything else that
    has its text in ``text`` or ``content``, or a dict of one of these shapes. Of several choices the first is spoken.
    Raises `UsageError` for what is none of these.
    """
    if item is None or isinstance(item, str):
        return item or ""
    if isinstance(item, (bytes, bytearray)):
        raise UsageError("text came as bytes: decode it first (codecs.getincrementaldecoder)")
    kind = _field(item, "type")
    if _has(item, "choices"):
        return _of_choices(_field(item, "choices"))
    if isinstance(kind, str) and ("." in kind or "_" in kind or kind == "chunk" or _has(item, "snapshot")):
        return _text(_field(item, "delta")) if kind in _TEXT_EVENTS else ""
    if kind is None and not any(_has(item, name) for name in _TEXT_FIELDS):
        raise UsageError(f"no text in {type(item).__name__!r}: give str, or chunks or events of a model's stream")
    return _text(item)


def _of_choices(choices: object) -> str:
    """Text of the first choice: each chunk of several choices carries any of them, the last one often none."""
    for choice in choices if isinstance(choices, (list, tuple)) else ():
        if not _field(choice, "index"):
            return _text(_field(choice, "delta") or _field(choice, "message") or choice)
    return ""


def _text(value: object) -> str:
    """Text of a delta or message: itself, a part's or all its parts'; "" if it has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "".join(_text(part) for part in value)
    for name in _TEXT_FIELDS:
        inner = _field(value, name)
        if isinstance(inner, (str, list, tuple)) and inner:
            return _text(inner)
    return ""


def _field(item: object, name: str) -> object:
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)


def _has(item: object, name: str) -> bool:
    return name in item if isinstance(item, dict) else hasattr(item, name)
