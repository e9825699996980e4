"""The body reader, beyond what belongs to a single container."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bodies import event, events, every, joined, pieces, read, tone, wav
from oggstream.body.body_reader import BodyReader
from oggstream.errors import EmptyBodyError, FormatError, NoAudioError, WrongContainerError
from oggstream.opus.items import StreamStats
from oggstream.opus.opus_reader import OpusReader

FIXTURES = Path(__file__).parent / "fixtures"
OGGS = [path for path in sorted(FIXTURES.glob("**/*.opus")) if path.read_bytes().startswith(b"OggS")]
OGG = (FIXTURES / "generation_b.opus").read_bytes()
PCM = tone().tobytes()


@pytest.mark.parametrize("path", OGGS, ids=lambda path: path.stem)
def test_ogg_opus_gives_what_its_own_reader_gives(path: Path) -> None:
    body = path.read_bytes()
    ours, plain = BodyReader(content_type="audio/mpeg", format="wav"), OpusReader()
    said = []
    for reader in (ours, plain):
        try:
            said.append(str([item for piece in pieces(body, every(777, body)) for item in reader.feed(piece)]))
            said.append(str(reader.finish()))
        except FormatError as error:
            said.append(f"{type(error).__name__}: {error}")
    assert said[: len(said) // 2] == said[len(said) // 2 :]
    assert ours.stats.as_dict() == plain.stats.as_dict()
    assert ours.head == plain.head


@given(turns=st.lists(st.booleans(), min_size=1, max_size=8), step=st.integers(50, 900), wrapped=st.booleans())
def test_eagerness_is_passed_on(turns: list[bool], step: int, wrapped: bool) -> None:
    body = OGG[:9000]
    ours, plain = BodyReader(), OpusReader()
    found, expected = [], []  # the items that have no fields are not equal to each other
    for number, piece in enumerate(pieces(body, every(step, body))):
        ours.eager = plain.eager = turns[number % len(turns)]
        assert ours.eager is plain.eager
        found += [_told(item) for item in ours.feed(events(piece, len(piece)) if wrapped else piece)]
        expected += [_told(item) for item in plain.feed(piece)]
    assert found == expected


def _told(item: object) -> object:
    return type(item) if type(item).__eq__ is object.__eq__ else item


def test_junk_before_ogg_is_skipped() -> None:
    reader, items = read(b"not audio" * 9 + OGG, format="pcm", content_type="audio/ogg")
    assert reader.container == "ogg"
    assert len(items) > 50


@pytest.mark.parametrize("step", [1, 10_000])
def test_an_empty_body_is_empty_and_stays_so(step: int) -> None:
    reader = BodyReader()
    for _ in range(2):
        with pytest.raises(EmptyBodyError, match="the body is empty"):
            reader.finish()
    with pytest.raises(EmptyBodyError):
        reader.feed(OGG)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"O", WrongContainerError),
        (b"Ogg", WrongContainerError),
        (b"OggS", NoAudioError),
        (b"RIFF", WrongContainerError),
        (b"RIFF\0\0\0\0WAV", WrongContainerError),
        (b"RIFF\0\0\0\0AVI ", WrongContainerError),
        (b"dat", WrongContainerError),
        (b"ID3", WrongContainerError),
        (b"fLa", WrongContainerError),
        (b"\xff\xfb", WrongContainerError),
        (b"data:", EmptyBodyError),
        (b"<html>", WrongContainerError),
    ],
)
def test_a_body_that_is_cut_at_its_start_is_refused(body: bytes, kind: type[FormatError]) -> None:
    for step in (1, 100):
        with pytest.raises(kind):
            read(body, every(step, body))


def test_nothing_counts_after_the_end_that_the_service_told() -> None:
    reader = BodyReader(format="pcm")
    assert len(joined(reader.feed(events(PCM) + event({"type": "speech.audio.done"})))) == 2400
    assert reader.ended
    assert reader.feed(events(PCM) + event({"error": {"message": "too late"}})) == []
    assert reader.finish() == []
    assert reader.failure is None


def _ends(body: bytes, *, read_to: int | None = None, **said: Any) -> tuple[bool, bool, bool]:
    """Whether it has ended before the body's end is known, whether it is whole, and whether it is complete then."""
    reader = BodyReader(**said)
    reader.feed(body[:read_to])
    before = (reader.ended, reader.whole)
    reader.finish()
    assert reader.stats.complete is reader.complete
    return *before, reader.complete


def test_ogg_ends_with_its_last_page() -> None:
    assert _ends(OGG) == (True, True, True)
    assert _ends(OGG, read_to=-1) == (False, False, False)
    assert _ends(OGG, read_to=OGG.rindex(b"OggS")) == (False, False, False)
    assert _ends(OGG + OGG) == (True, True, True)
    assert _ends(OGG + OGG[: OGG.rindex(b"OggS")]) == (False, False, False)
    assert _ends(OGG + OGG[:9]) == (False, False, True)


def test_wav_ends_with_the_samples_that_it_promises() -> None:
    assert _ends(wav(PCM)) == (True, True, True)
    assert _ends(wav(PCM), read_to=-2) == (False, False, False)
    assert _ends(wav(PCM, size=0)) == (False, False, True)
    assert _ends(wav(PCM, size=0xFFFFFFFF)) == (False, False, True)
    assert _ends(wav(PCM) + wav(PCM)) == (True, True, True)
    assert _ends(wav(PCM) + wav(PCM), read_to=len(wav(PCM)) + 999) == (False, False, False)


def test_samples_end_anywhere_between_two() -> None:
    assert _ends(PCM, format="pcm") == (False, False, True)
    assert _ends(PCM, format="pcm", read_to=-1) == (False, False, False)


def test_events_end_when_the_service_says_so() -> None:
    done = event({"type": "speech.audio.done"})
    assert _ends(events(PCM) + done, format="pcm") == (True, False, True)
    assert _ends(events(PCM), format="pcm") == (False, False, False)
    assert _ends(events(PCM) + done[:-9], format="pcm") == (False, False, False)
    assert _ends(events(OGG)) == (True, True, True)
    cut = OGG[: OGG.rindex(b"OggS")]
    assert _ends(events(cut)) == (False, False, False)
    assert _ends(events(cut) + done) == (True, False, True)
    assert _ends(events(PCM, kind="chunk"), format="pcm") == (False, False, True)
    assert _ends(events(PCM, kind="chunk")[:-9], format="pcm") == (False, False, False)
    assert _ends(b"data: [DONE]\n\n".join([events(PCM), b""]), format="pcm") == (True, False, True)


def test_given_counters_are_kept_up() -> None:
    stats = StreamStats()
    stats.bytes, stats.links = 100, 1
    reader = BodyReader(stats)
    body = wav(PCM)
    reader.feed(body[:50])
    assert stats.bytes == 150
    reader.feed(body[50:])
    reader.finish()
    assert (stats.bytes, stats.links) == (100 + len(body), 2)


def test_nothing_heavy_is_loaded_before_the_first_samples() -> None:
    code = (
        "import sys\n"
        "from oggstream.body.body_reader import BodyReader\n"
        "reader = BodyReader(content_type='audio/pcm', format='pcm')\n"
        "reader.feed(bytes(62)), BodyReader().feed(b'RIFF0000WAVE'), BodyReader().feed(b'data: x')\n"
        "print([name for name in ('numpy', 'soxr', 'av', 'aiohttp', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
