"""The traits of a source, and their defaults."""

from __future__ import annotations

from typing import Any

import pytest

import oggstream
from oggstream.errors import UsageError
from oggstream.options import SpeechOptions
from oggstream.sources.traits import SourceTraits, StreamTraits, formats_for, stream_traits_of, traits_of
from scripted import ScriptedSource, ScriptedStream

PLAIN = SpeechOptions()


class Bare:
    def open(self, text: str, options: SpeechOptions) -> Any:
        raise NotImplementedError


class Described(Bare):
    def __init__(self, **traits: Any) -> None:
        self.traits = SourceTraits(**traits)


def test_a_source_that_tells_nothing_has_the_defaults_and_the_name_of_its_class() -> None:
    assert traits_of(Bare()) == SourceTraits(name="Bare")
    assert formats_for(Bare(), PLAIN) == ()


def test_a_source_may_have_no_more_than_a_name() -> None:
    class Named(Bare):
        name = "mine"

    assert traits_of(Named()).name == "mine"


def test_formats_and_identity_may_depend_on_the_options() -> None:
    source = Described(
        formats=lambda options: ("pcm",) if options.model == "r" else ("opus", "pcm"),
        identity=lambda options: f"host|{options.model}",
    )
    assert formats_for(source, PLAIN) == ("opus", "pcm")
    assert formats_for(source, SpeechOptions(model="r")) == ("pcm",)
    assert traits_of(source).identity_for(SpeechOptions(model="r")) == "host|r"
    assert traits_of(Described(identity="host")).identity_for(PLAIN) == "host"


def test_a_stream_that_tells_nothing_has_the_defaults() -> None:
    assert stream_traits_of(ScriptedStream([], 0.0)) == StreamTraits()


@pytest.mark.parametrize(
    ("traits", "field"),
    [
        ({"longest_text": -1}, "longest_text=-1"),
        ({"longest_text": 0}, "longest_text=0"),
        ({"requests": 0}, "requests=0"),
        ({"requests": "two"}, "requests='two'"),
        ({"formats": ("opus", "ogg")}, "the format 'ogg'"),
        ({"formats": lambda _: ("auto",)}, "the format 'auto'"),
    ],
)
async def test_nonsense_is_refused_at_the_first_use_by_source_and_field(traits: dict[str, Any], field: str) -> None:
    class Odd(ScriptedSource):
        pass

    source = Odd([])
    source.traits = SourceTraits(name="odd", **traits)
    with pytest.raises(UsageError, match=f"the source 'odd' .*{field}"):
        await oggstream.play_stream("Hello.", source=source, sink=oggstream.NullSink())
    assert not source.opened
