"""What was spoken before a piece of a speech, for services that take it so that the melody goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import UsageError

BEFORE = ("characters", "requests", "except")
"""What a service's description may say of the speech before a piece."""
MOST_PIECES = 64
"""Pieces of a speech that are remembered."""


class SpokenBefore:
    """A piece that was asked for. ``request_id`` is there once its answer began, ``complete`` when all of it came."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.request_id: str | None = None
        self.complete = False


class SpeechMemory:
    """The pieces of one speech in the order of their text.

    A piece that is asked for once more, or the rest of one, has the same text before it as the first time.
    """

    def __init__(self) -> None:
        self._pieces: list[SpokenBefore] = []

    def ask(self, text: str) -> tuple[SpokenBefore, list[SpokenBefore]]:
        """Note a piece; return it and those before it."""
        number = next((at for at, piece in enumerate(self._pieces) if piece.text.endswith(text)), len(self._pieces))
        piece = SpokenBefore(text)
        before = self._pieces[:number]
        if number == len(self._pieces):
            self._pieces.append(piece)
            del self._pieces[:-MOST_PIECES]
        elif len(self._pieces[number].text) > len(text):
            before = [*before, SpokenBefore(self._pieces[number].text[: -len(text)])]
        else:
            self._pieces[number] = piece
        return piece, before


def fields_of(before: list[SpokenBefore], characters: int, requests: int) -> dict[str, Any]:
    """``previous_text``, of ``characters`` at most, cut at a word; ``previous_request_ids`` of the last ``requests``.

    Where both would do there are only the ids. They need the last piece to be complete: a service cannot go on from an
    answer that it still gives.
    """
    ids = [piece.request_id for piece in before[-requests:] if piece.complete and piece.request_id] if requests else []
    if ids and before[-1].complete and before[-1].request_id:
        return {"previous_request_ids": ids}
    text = " ".join(piece.text.strip() for piece in before)
    if len(text) > characters:
        text = text[-characters:].partition(" ")[2] if characters else ""
    return {"previous_text": text} if text else {}


def check_before(table: Mapping[str, Any]) -> None:
    """Raise `UsageError` for a description, with the entries of `BEFORE`, that makes no sense."""
    if unknown := sorted(set(table) - set(BEFORE)):
        raise UsageError(f"before has no entry {unknown[0]!r}; there are {', '.join(BEFORE)}")
    for name in ("characters", "requests"):
        if not isinstance(table.get(name, 0), int) or table.get(name, 0) < 0:
            raise UsageError(f"before.{name} is no number")
    if not isinstance(table.get("except", []), list):
        raise UsageError("before.except is no list of models")
