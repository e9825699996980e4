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

_HOME = "oggstream.voices"
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
            first_piece=120,
            seconds=20.0,
            megabytes=1000,
        ),
        EngineInfo(
            name="espeak",
            factory=f"{_HOME}.espeak_engine:EspeakEngine",
            languages=(ANY,),
            packages=("espeakng_loader",),
            library=True,
            extra="espeak",
            longest_piece=1000,
            seconds=10.0,
            megabytes=500,
        ),
        EngineInfo(
            name="piper",
            factory=f"{_HOME}.piper_engine:PiperEngine",
            languages=(ANY,),
            packages=("piper",),
            extra="piper",
            first_piece=60,
            longest_piece=300,
            seconds=60.0,
        ),
        EngineInfo(
            name="kokoro",
            factory=f"{_HOME}.kokoro_engine:KokoroEngine",
            languages=("en", "es", "fr", "hi", "it", "ja", "pt", "zh"),
            packages=("kokoro_onnx",),
            extra="kokoro",
            first_piece=60,
            longest_piece=300,
            seconds=120.0,
            megabytes=2500,
        ),
    )
}
"""The engines of this package, the preferred first."""


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
    return info.library or all(map(_has_module, info.packages))


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
