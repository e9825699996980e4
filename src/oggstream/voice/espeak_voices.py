"""espeak-ng's voices: OpenAI's names, languages, and speeds, as its files, variants and words a minute."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UsageError
from .engine import MAX_SPEED, MIN_SPEED
from .espeak import EVEN_WPM, MIN_WPM, NORMAL_WPM, SONIC_WPM, EspeakVoice
from .names import DEFAULT_VOICE

_AMERICAN, _BRITISH = "gmw/en-US", "gmw/en-GB-x-rp"

VOICES = {
    "alloy": EspeakVoice(_AMERICAN, "", 52),
    "ash": EspeakVoice(_AMERICAN, "m3", 42),
    "ballad": EspeakVoice(_BRITISH, "m7", 50),
    "coral": EspeakVoice(_AMERICAN, "f2", 52),
    "echo": EspeakVoice(_AMERICAN, "m2", 50),
    "fable": EspeakVoice(_BRITISH, "", 58),
    "onyx": EspeakVoice(_AMERICAN, "m4", 34),
    "nova": EspeakVoice(_AMERICAN, "f3", 55),
    "sage": EspeakVoice(_AMERICAN, "f1", 46),
    "shimmer": EspeakVoice(_AMERICAN, "f5", 60),
    "verse": EspeakVoice(_AMERICAN, "m6", 56),
    "marin": EspeakVoice(_AMERICAN, "f4", 48),
    "cedar": EspeakVoice(_AMERICAN, "m1", 44),
}
"""OpenAI's voices by name, each at normal speed."""

# The files of its languages, by family: any other name makes espeak-ng read all of them first, which takes 200 ms.
_FILES = (
    "aav/vi art/eo art/ia art/io art/jbo art/lfn azc/nci bat/lt bat/ltg bat/lv bnt/sw bnt/tn ccs/ka cel/cy cel/ga "
    "cel/gd cus/om dra/kn dra/ml dra/ta dra/te esx/kl eu gmq/da gmq/fo gmq/is gmq/nb gmq/sv gmw/af gmw/de gmw/en "
    "gmw/en-US gmw/lb gmw/nl grk/el grk/grc inc/as inc/bn inc/bpy inc/gu inc/hi inc/kok inc/mr inc/ne inc/or inc/pa "
    "inc/sd inc/si inc/ur ine/hy ine/hyw ine/sq ira/fa ira/ku iro/chr itc/la jpx/ja ko map/haw miz/mto myn/quc "
    "poz/id poz/mi poz/ms qu roa/an roa/ca roa/es roa/es-419 roa/fr roa/fr-BE roa/fr-CH roa/ht roa/it roa/pap roa/pt "
    "roa/pt-BR roa/ro sai/gn sem/am sem/ar sem/he sem/mt sem/ti sit/cmn sit/hak sit/my sit/yue tai/shn tai/th trk/az "
    "trk/ba trk/cv trk/kaa trk/kk trk/ky trk/nog trk/tk trk/tr trk/tt trk/ug trk/uz urj/et urj/fi urj/hu urj/smj "
    "zle/be zle/ru zle/uk zls/bg zls/bs zls/hr zls/mk zls/sl zls/sr zlw/cs zlw/pl zlw/sk"
)
LANGUAGE_FILES = {path.rpartition("/")[2].lower(): path for path in _FILES.split()}
LANGUAGE_FILES |= {"en": _AMERICAN, "en-gb": _BRITISH, "zh": "sit/cmn", "no": "gmq/nb", "zh-hk": "sit/yue"}
"""The file of each language, by its tag in lower case."""


class Pace(NamedTuple):
    """What gives a speed: words a minute for espeak-ng, and the factor to stretch its sound by (1 leaves it alone)."""

    wpm: int
    stretch: float


def espeak_voice(name: str = DEFAULT_VOICE, language: str = "en") -> EspeakVoice:
    """How the voice ``name`` speaks ``language``: a name of `VOICES`, a language, or "LANGUAGE+VARIANT" ("de+f3").

    Any other name is that of the usual voice of the language.
    """
    tag, _, variant = name.lower().partition("+")
    if tag in LANGUAGE_FILES:
        return EspeakVoice(LANGUAGE_FILES[tag], variant)
    voice = VOICES.get(name, VOICES[DEFAULT_VOICE])
    if language.lower() in ("en", "en-us"):
        return voice
    return voice._replace(language=language_file(language))


def language_file(language: str) -> str:
    """The file of the language nearest to ``language``, English without one."""
    parts = language.lower().replace("_", "-").split("-")
    tags = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((LANGUAGE_FILES[tag] for tag in tags if tag in LANGUAGE_FILES), _AMERICAN)


def pace_of(speed: float) -> Pace:
    """Words a minute, and stretching, for ``speed`` (0.25 to 4, 1 is normal).

    espeak-ng speaks no slower than `MIN_WPM`, and from `EVEN_WPM` to `SONIC_WPM` it makes short phrases up to a third
    too short; there the rest is done by stretching. Measured, sentences then last the inverse of the speed within 5 %.
    Raises `UsageError` outside the range.
    """
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"speed {speed:g} is outside {MIN_SPEED:g} to {MAX_SPEED:g}")
    wanted = NORMAL_WPM * speed
    if wanted < MIN_WPM:
        return Pace(MIN_WPM, MIN_WPM / wanted)
    if EVEN_WPM < wanted < SONIC_WPM:
        return Pace(EVEN_WPM, EVEN_WPM / wanted)
    return Pace(round(wanted), 1.0)
