from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.audio.ring import PcmRing
from oggstream.body.samples import SampleFormat, to_float
from oggstream.engine import loading
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.sink import SinkFormat
from oggstream.sinks.telephone import media_stream_sink
from oggstream.sinks.telephone.media_stream_sink import MediaStreamSink
from oggstream.sinks.telephone.playing import LEAST_AHEAD, MOST_AHEAD
from telephone import RATE, Telephone
from toned import Burst, TonedSource, bursts, told

pytestmark = pytest.mark.looptime
TEXT = "Alpha be gamma delta. Epsilon to eta, theta iota. Kappa a mu."
OPTIONS = PlaybackOptions(history=None)


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()


@asynccontextmanager
async def call(telephone: Telephone, **given: Any) -> AsyncIterator[MediaStreamSink]:
    """A call that the carrier has begun."""
    async with MediaStreamSink(telephone.websocket, **given) as sink:
        telephone.begin()
        yield sink


def sound(telephone: Telephone) -> np.ndarray[Any, np.dtype[np.float32]]:
    return to_float(telephone.heard(), SampleFormat("ulaw", 1))


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(("carrier", "api"), [("twilio", "aiohttp"), ("telnyx", "starlette"), ("plivo", "websockets")])
async def test_a_speech_is_heard_whole_and_without_a_gap(carrier: str, api: str) -> None:
    telephone = Telephone(carrier, api=api)
    async with call(telephone) as sink:
        report = await oggstream.play_stream(TEXT, source=TonedSource(), sink=sink, options=OPTIONS)
        heard = sound(telephone)
    assert report.sink == "telephone"
    assert report.playout.stalls == 0
    assert telephone.dry == 0
    words = told(TEXT)
    found = bursts_of(heard)
    assert len(found) == len(words)
    for word, burst in zip(words, found, strict=True):
        assert abs((burst.start - found[0].start) / RATE - (word.start_sample - words[0].start_sample) / 48000) < 0.01
    assert not telephone.of_kind("clearAudio" if carrier == "plivo" else "clear")


def bursts_of(heard: np.ndarray[Any, np.dtype[np.float32]]) -> list[Burst]:
    """The tones, of a recording at 8 kHz."""
    return [Burst(burst.start // 6, burst.end // 6) for burst in bursts(np.repeat(heard, 6))]


async def test_sound_is_sent_as_messages_of_20_ms_a_bounded_time_ahead() -> None:
    telephone, leads = Telephone(delay=0.0), []
    async with call(telephone) as sink, oggstream.Player(source=TonedSource(), sink=sink, options=OPTIONS) as player:
        speech = player.say(TEXT)
        while not speech.done:
            await asyncio.sleep(0.01)
            leads.append(telephone.lead())
    assert max(leads) == pytest.approx(MOST_AHEAD + 0.02, abs=0.021)
    middle = leads[20:-60]
    assert min(middle) > MOST_AHEAD - 0.03
    sizes = {len(json.loads(json.dumps(each.message))["media"]["payload"]) for each in telephone.of_kind("media")}
    assert sizes == {216}  # of 160 octets


async def test_a_service_that_is_hardly_faster_than_speech_is_not_run_ahead_of() -> None:
    telephone = Telephone(delay=0.0)
    async with call(telephone) as sink:
        report = await oggstream.play_stream(TEXT, source=TonedSource(1.05), sink=sink, options=OPTIONS)
    assert report.playout.stalls == 0
    assert report.playout.concealed_seconds == 0
    assert telephone.dry == 0


@pytest.mark.parametrize(("carrier", "delay"), [("twilio", 0.005), ("telnyx", 0.04), ("plivo", 0.1), ("twilio", 0.1)])
async def test_a_stop_clears_at_once_and_tells_what_was_heard_to_a_word(carrier: str, delay: float) -> None:
    words = told(TEXT)
    seeded = random.Random(f"{carrier} {delay}")
    total = words[-1].end_sample / 48000
    for _ in range(5):
        telephone = Telephone(carrier, delay=delay)
        async with (
            call(telephone) as sink,
            oggstream.Player(source=TonedSource(), sink=sink, options=OPTIONS) as player,
        ):
            speech = player.say(TEXT)
            await asyncio.sleep(0.1 + seeded.uniform(0.1, total - 0.2))
            asked = now()
            heard = await player.stop()
            await speech
            await asyncio.sleep(1)
            truth = len(telephone.heard()) / RATE
        clears = [sent for sent in telephone.left if sent.message["event"] in ("clear", "clearAudio")]
        assert [sent.at for sent in clears] == [pytest.approx(asked, abs=0.001)]
        spoken = sum((word.start_sample + word.end_sample) / 2 / 48000 < truth for word in words)
        claimed = sum(word.end <= heard.chars for word in words)
        assert spoken - 1 <= claimed <= spoken
        assert heard.text == TEXT[: heard.chars]
        assert heard.exact


async def test_what_is_said_next_after_a_stop_is_heard_whole() -> None:
    telephone = Telephone()
    async with call(telephone) as sink, oggstream.Player(source=TonedSource(), sink=sink, options=OPTIONS) as player:
        speech = player.say(TEXT)
        await asyncio.sleep(1.0)
        await player.stop()
        assert (await speech).stopped
        await asyncio.sleep(0.2)
        before = len(telephone.heard())
        await player.say("Kappa a mu.")
        await asyncio.sleep(0.2)
        after = to_float(telephone.heard()[before:], SampleFormat("ulaw", 1))
    assert len(bursts_of(after)) == 3


async def test_speeches_follow_each_other_without_a_gap() -> None:
    telephone = Telephone()
    async with call(telephone) as sink, oggstream.Player(source=TonedSource(), sink=sink, options=OPTIONS) as player:
        first, second = player.say("Alpha be."), player.say("Gamma delta.")
        reports = await asyncio.gather(first, second)
    assert all(report.completed for report in reports)
    assert telephone.dry == 0
    assert len(bursts_of(sound(telephone))) == 4


async def test_a_pause_is_silence_and_the_speech_goes_on_where_it_was() -> None:
    telephone = Telephone()
    async with call(telephone) as sink, oggstream.Player(source=TonedSource(), sink=sink, options=OPTIONS) as player:
        speech = player.say(TEXT)
        await asyncio.sleep(1.0)
        player.pause()
        await asyncio.sleep(MOST_AHEAD + 0.1)
        paused_at = len(telephone.heard())
        await asyncio.sleep(1.0)
        assert not sound(telephone)[paused_at:].any()
        player.resume()
        await speech
        whole = sound(telephone)
    energy = float((whole**2).sum())
    undisturbed = Telephone()
    async with call(undisturbed) as sink:
        await oggstream.play_stream(TEXT, source=TonedSource(), sink=sink, options=OPTIONS)
    assert energy == pytest.approx(float((sound(undisturbed) ** 2).sum()), rel=0.01)


@pytest.mark.parametrize("api", ["aiohttp", "starlette", "websockets"])
async def test_a_hang_up_is_one_line_and_says_what_was_heard(api: str) -> None:
    telephone = Telephone(api=api)
    async with call(telephone) as sink:
        speech = asyncio.create_task(oggstream.play_stream(TEXT, source=TonedSource(), sink=sink, options=OPTIONS))
        await asyncio.sleep(1.2)
        telephone.hang_up()
        with pytest.raises(oggstream.DeviceError, match=r"^the call has ended: the other side hung up$") as raised:
            await speech
        heard = 1.2 - 0.03
        unspoken = raised.value.unspoken
        assert unspoken is not None
        assert TEXT.endswith(unspoken)
        first_left = next(word for word in told(TEXT) if word.end_sample / 48000 > heard)
        assert len(TEXT) - len(unspoken) <= first_left.end
        with pytest.raises(oggstream.DeviceError, match="hung up"):
            await sink.prepare()


async def test_a_stop_message_ends_the_call_as_well() -> None:
    telephone = Telephone()
    async with call(telephone) as sink:
        await sink.prepare()
        telephone.say('{"event": "stop", "streamSid": "MZ1"}')
        await asyncio.sleep(0.1)
        with pytest.raises(oggstream.DeviceError, match="hung up"):
            sink.check()


async def test_a_socket_on_which_no_stream_begins_is_given_up() -> None:
    telephone = Telephone()
    async with MediaStreamSink(telephone.websocket) as sink:
        begun = now()
        with pytest.raises(oggstream.DeviceError, match="no media stream began within 10 s"):
            await sink.prepare()
        assert now() - begun == pytest.approx(10)


async def test_a_carrier_that_takes_nothing_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    telephone = Telephone()

    async def stuck(text: str) -> None:
        await asyncio.sleep(1000)

    monkeypatch.setattr(telephone, "take", stuck)
    async with call(telephone) as sink:
        with pytest.raises(oggstream.DeviceError, match="the carrier took nothing for 10 s"):
            await oggstream.play_stream(TEXT, source=TonedSource(), sink=sink, options=OPTIONS)


async def test_a_carrier_that_sends_no_marks_back_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    telephone = Telephone()
    monkeypatch.setattr(telephone, "_mark", lambda back: None)
    async with call(telephone) as sink:
        report = await oggstream.play_stream("Alpha be.", source=TonedSource(), sink=sink, options=OPTIONS)
        assert report.completed
        assert now() < 5


async def test_the_caller_is_heard_as_frames_until_the_call_ends() -> None:
    telephone, frames = Telephone(), []
    async with call(telephone) as sink:

        async def listen() -> None:
            frames.extend([frame async for frame in sink.incoming()])

        listening = asyncio.create_task(listen())
        for number in range(10):
            telephone.speak(bytes([0x80 + number]) * 160)
            await asyncio.sleep(0.02)
        telephone.hang_up()
        await listening
    assert [len(frame.pcm) for frame in frames] == [160] * 10
    assert [frame.position for frame in frames] == [960 * number for number in range(10)]
    assert {frame.rate for frame in frames} == {RATE}
    assert float(frames[0].pcm[0, 0]) == pytest.approx(32124 / 32768)
    assert sink.incoming_lost == 0


async def test_what_nobody_listens_to_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_stream_sink, "HEARD_FRAMES", 5)
    telephone = Telephone()
    async with call(telephone) as sink:
        await sink.prepare()
        for number in range(8):
            telephone.speak(bytes([0x80 + number]) * 160)
        await asyncio.sleep(0.1)
        first = await anext(sink.incoming())
    assert first.position == 3 * 960
    assert sink.incoming_lost == 3


async def test_sound_in_an_encoding_that_is_unknown_is_refused_to_who_listens() -> None:
    telephone = Telephone()
    beginning: dict[str, Any] = {"event": "start", "stream_id": "S", "start": {"media_format": {"encoding": "OPUS"}}}
    async with MediaStreamSink(telephone.websocket) as sink:
        telephone.say(json.dumps(beginning))
        assert await sink.prepare() == SinkFormat(1, 8000)
        with pytest.raises(oggstream.DeviceError, match="comes as 'OPUS': let the carrier send mu-law"):
            await anext(sink.incoming())


@pytest.mark.parametrize(
    ("encoding", "payload"), [("PCMA", b"\xaa"), ("audio/x-mulaw", b"\x80"), ("audio/x-l16", b"\x00\x7e")]
)
async def test_the_encodings_of_telephones_are_understood(encoding: str, payload: bytes) -> None:
    telephone = Telephone("telnyx")
    beginning: dict[str, Any] = {"event": "start", "stream_id": "S", "start": {"media_format": {"encoding": encoding}}}
    async with MediaStreamSink(telephone.websocket) as sink:
        telephone.say(json.dumps(beginning))
        telephone.speak(payload * 160)
        frame = await anext(sink.incoming())
    assert frame.pcm.shape == (160, 1)
    assert float(frame.pcm[0, 0]) == pytest.approx(0.98, abs=0.005)


async def test_keys_and_the_beginning_are_told() -> None:
    telephone = Telephone()
    told_of: list[dict[str, Any]] = []
    async with call(telephone, on_message=told_of.append) as sink:
        await sink.prepare()
        telephone.say('{"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "5"}}')
        telephone.say("nonsense")
        await asyncio.sleep(0.1)
    assert [message["event"] for message in told_of] == ["connected", "start", "dtmf"]
    assert told_of[1]["start"]["callSid"] == "CA1"
    assert sink.damaged == 1


async def test_a_ring_of_another_format_is_refused() -> None:
    async with call(Telephone()) as sink:
        with pytest.raises(oggstream.DeviceError, match="await prepare"):
            sink.start(PcmRing(1, 8000))
        await sink.prepare()
        with pytest.raises(oggstream.DeviceError, match="1 channel at 8000 Hz"):
            sink.start(PcmRing(2, 8000))


def test_what_is_no_websocket_is_refused() -> None:
    with pytest.raises(oggstream.UsageError, match="not str"):
        MediaStreamSink("wss://example.org")


async def test_the_last_frame_is_kept_back_so_that_a_stop_finds_something_to_stop() -> None:
    telephone = Telephone(delay=0.0)
    async with call(telephone) as sink:
        await sink.prepare()
        ring = PcmRing(1, RATE)
        ring.write(np.full(RATE // 2, 0.5, np.float32))
        ring.begin()
        ring.finish()
        sink.start(ring)
        await asyncio.sleep(0.5 - LEAST_AHEAD - 0.03)
        assert not ring.done
        sink.abort()
        await asyncio.sleep(0.1)
        assert ring.done
        assert 0.4 < len(telephone.heard()) / RATE < 0.44
        assert len(telephone.of_kind("clear")) == 1


async def test_beside_a_device_a_telephone_is_stopped_as_soon_and_left_out_when_it_hangs_up() -> None:
    telephone = Telephone()
    async with call(telephone) as sink:
        given: list[Any] = [NullSink(), sink]
        async with oggstream.Player(source=TonedSource(), sink=given, options=OPTIONS) as player:
            speech = player.say(TEXT)
            await asyncio.sleep(1.0)
            asked = now()
            await player.stop()
            assert (await speech).stopped
            await asyncio.sleep(0.1)
            (clear,) = [sent.at for sent in telephone.left if sent.message["event"] == "clear"]
            assert clear == pytest.approx(asked, abs=0.001)
            speech = player.say(TEXT)
            await asyncio.sleep(1.0)
            telephone.hang_up()
            report = await speech
    assert report.completed
    assert [played.error is None for played in report.sinks] == [True, False]
