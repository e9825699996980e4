"""Starts the process of the engine that will probably speak, first thing: it loads while the program does the rest."""

from __future__ import annotations

from contextlib import suppress

from .choice import AUTO, engines_for, language_of
from .pools import pool_of


def begin(engine: str = AUTO, text: str = "", language: str | None = None) -> None:
    """Start the process for ``text``, which may be only its beginning, if none runs.

    Takes a few ms. Never raises: what is wrong is said where something is spoken.
    """
    with suppress(Exception):
        pool_of(engines_for(language_of(text, language), engine or AUTO)[0]).prepare()
