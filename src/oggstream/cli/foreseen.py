"""The first request of ``say``, told before what asks it is loaded: a tenth of a second sooner.

It is made by what makes it later, too: the options, the endpoint, the history, the choice of the format. It is told
only where nothing but these decides about it, and where nothing that the command line names may fail before it is
asked. A request that is foreseen wrongly would not be used, but cost as one that is.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ..engine.memory import key_of
from ..engine.output.pacing import CHARACTERS_PER_SECOND
from ..engine.requests.format_choice import FormatChoice
from ..errors import OggStreamError
from ..files.words_file import words_path
from ..history import named
from ..options import SpeechOptions
from ..sources.http.exchange import Outgoing, check_headers
from ..sources.openai_endpoint import OpenAIEndpoint
from .wishes import playback_options, speech_options, text_in

if TYPE_CHECKING:
    from argparse import Namespace

    from ..options import PlaybackOptions

_MAY_FAIL = ("device", "save", "output", "captions")
"""Options that name what is opened, or looked at, before a service is asked."""
_SINKS = {"device", "null"}
"""Those that are not."""


def foreseen(args: Namespace) -> bytes | None:
    """The bytes of the first request to the endpoint like OpenAI's that ``args`` ask; None where it is not certain."""
    if any(getattr(args, name) is not None for name in _MAY_FAIL) or not _SINKS.issuperset(args.sink):
        return None
    try:
        options = playback_options(args)
        speech = SpeechOptions(**speech_options(args))
        text = text_in(args.text)
        if text is None or not _is_one_piece(text, speech, options):
            return None
        return _request(text, speech, options, args.base_url)
    except OggStreamError:  # it is told by what asks
        return None


def _is_one_piece(text: str, speech: SpeechOptions, options: PlaybackOptions) -> bool:
    """Whether ``text`` surely is one piece, as it is: see `Script`."""
    most = round(options.ahead * CHARACTERS_PER_SECOND * (speech.speed or 1.0))
    plain = text.isprintable() and not options.speakable and "<" not in text
    return plain and bool(text.strip()) and len(text) <= most and not os.path.lexists(words_path())


def _request(text: str, speech: SpeechOptions, options: PlaybackOptions, base_url: str | None) -> bytes | None:
    endpoint = OpenAIEndpoint(base_url=base_url)
    if endpoint.lacks_key or "@" in endpoint.url:
        return None
    traits = endpoint.traits("openai")
    key = key_of(traits, speech)
    habits = None if options.history is None or key is None else named(options.history).get(key)
    chosen = FormatChoice(speech.format, traits, traits.formats_for(speech), habits).opening()
    request = endpoint.request(endpoint.fields(text, replace(speech, format=chosen)))
    check_headers(request.headers)
    return Outgoing(request.method, endpoint.url, request.headers, request.body).unpacked().encoded()
