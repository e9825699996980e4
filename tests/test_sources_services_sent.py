"""What of a service's settings and description is part of a phrase's key: all that is sent, and no credential."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oggstream.options import SpeechOptions
from oggstream.sources.captures.replay_source import ReplaySource
from oggstream.sources.failover import Failover, Member
from oggstream.sources.offline_voice import OfflineVoice
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.phrases.phrase import phrase_key
from oggstream.sources.realtime.realtime_source import RealtimeSource
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.services.socket_table import Socket
from oggstream.sources.services.table import Service, service
from oggstream.sources.sockets.socket_source import SocketSource
from oggstream.sources.traits import SourceTraits, traits_of
from scripted import ScriptedSource

OPTIONS = SpeechOptions()
SERVICE = Service(
    name="anyone",
    base_url="https://speech.example",
    path="/say/{style}",
    query={"style": "{style}", "token": "t0ken-of-mine"},
    headers={"Authorization": "Bearer {key}", "X-Api-Key": "literal-key", "X-Style": "plain"},
    json={"text": "{text}", "style": "{style}", "extra": {"warmth": 3, "secret": "s3cret"}},
    environment={"key": ["ANYONE_KEY"], "style": ["ANYONE_STYLE"], "user_token": ["ANYONE_TOKEN"]},
    defaults={"style": "calm", "format": "opus"},
)
GIVEN: dict[str, Any] = {"api_key": "k1", "style": "calm", "voice": "anna", "model": "m", "user_token": "u1"}


def key_of(source: Any, options: SpeechOptions = OPTIONS) -> str:
    sound = traits_of(source).sound_for(options)
    assert sound
    return phrase_key(sound, "Hello.", "", options)


def of_service(service: Service = SERVICE, **changes: Any) -> str:
    return key_of(ServiceSource(service, **{**GIVEN, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"style": "angry"},
        {"voice": "bert"},
        {"model": "n"},
        {"base_url": "https://other.example"},
        {"base_url": "https://speech.example/another"},
    ],
)
def test_each_setting_that_changes_the_sound_changes_the_key(changes: dict[str, Any]) -> None:
    assert of_service(**changes) != of_service()


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/speak/{style}"},
        {"method": "PUT"},
        {"query": {"style": "{style}", "quality": "low"}},
        {"headers": {"Authorization": "Bearer {key}", "X-Style": "loud"}},
        {"json": {"text": "{text}", "style": "{style}", "extra": {"warmth": 4}}},
        {"json": {"text": "{text}", "style": "{style}", "tokens": ["a"]}},
        {"json": None, "form": {"text": "{text}"}},
        {"json": None, "xml": "<speak>{text}</speak>"},
        {"defaults": {"style": "calm", "format": "opus", "pitch": 2}},
        {"formats": {"wav": "wav"}},
    ],
)
def test_each_entry_that_is_sent_changes_the_key(changes: dict[str, Any]) -> None:
    assert of_service(replace(SERVICE, **changes)) != of_service()


@pytest.mark.parametrize(
    "changes",
    [{"api_key": "k2"}, {"user_token": "u2"}, {"base_url": "https://anna:word@speech.example"}],
)
def test_no_credential_that_is_given_does(changes: dict[str, Any]) -> None:
    assert of_service(**changes) == of_service()


@pytest.mark.parametrize(
    "changes",
    [
        {"query": {"style": "{style}", "token": "another-one"}},
        {"headers": {**SERVICE.headers, "X-Api-Key": "another-one"}},
        {"json": {"text": "{text}", "style": "{style}", "extra": {"warmth": 3, "secret": "another-one"}}},
        {"advice": {"401": "pay"}},
        {"requests": 3},
    ],
)
def test_no_credential_that_is_written_down_does_and_nothing_that_is_not_sent(changes: dict[str, Any]) -> None:
    assert of_service(replace(SERVICE, **changes)) == of_service()


def test_over_a_socket_what_is_sent_there_counts() -> None:
    known = service("cartesia")
    assert isinstance(known.socket, Socket)
    other = replace(known, socket=replace(known.socket, opening=[{"loudness": 2}]))
    keys = {key_of(SocketSource(each, api_key=key)) for key in ("k1", "k2") for each in (known, other)}
    assert len(keys) == 2


def test_openais_key_is_no_part_of_it_and_the_rest_is() -> None:
    keys = {
        key_of(OpenAISource(base_url=url, api_key=key, model=model, voice=voice))
        for url in ("https://a.example/v1", "https://b.example/v1")
        for key in ("k1", "k2")
        for model in ("m", "n")
        for voice in ("anna", "bert")
    }
    assert len(keys) == 8


def test_the_coding_of_a_realtime_session_is_heard() -> None:
    assert len({key_of(RealtimeSource(api_key="k", coding=coding)) for coding in ("pcm", "pcmu", "pcma")}) == 3


def test_another_engine_is_another_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {key_of(OfflineVoice(engine, voice)) for engine in ("auto", "espeak") for voice in (None, "alloy")}
    assert len(keys) == 4
    monkeypatch.setattr("oggstream.voice.registry.engines_here", lambda name: "another")
    assert key_of(OfflineVoice()) not in keys
    monkeypatch.setattr("oggstream.__version__", "99")
    assert key_of(OfflineVoice()) not in keys


def test_a_recording_is_nobodys_phrase() -> None:
    capture = Path(__file__).parent / "fixtures" / "captures" / "a_fast.ogg"
    traits = traits_of(ReplaySource(capture, capture))
    assert traits.identity_for(OPTIONS)
    assert not traits.sound_for(OPTIONS)


def test_a_source_that_says_nothing_else_is_known_by_its_identity() -> None:
    assert SourceTraits(identity="x").sound_for(OPTIONS) == "x"
    assert SourceTraits(identity="x", sound=lambda options: options.model).sound_for(SpeechOptions(model="v")) == "v"
    assert SourceTraits().sound_for(OPTIONS) is None


def test_of_a_chain_the_one_that_is_asked_is_meant() -> None:
    first, second = ScriptedSource([]), ScriptedSource([])
    first.traits, second.traits = (SourceTraits(name=name, identity=name) for name in "ab")
    assert traits_of(Failover([Member(first, owned=False), Member(second, owned=False)])).sound_for(OPTIONS) == "a"
