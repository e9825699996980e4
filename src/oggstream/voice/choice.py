"""Which engine speaks a text: its script and its common words decide, or the language that was named."""

from __future__ import annotations

from functools import cache

from ..errors import LibraryError, OggStreamError
from ..text.language import guess_language, languages_of_script, own_letters
from .engine import ANY, EngineInfo
from .registry import OWN, all_engines, engine_info, is_installed, languages_here

AUTO = "auto"
_SAME = {"cmn": "zh", "yue": "zh", "nn": "no", "nb": "no", "iw": "he", "in": "id", "fil": "tl"}

_OWN_LETTERS = own_letters()


def primary(language: str) -> str:
    """The language of a BCP 47 tag, without script and region, as engines name it."""
    tag = language.replace("_", "-").partition("-")[0].lower()
    return _SAME.get(tag, tag)


def language_of(text: str, named: str | None = None) -> str:
    """The language to speak ``text`` in: ``named`` unless the letters of the text are none of its own, else a guess."""
    if named is None or is_foreign(text, named):
        return guess_language(text)
    return named


def language_of_piece(text: str, whole: str) -> str:
    """The language of a piece of a text whose language was guessed to be ``whole``: its own where it is in another
    script, as an English sentence in a Chinese text, and that of the whole otherwise.
    """
    latin = not any(map(languages_of_script, text))
    written = latin and any(map(str.isalpha, text)) and is_foreign_to_latin(whole)
    return guess_language(text) if written else language_of(text, whole)


def is_foreign_to_latin(language: str) -> bool:
    """Whether ``language`` is written in letters of its own."""
    return primary(language) in _OWN_LETTERS


def is_foreign(text: str, language: str) -> bool:
    """Whether most letters of ``text`` are of a script in which ``language`` is not written: Chinese is not read by
    an English voice, whatever was named. Latin letters are foreign to none.
    """
    letters = [letter for letter in text if letter.isalpha()]
    scripts = [found for letter in letters if (found := languages_of_script(letter))]
    foreign = sum(primary(language) not in found for found in scripts)
    return 2 * foreign > len(letters)


def speaks(info: EngineInfo, language: str) -> bool:
    """Whether the engine has a voice for the language on this machine."""
    known = _primaries(languages_here(info))
    return ANY in known or primary(language) in known


@cache
def _primaries(tags: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(primary, tags))


def engines_for(language: str, engine: str = AUTO) -> list[EngineInfo]:
    """The installed engines that speak ``language``, the one to be asked first at the front.

    ``engine`` goes first if it speaks the language. Raises `UsageError` for an unknown one.
    """
    named = [] if engine == AUTO else [engine_info(engine)]
    others = [info for info in OWN.values() if info not in named]
    found = [info for info in (*named, *others) if is_installed(info) and speaks(info, language)]
    if found:
        return found
    return [info for info in all_engines() if info.name not in OWN and speaks(info, language) and is_installed(info)]


def advice_for(language: str) -> str:
    """What to install, that something speaks ``language``."""
    from .workers import install_line

    able = [info for info in OWN.values() if _may_speak(info, language)]
    able = [info for info in able if not is_installed(info) or info.library] or able
    lines = "; or ".join(f"{install_line(info)} ({info.name})" for info in able)
    advice = f": {lines}" if lines else ", and no engine that is known does"
    return "; ".join(filter(None, (f"nothing here speaks {language!r}{advice}", _lacking(language))))


def with_lacking(error: OggStreamError, language: str) -> OggStreamError:
    """``error`` of the last engine that might have spoken; where a library is missing, so may voices be: both stand in
    the message.
    """
    lacking = _lacking(language) if isinstance(error, LibraryError) else ""
    return LibraryError(f"{lacking}, and {error}") if lacking else error


def _lacking(language: str) -> str:
    """Says which engines are installed, and have no voice for ``language`` here; "" for none."""
    names = [i.name for i in OWN.values() if i.here and is_installed(i) and _may_speak(i, language)]
    names = [name for name in names if not speaks(OWN[name], language)]
    return f"no voice of {' or '.join(names)} for {language!r} is here (docs/voices.md)" if names else ""


def _may_speak(info: EngineInfo, language: str) -> bool:
    """Whether the engine speaks the language where it has a voice for it."""
    return ANY in info.languages or primary(language) in info.languages


def why_not(engine: str, language: str) -> list[str]:
    """What to tell of an engine that was named and cannot speak ``language`` here; nothing for one that can."""
    from .workers import install_line

    if engine == AUTO:
        return []
    info = engine_info(engine)
    if not is_installed(info):
        return [f"the voice {engine} is not installed, another one speaks: {install_line(info)}"]
    if not speaks(info, language):
        return [f"the voice {engine} has nothing for {language!r} here, another one speaks (docs/voices.md)"]
    return []
