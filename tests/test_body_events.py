"""Audio in server-sent events: the lines (sse) and what is in them (envelope)."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bodies import b64, event, events, every, joined, outcome, pieces, read, tone, wav
from oggstream.body.body_reader import BodyReader
from oggstream.body.envelope import Envelope
from oggstream.body.sse import MAX_EVENT, EventReader, ServerEvent
from oggstream.errors import (
    EmptyBodyError,
    FormatError,
    NoAudioError,
    QuotaError,
    RateLimitError,
    ServerError,
    WrongContainerError,
)
from oggstream.opus.items import StreamStats
from oggstream.opus.opus_reader import OpusReader

TONE = tone()
PCM = TONE.tobytes()
SOUND = (TONE / 32768).astype(np.float32)
OGG = (Path(__file__).parent / "fixtures" / "generation_b.opus").read_bytes()
DONE = event({"type": "speech.audio.done", "usage": {"total_tokens": 3}})
SSE = "text/event-stream"


def unwrap(body: bytes) -> tuple[bytes, Envelope]:
    envelope = Envelope(StreamStats())
    return envelope.feed(body) + envelope.finish(), envelope


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("step", [1, 7, 1000, 10_000_000])
def test_ogg_opus_in_events_is_the_same_as_without(end: bytes, step: int) -> None:
    body = events(OGG, end=end) + DONE
    reader, items = read(body, every(step, body), content_type=SSE)
    plain = OpusReader()
    assert items == plain.feed(OGG) + plain.finish()
    assert (reader.container, reader.enveloped, reader.ended, reader.announced) == ("ogg", True, True, None)
    assert reader.head is not None
    assert reader.stats.as_dict() == plain.stats.as_dict() | {"bytes": len(body)}


@pytest.mark.parametrize("size", [1, 2, 3, 333, 100_000])
@pytest.mark.parametrize("inner", [PCM, wav(PCM), wav(PCM, size=0)], ids=["pcm", "wav", "open wav"])
def test_samples_in_events_are_cut_anywhere(inner: bytes, size: int) -> None:
    body = events(inner, size) + DONE
    reader, items = read(body, every(501, body), content_type=SSE, format="pcm:24000")
    assert np.array_equal(joined(items), SOUND)
    assert reader.announced == (1, 24000)
    assert reader.stats.bytes == len(body)
    assert reader.stats.warnings == []


@pytest.mark.parametrize(
    "spelling",
    [
        {"type": "speech.audio.delta", "audio": "QUJD"},
        {"type": "speech.audio.delta", "delta": "QUJD"},
        {"type": "response.output_audio.delta", "delta": "QUJD"},
        {"type": "response.audio.delta", "delta": "QUJD"},
        {"type": "audio", "audio_data": "QUJD"},
        {"type": "audio", "data": "QUJD"},
        {"type": "chunk", "data": "QUJD", "done": False},
        {"type": "audio", "audio": {"data": "QUJD"}},
        {"audio": "QUJD"},
        {"audio_base64": "QUJD", "alignment": None},
        {"audio_b64": "QUJD"},
        {"event": "audio", "payload": {"bytes": "QUJD"}},
        {"event": "audio", "data": {"audio": "QUJD"}},
        {"type": "speech.audio.delta", "audio": "QUJD", "error": None},
        {"audioContent": "QUJD"},
    ],
)
def test_every_spelling_of_audio_is_understood(spelling: dict[str, object]) -> None:
    assert unwrap(event(spelling))[0] == b"ABC"


@pytest.mark.parametrize(
    "other",
    [
        {"type": "speech.audio.started", "audio": "x y"},
        {"type": "response.output_audio_transcript.delta", "delta": "Hello there"},
        {"type": "response.output_text.delta", "delta": "Hello"},
        {"type": "response.created", "response": {"audio": "no base64"}},
        {"type": "ping"},
        {"type": "timestamps", "data": "none"},
        {"usage": {"audio": 3}},
        {"type": "speech.audio.delta", "audio": ""},
        {"type": "speech.audio.delta", "audio": None},
        {"type": 5},
        {},
    ],
)
def test_other_events_are_passed_over(other: dict[str, object]) -> None:
    sound, envelope = unwrap(event(other) + event({"audio": "QUJD"}))
    assert sound == b"ABC"
    assert envelope.failure is None


@pytest.mark.parametrize(
    "line",
    [
        b": keep-alive\n\n",
        b":\n",
        b"\n\n\n",
        b"id: 5\nretry: 1000\n\n",
        b"event: ping\ndata: ping\n\n",
        b"data: ping\n\n",
        b"data\n\n",
        b"unknown field\n\n",
        b"data: [1, 2]\n\n",
    ],
)
def test_what_is_no_event_of_audio_is_passed_over(line: bytes) -> None:
    sound, envelope = unwrap(line + event({"audio": "QUJD"}))
    assert sound == b"ABC"
    assert (envelope.failure, envelope.ended) == (None, False)


@pytest.mark.parametrize("text", ["QUI=", "QUI", "QUI==", "Q U\nI=", "QUI\n"])
def test_base64_is_padded_in_any_way(text: str) -> None:
    assert unwrap(event({"audio": text}))[0] == b"AB"


def test_base64_may_be_of_the_kind_for_addresses() -> None:
    assert unwrap(event({"audio": base64.urlsafe_b64encode(b"\xfb\xff\xfe").decode()}))[0] == b"\xfb\xff\xfe"


@pytest.mark.parametrize("sound", [b"OggS" + bytes(range(200)), bytes(64), bytes(range(64)) * 200])
def test_hexadecimal_digits_are_not_taken_for_base64(sound: bytes) -> None:
    assert unwrap(event({"data": {"audio": sound.hex(), "status": 1}}))[0] == sound


def test_silence_in_base64_is_not_taken_for_hexadecimal_digits() -> None:
    assert unwrap(event({"audio": "A" * 128}))[0] == bytes(96)


@pytest.mark.parametrize("kind", ["audio/ogg", "audio/ogg;codecs=opus", "AUDIO/WAV", ""])
def test_a_data_url_is_read(kind: str) -> None:
    assert unwrap(event({"audio": f"data:{kind};base64,QUJD"}))[0] == b"ABC"


def test_base64_without_json_is_read_where_the_event_is_called_audio() -> None:
    assert unwrap(b"event: audio\ndata: QUJD\n\nevent: other\ndata: QUJD\n\n")[0] == b"ABC"


def test_the_name_of_the_event_stands_for_its_type() -> None:
    text = json.dumps({"data": "QUJD"}).encode()
    assert unwrap(b"event: audio_chunk\ndata: " + text + b"\n\n")[0] == b"ABC"
    assert unwrap(b"event: transcript\ndata: " + text + b"\n\n")[0] == b""


def test_data_of_several_lines_is_one_event() -> None:
    assert unwrap(b'data: {"audio":\ndata:  "QUJD"\ndata: }\n\n')[0] == b"ABC"


@pytest.mark.parametrize(
    "last",
    [
        b"data: [DONE]\n\n",
        event({"type": "speech.audio.done"}),
        event({"type": "done"}),
        event({"type": "response.done"}),
        b"event: done\ndata: {}\n\n",
        b"data: [DONE]",
    ],
)
def test_the_end_is_told_and_nothing_counts_after_it(last: bytes) -> None:
    sound, envelope = unwrap(event({"audio": "QUJD"}) + last + b"\n\n" + event({"audio": "REVG"}))
    assert sound == b"ABC"
    assert envelope.ended


def test_the_end_of_the_transcript_is_not_the_end() -> None:
    body = event({"type": "response.output_audio_transcript.done", "transcript": "A"}) + event({"audio": "QUJD"})
    assert unwrap(body)[0] == b"ABC"


def test_the_last_event_needs_no_empty_line() -> None:
    _, items = read(events(PCM).rstrip(b"\n"), content_type=SSE, format="pcm")
    assert np.array_equal(joined(items), SOUND)


def test_an_event_that_is_cut_is_left_out_with_a_warning() -> None:
    body = events(PCM, 1200)
    reader, items = read(body[:-20], content_type=SSE, format="pcm:24000")
    assert np.array_equal(joined(items), SOUND[:1800])
    assert reader.stats.warnings == ["the body ends in the middle of the event at byte 4953"]


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        ({"type": "speech.audio.error", "error": {"message": "out of breath"}}, ServerError, "out of breath"),
        ({"type": "error", "error": "out of breath"}, ServerError, "out of breath"),
        ({"type": "error", "message": "out of breath"}, ServerError, "out of breath"),
        ({"error": {"message": "out of breath"}}, ServerError, "out of breath"),
        ({"type": "response.failed"}, ServerError, "no reason"),
        ({"error": {"message": "no credit", "code": "insufficient_quota"}}, QuotaError, "no credit.*add credit"),
        ({"error": {"message": "slow", "type": "rate_limit_exceeded"}}, RateLimitError, "slow.*wait"),
        ({"error": {"message": "Incorrect API key sk-abc123"}}, ServerError, "Incorrect API key sk-\\.\\.\\.;"),
    ],
)
def test_an_error_in_mid_stream_is_raised_once_what_came_before_is_given(
    error: object, kind: type[Exception], says: str
) -> None:
    reader = BodyReader(content_type=SSE, format="pcm")
    items = reader.feed(events(PCM) + event(error) + events(PCM))
    assert np.array_equal(joined(items), SOUND)
    assert isinstance(reader.failure, kind)
    for _ in range(2):
        with pytest.raises(kind, match=f"the service broke off.*{says}"):
            reader.feed(b"x")
    with pytest.raises(kind):
        reader.finish()


def test_an_error_at_once_is_raised_at_once() -> None:
    reader = BodyReader(content_type=SSE)
    with pytest.raises(ServerError, match="out of breath"):
        reader.feed(event({"type": "speech.audio.error", "error": {"message": "out of breath"}}))


def test_an_event_called_error_is_one_whatever_is_in_it() -> None:
    with pytest.raises(ServerError, match="the voice is gone"):
        read(b"event: error\ndata: the voice is gone\n\n", content_type=SSE)


@pytest.mark.parametrize("text", ["x", "QUJDx", "QU*D", "äöü", "QQ=Q"])
def test_invalid_base64_is_refused(text: str) -> None:
    reader = BodyReader(content_type=SSE, format="pcm")
    items = reader.feed(events(PCM) + event({"type": "speech.audio.delta", "audio": text}))
    assert np.array_equal(joined(items), SOUND)
    with pytest.raises(FormatError, match=r"the event at byte 6.* is no valid base64; .*ask for audio without events"):
        reader.finish()


@pytest.mark.parametrize(
    "text", [b'{"audio": "QUJD"', b"{]", b"{" * 5000, b'{"a":' * 3000, b'{"a": ' + b"1" * 5000 + b"}"]
)
def test_invalid_json_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError, match="the event at byte 0 is no valid JSON"):
        read(b"data: " + text + b"\n\n" + DONE, content_type=SSE)


@pytest.mark.parametrize("shape", ["one line", "many lines", "comment"])
def test_an_event_without_end_is_refused_and_never_kept(shape: str) -> None:
    reader = BodyReader(content_type=SSE, format="pcm")
    assert len(joined(reader.feed(events(PCM)))) == len(TONE)
    start = b":" if shape == "comment" else b'data: {"audio": "'
    piece = b"A" * 65530 + (b"\ndata:" if shape == "many lines" else b"AAAAAA")
    reader.feed(start)
    for _ in range(MAX_EVENT // len(piece) - 1):
        assert reader.feed(piece) == []
    with pytest.raises(FormatError, match="an event of more than 12 MB; ask the service for a stream"):
        reader.feed(piece * 2)


def test_one_event_may_hold_a_whole_speech() -> None:
    pcm = bytes(2 << 20)
    _, items = read(event({"audio": b64(PCM + pcm)}), every(65536, PCM + pcm), content_type=SSE, format="pcm")
    assert len(joined(items)) == len(TONE) + len(pcm) // 2


def test_events_without_audio_are_an_empty_body() -> None:
    with pytest.raises(EmptyBodyError):
        read(DONE, content_type=SSE)


def test_events_around_half_a_header_are_no_audio() -> None:
    with pytest.raises(NoAudioError):
        read(events(wav(PCM)[:30]), content_type=SSE)


def test_events_around_events_are_not_unwrapped_again() -> None:
    with pytest.raises(WrongContainerError):
        read(events(events(PCM)), content_type=SSE, format="pcm")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n", b"event: x\n", b"id: 3\n", b"retry: 5\n\n"])
@pytest.mark.parametrize("kind", [SSE, "application/octet-stream", "audio/pcm", ""])
@pytest.mark.parametrize("step", [1, 10_000])
def test_events_are_known_by_their_first_bytes(start: bytes, kind: str, step: int) -> None:
    body = start + events(wav(PCM))
    reader, items = read(body, every(step, body), content_type=kind, format="pcm")
    assert np.array_equal(joined(items), SOUND)
    assert reader.enveloped


def test_comments_first_are_known_by_the_type() -> None:
    body = b": welcome\n\n" + events(wav(PCM))
    assert len(joined(read(body, every(1, body), content_type=SSE)[1])) == len(TONE)


def test_an_error_page_with_the_type_of_events_is_named() -> None:
    with pytest.raises(WrongContainerError, match=r"JSON \(no such voice\)"):
        read(b'{"error": {"message": "no such voice"}}', content_type=SSE)


def test_the_rate_of_samples_in_events_is_that_of_the_type() -> None:
    assert read(events(PCM), content_type=f"{SSE}; rate=16000", format="pcm")[0].announced == (1, 16000)


LINES = st.lists(
    st.sampled_from([b"data: a", b"data:b", b"data", b"event: e", b":c", b"", b"", b"x: y", b"data: \xc3\xa4"]),
    max_size=12,
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(lines=LINES, ends=st.lists(ENDS, min_size=12, max_size=12), cuts=st.lists(st.integers(1, 150), max_size=10))
def test_lines_in_any_pieces_are_the_same_events(lines: list[bytes], ends: list[bytes], cuts: list[int]) -> None:
    body = b"".join(line + end for line, end in zip(lines, ends, strict=False))
    whole, split = EventReader(), EventReader()
    found = [found for piece in pieces(body, cuts) for found in split.feed(piece)]
    assert found == whole.feed(body)
    assert split.finish() == whole.finish()
    # The standard's own words: normalise line ends, split at empty lines.
    plain = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert [(event.name, event.data) for event in found] == list(_expected(plain))


def _expected(lines: list[bytes]) -> list[tuple[str, bytes]]:
    result: list[tuple[str, bytes]] = []
    name, data = "", list[bytes]()
    for line in lines[:-1]:
        if not line:
            if data:
                result.append((name, b"\n".join(data)))
            name, data = "", []
        elif line.startswith(b"data"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event"):
            name = line[6:].strip().decode()
    return result


def test_a_mark_of_byte_order_is_no_part_of_the_first_field() -> None:
    reader = EventReader()
    body = b"\xef\xbb\xbfdata: x\n\n"
    assert [event for at in range(len(body)) for event in reader.feed(body[at : at + 1])] == [ServerEvent("", b"x", 3)]


@given(
    parts=st.lists(st.binary(max_size=60), max_size=5),
    tail=st.binary(max_size=40),
    cuts=st.lists(st.integers(1, 600), max_size=8),
)
def test_any_bytes_in_any_pieces_give_the_same(parts: list[bytes], tail: bytes, cuts: list[int]) -> None:
    body = b"".join(event({"audio": b64(part)}) for part in parts) + b"data: " + tail
    assert outcome(body, cuts, content_type=SSE, format="pcm") == outcome(body, content_type=SSE, format="pcm")


def test_events_without_a_known_field_of_audio_are_not_called_empty() -> None:
    with pytest.raises(EmptyBodyError, match="its events hold no audio in a known field"):
        read(event({"sound": "QUJD" * 20}), content_type=SSE)
