"""The engines there are: a table of our own, and those that other packages bring by entry point.

An entry point of the group ``oggstream.voices`` names an `EngineInfo`. Entry points are looked for only where a name
is asked for that the table does not have, and where voices are listed: reading all metadata takes 10 ms and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ..errors import UsageError
from .engine import ANY, EngineInfo

GROUP = "oggstream.voices"

_HOME = "oggstream.voice"
_ESPEAK_LANGUAGES = (
    "af am an ar as az ba be bg bn bpy bs ca chr cs cv cy da de el en eo es et eu fa fi fo fr ga gd gn "
    "grc gu hak haw he hi hr ht hu hy hyw ia id io is it ja jbo ka kaa kk kl kn ko kok ku ky la lb lfn lt "
    "ltg lv mi mk ml mr ms mt mto my nci ne nl no nog om or pa pap pl pt qu quc ro ru sd shn si sk sl smj "
    "sq sr sv sw ta te th ti tk tn tr tt ug uk ur uz vi zh"
)
OWN = {
    info.name: info
    for info in (
        EngineInfo(
            name="hibari",
            factory=f"{_HOME}.hibari.engine:HibariEngine",
            languages=("en",),
            packages=("hibari",),
            extra="voice",
            writes_out=True,
            by_turns=True,
            first_piece=120,
            seconds=20.0,
            megabytes=1000,
        ),
        EngineInfo(
            name="piper",
            factory=f"{_HOME}.piper_engine:PiperEngine",
            languages=(ANY,),
            here=f"{_HOME}.voice_files:piper_languages",
            packages=("piper",),
            extra="piper",
            tells_words=False,
            gain=1.35,
            first_piece=60,
            longest_piece=200,
            seconds=60.0,
        ),
        EngineInfo(
            name="kokoro",
            factory=f"{_HOME}.kokoro_engine:KokoroEngine",
            languages=("en", "es", "fr", "hi", "it", "ja", "pt", "zh"),
            here=f"{_HOME}.voice_files:kokoro_languages",
            packages=("kokoro_onnx",),
            extra="kokoro",
            tells_words=False,
            gain=1.4,
            first_piece=60,
            longest_piece=300,
            seconds=120.0,
            megabytes=2500,
        ),
        EngineInfo(
            name="espeak",
            factory=f"{_HOME}.espeak_engine:EspeakEngine",
            languages=tuple(_ESPEAK_LANGUAGES.split()),
            packages=("espeakng_loader",),
            library=True,
            extra="espeak",
            by_turns=True,
            gain=1.2,
            first_piece=60,
            longest_piece=200,
            seconds=10.0,
            megabytes=500,
        ),
    )
}
"""The engines of this package, the preferred first: espeak-ng speaks what no other does."""


def engine_info(name: str) -> EngineInfo:
    """The engine of that name. Raises `UsageError` if there is none."""
    if name in OWN:
        return OWN[name]
    others = _others()
    if name not in others:
        raise UsageError(f"no engine {name!r} for voices: use auto, {', '.join((*OWN, *others))}")
    return others[name]


def all_engines() -> list[EngineInfo]:
    """Every engine that is known, installed or not."""
    return [*OWN.values(), *_others().values()]


def is_installed(info: EngineInfo) -> bool:
    """Whether its packages are there; a library of the system is found when it is loaded."""
    return info.library or all(map(_has_module, (*info.packages, info.factory.partition(":")[0])))


@cache
def engines_here(name: str) -> str:
    """The engine of that name, or all of this package that are installed ("auto"), as one word."""
    return ",".join(sorted(info.name for info in OWN.values() if is_installed(info))) if name == "auto" else name


def languages_here(info: EngineInfo) -> tuple[str, ...]:
    """The languages for which the engine has a voice on this machine."""
    if not info.here:
        return info.languages
    from importlib import import_module

    module, _, name = info.here.partition(":")
    found: tuple[str, ...] = getattr(import_module(module), name)()
    return found


@cache
def _has_module(name: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@cache
def _others() -> dict[str, EngineInfo]:
    return {info.name: info for info in _found() if info.name not in OWN}


def _found() -> Iterator[EngineInfo]:
    """What entry points name. One that cannot be loaded is left out: it must not silence the other voices."""
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        try:
            info = point.load()
        except Exception as error:  # noqa: BLE001 - a foreign package may raise anything
            import logging

            logging.getLogger(__name__).warning("the voice %s cannot be used: %s", point.name, error)
            continue
        if isinstance(info, EngineInfo):
            yield info
