"""What is said for what is written in a speech, from its options and the user's file of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...files.words_file import read_words

if TYPE_CHECKING:
    from ...options import PlaybackOptions, SpeechOptions
    from ...sources.traits import SourceTraits
    from ...text.replacing.replacements import Replacements


def replacements_of(options: PlaybackOptions, speech: SpeechOptions, traits: SourceTraits) -> Replacements | None:
    """All that is to be replaced; None for nothing. Raises `UsageError`, and `ConfigError` for the file."""
    words = {**read_words(speech.language), **(options.replace or {})}
    if not words or traits.whole:
        return None
    from ...text.replacing.replacements import replacements

    return replacements(words, traits.ipa_for(speech))
