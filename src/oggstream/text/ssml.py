"""Documents of SSML (Speech Synthesis Markup Language 1.1)."""

from __future__ import annotations


def is_ssml(text: str) -> bool:
    """Whether ``text`` is a document of SSML: sent as it is to a service that takes it, else without its tags."""
    start = text[:1000].lstrip("\ufeff \t\r\n")
    return start.startswith("<speak") or (start.startswith("<?xml") and "<speak" in start)
