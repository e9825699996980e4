"""What was heard of a text in a script without spaces."""

from __future__ import annotations

import asyncio

import pytest

import oggstream
from oggstream.engine import loading
from oggstream.errors import SourceError
from oggstream.sinks.null_sink import NullSink
from scripted import ScriptedSource, every, pages, said

pytestmark = pytest.mark.looptime

TEXTS = {
    "Chinese": "今天天气很好，我们一起去公园散步吧，然后在湖边喝茶，看看那些美丽的花。",
    "Japanese": "今日は天気がいいので、公園でコーヒーを飲みながら、ゆっくり本を読みましょう。",
    "Thai": "วันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะแล้วค่อยกลับบ้าน",
}
PACE = 4.5  # characters a second


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()  # in virtual time nobody waits for the thread that would do it


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_what_was_heard_is_known_within_two_characters_and_a_syllable(text: str) -> None:
    body = said(text, pace=PACE)
    async with oggstream.Player(source=ScriptedSource([(0.0, body)]), sink=NullSink()) as player:
        speech = player.say(text)
        await asyncio.sleep(4)
        heard = await player.stop()
        await speech
    assert text.startswith(heard.text)
    assert heard.chars == len(heard.text)
    assert abs(heard.chars - 4 * PACE) <= 4
    assert not heard.exact


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_what_was_not_spoken_begins_with_the_last_word_that_may_have_been(text: str) -> None:
    broken = [*every(0.1, pages(said(text, pace=PACE))[:8]), (0.0, SourceError("gone"))]
    with pytest.raises(SourceError) as failed:
        await oggstream.play_stream(text, source=ScriptedSource(broken), sink=NullSink())
    assert failed.value.unspoken is not None
    assert text.endswith(failed.value.unspoken)
    assert 2 < len(failed.value.unspoken) < len(text)


async def test_with_spaces_it_is_as_it_was() -> None:
    text = "Once upon a time there was a server that was slow, and nobody liked it at all."
    async with oggstream.Player(source=ScriptedSource([(0.0, said(text))]), sink=NullSink()) as player:
        speech = player.say(text)
        await asyncio.sleep(2)
        heard = await player.stop()
        await speech
    assert text[heard.chars] == " "
    assert abs(heard.chars - 2 * 13.6) <= 6
