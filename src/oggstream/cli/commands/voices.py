"""``voices``: lists the voices of this machine or of a service, and lets one be heard."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from ...errors import OggStreamError, OutputError
from ..output.result import as_json
from ..terminal.console import Console, printable, show, show_lines
from ..terminal.loop import run_in_loop

if TYPE_CHECKING:
    from argparse import Namespace

    from ...sources.source import Source
    from ...voice.engine import VoiceInfo
    from ..terminal.interrupts import Interrupts

_SHOWN = 60  # characters of a description
_SAMPLES = {
    "en": "Hello. This is how I sound, and this is a second sentence.",
    "de": "Guten Tag. So klinge ich, und das ist ein zweiter Satz.",
    "fr": "Bonjour. Voici ma voix, et voici une deuxième phrase.",
    "es": "Hola. Así sueno yo, y esta es una segunda frase.",
    "it": "Buongiorno. Questa è la mia voce, e questa è una seconda frase.",
    "pt": "Olá. É assim que eu falo, e esta é uma segunda frase.",
    "nl": "Hallo. Zo klink ik, en dit is een tweede zin.",
    "pl": "Dzień dobry. Tak brzmi mój głos, a to jest drugie zdanie.",
    "ru": "Здравствуйте. Вот как я звучу, а это второе предложение.",  # noqa: RUF001  # Russian
    "zh": "你好。这是我的声音，这是第二句话。",  # noqa: RUF001  # Chinese
    "ja": "こんにちは。これが私の声です。",
    "ko": "안녕하세요. 제 목소리입니다.",
    "ar": "مرحبا. هذا هو صوتي.",
    "hi": "नमस्ते। मेरी आवाज़ ऐसी है।",
}
"""What a voice says, by its language."""


def voices(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """List the voices, or speak with one. Raises what `oggstream.voices` and `play_stream` raise."""
    work = _play(args, console) if args.play is not None else _list(args, console)
    run_in_loop(work, interrupts)


async def _list(args: Namespace, console: Console) -> None:
    try:
        found = await _found(args)
    except OggStreamError as error:
        if args.json:
            with suppress(OutputError):  # the first error is the one to tell
                show(as_json(error, voices=[]))
        raise
    if args.json:
        show(as_json(None, voices=[{**voice._asdict(), "languages": list(voice.languages)} for voice in found]))
    elif found:
        show_lines(_table(found))
    else:
        console.note("this service lists no voices")


async def _play(args: Namespace, console: Console) -> None:
    from ...streams import play_stream
    from .speaking import make_sinks

    known = {voice.id: voice for voice in await _found(args)}
    languages = known[args.play].languages if args.play in known else ("en",)
    language = next(iter(languages), "en").replace("_", "-")
    text = _SAMPLES.get(language.partition("-")[0].lower(), _SAMPLES["en"])
    source = _source(args)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close, source)
        sinks = make_sinks(args, console)
        for sink in sinks:
            stack.push_async_callback(sink.aclose)
        report = await play_stream(text, source=source, sink=sinks, voice=args.play)
    if args.json:
        show(_as_json(report.as_dict()))


async def _found(args: Namespace) -> list[VoiceInfo]:
    from ...voice_list import voices as voices_of

    if args.service is None and args.base_url is None:
        return await voices_of()
    source = _source(args)
    try:
        return await voices_of(source)
    finally:
        await _close(source)


def _source(args: Namespace) -> Source:
    from ...sources.resolve_source import named

    settings = {} if args.base_url is None else {"base_url": args.base_url}
    return named(args.service or ("openai" if settings else "offline"), **settings)


async def _close(source: Source) -> None:
    from ...sources.wrapper import close

    await close(source)


def _as_json(report: object) -> str:
    import json

    return json.dumps(report)


def _table(found: list[VoiceInfo]) -> list[str]:
    head = ("id", "languages", "by", "description")
    rows = [(voice.id, _languages(voice), voice.engine, voice.description[:_SHOWN]) for voice in found]
    shown = [head, *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(3)]
    return ["  ".join((*map(str.ljust, row[:3], widths), row[3])).rstrip() for row in shown]


def _languages(voice: VoiceInfo) -> str:
    names = ["all" if name == "*" else name for name in voice.languages]
    return " ".join(names[:3]) + (" ..." if len(names) > 3 else "")
