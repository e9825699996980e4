"""Whether a full stop ends a sentence: rules of our own for what sentencex does not know, then sentencex."""

from __future__ import annotations

import re

CONTEXT = 256
"""Characters before a full stop that are looked at."""

# Titles and other words before a name or a number, which end no sentence in any language.
_ABBREVIATIONS = (
    "mr mrs ms dr prof st sr sra srta dra d.ª hr fr dhr mevr sig dott avv mme mlle mm nr bzw ca vgl evtl ggf zzgl inkl "
    "abb bspw sog bijv nl ing fam tel str ул им стр рис гр проф np ul tzw m.in tzv napr např č kl bl.a f.eks "  # noqa: RUF001
    "fa sig.ra sig.na dl dna dhr gen col lt sgt capt"
)
# Those that end no sentence where a small letter follows; otherwise they may.
_BEFORE_SMALL = (
    "etc ecc enz usw usf osv dvs tj tzn atd apod itd itp aj bl ca min max incl excl resp approx esim mm ym örn vb vs "
    "ex ej es ud uds vd exa suiv janv févr avr juill sept oct nov déc ene jan feb mar apr aug dec др тыс млн млрд гг"  # noqa: RUF001
)
# Those that end no sentence where a number follows.
_BEFORE_NUMBER = (
    "no nos n nn nº núm art arts fig abs abb tab pag pagg pág págs p pp s ss cap vol sec sect eq ch chap kap bd bl blz "
    "sz str approx aprox env ca c circa av гл рис табл"
)
# Titles and the like that are words in other languages.
_IN_LANGUAGE = {
    "fr": "m mm me av bd",
    "es": "av avda ud uds núm lic arq",
    "pt": "av v exmo exma ilmo dona d",
    "it": "ing geom on rag",
    "de": "bd hl gebr",
    "tr": "av cad sok mah sn doç",
    "ro": "dl dna dra str nr",
}


def _any_of(words: str) -> str:
    """What one of ``words`` looks like, the longest one first."""
    return "|".join(re.escape(word) for word in sorted(words.split(), key=len, reverse=True))


_ABBREVIATION = _any_of(_ABBREVIATIONS)
_ROMAN = "(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
# What a writer may go on with a word or digit behind the stop: "z. B.", "Sr.", "J. R.", "0.", "II.", "10," and "10:".
_OPEN = re.compile(
    rf"(?<![^\W_])(?:(?:[^\W\d_]\.[ \xa0]?){{1,8}}|(?:(?i:{_ABBREVIATION})|{_ROMAN}|[0-9]{{1,3}})\.[ \xa0]?"
    r"|[0-9]{1,40}[.,:])\Z"
)
_LETTERS = re.compile(r"(?<![^\W_])([^\W\d_])\.[ \xa0]?[^\W\d_]\.\Z")  # the end of "z. B.", "d. h."
_ABBREVIATED = re.compile(rf"(?<![^\W_])(?i:{_ABBREVIATION})\.\Z")
_TITLES = {name: re.compile(rf"(?<![^\W_])(?i:{_any_of(words)})\.\Z") for name, words in _IN_LANGUAGE.items()}
_OPENS_SMALL = re.compile(rf"(?<![^\W_])(?:(?i:{_any_of(_BEFORE_SMALL)})|[^\W\d_]|[^\W_]{{1,4}}\.[^\W_]{{1,4}})\.\Z")
_OPENS_NUMBER = re.compile(rf"(?<![^\W_])(?i:{_any_of(_BEFORE_NUMBER)})\.\Z")
_LETTER = re.compile(r"(?<![^\W_])[^\W\d_]\.\Z")
_ANOTHER = re.compile(r"[^\W\d_]\.")  # behind a letter with a full stop: "z. B.", "J. R."
_NUMBER = re.compile(rf"(?<![\w.,:])(?P<number>[0-9]{{1,3}}|{_ROMAN})\.\Z")
_ORDINALS = frozenset(
    ("de", "da", "sv", "nb", "no", "nn", "is", "fi", "cs", "sk", "pl", "hu", "sl", "hr", "sr", "bs", "et", "lv", "tr")
)
"""Languages that write an ordinal number as a number with a full stop."""
_MONTHS = re.compile(
    "(?i:jan|feb|m[aä]r|apr|ma[ijy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]|sty|lut|kwi|cze|lip|sie|wrz|paź|lis|gru|led|úno|"
    "bře|dub|kvě|čer|srp|zář|říj|pro|tammi|helmi|maalis|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu)[^\\W\\d_]*"
)
_BEFORE_ORDINAL = re.compile(
    "(?i:(?<![^\\W_])(?:am|der|die|das|den|dem|des|vom|zum|zur|beim|im|ins|in|bis|ab|seit|und|oder|jede[nmrs]?|ihr|sein"
    "|dieser?|ein(?:en|em|er)?|the|den|til|fra|v|od|do|dne|dnia|klo))[ \xa0]\\Z"
)
_PROBE = "Ende der Zeile"
"""What is taken to follow where nothing follows yet."""
_BLANKS = re.compile("[\x85\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_AFTER = re.compile(r"[.!?\u2026\u203c-\u2049\u061f\u06d4\u0964\u3002\uff01\uff1f\uff61]")


def ends_sentence(before: str, after: str, stop: int, language: str) -> bool:
    """Say whether a sentence ends between position ``stop`` of ``before``, where its full stop is, and its end.

    ``before`` is the sentence with the blanks behind it, ``after`` the beginning of what follows.
    """
    blanks = before[stop + 1 :]
    if before[stop] == "." and not blanks.strip(" \n\xa0"):
        told = _by_rule(before[: stop + 1], after.lstrip(), language)
        if told is not None:
            return told
    cut = max(0, stop - CONTEXT)
    reached = cut
    for sentence in sentences(before[cut:] + (after if after.strip() else _PROBE), language):
        reached += len(sentence)
        if stop < reached <= len(before):
            return True
        if reached > len(before):
            return False
    return False


def _by_rule(before: str, after: str, language: str) -> bool | None:
    """What is known of a single full stop at the end of ``before``; None if nothing is."""
    near = before[-40:]
    if _is_abbreviated(near, after, language):
        return False
    number = _NUMBER.search(near)
    if not number:
        return None
    ordinal = language in _ORDINALS and (_BEFORE_ORDINAL.search(near, 0, number.start()) or not after)
    return False if ordinal or after[:1].islower() or _MONTHS.match(after) else None


def _is_abbreviated(near: str, after: str, language: str) -> bool:
    """Say whether the full stop at the end of ``near`` belongs to an abbreviation that something follows."""
    letters = _LETTERS.search(near)
    if (letters and letters[1].islower()) or _ABBREVIATED.search(near):
        return True
    if language in _TITLES and _TITLES[language].search(near) and after:
        return True
    if (after[:1].islower() and _OPENS_SMALL.search(near)) or (after[:1].isdigit() and _OPENS_NUMBER.search(near)):
        return True
    return bool(_LETTER.search(near) and _ANOTHER.match(after))


def open_end(text: str) -> int:
    """Where the number or abbreviation begins that ends ``text`` and may go on; its length if there is none."""
    start = max(0, len(text) - 60)
    match = _OPEN.search(text[start:])
    return start + match.start() if match else len(text)


def sentences(text: str, language: str) -> list[str]:
    """``text`` in sentences, each with its blanks; by sentencex, or, where that fails, by full stops alone."""
    from sentencex import segment

    try:
        # Some of its languages count a blank as one byte, and panic at others.
        return list(segment(language, _BLANKS.sub(" ", text)))
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":  # of Rust, no Exception
            return _by_stops(text)
        raise


def _by_stops(text: str) -> list[str]:
    ends = [match.end() for match in re.finditer(rf"{_AFTER.pattern}+[\"'\u201d\u2019)\]]*\s+", text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if start < end]
