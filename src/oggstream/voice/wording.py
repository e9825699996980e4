"""Numbers, dates, amounts, times, units, abbreviations and addresses as words, for engines that do not write them out.

The rules find what is written; the words of numbers are num2words'. English only: in other languages espeak-ng, from
which the engines have their phonemes, reads numbers by rules of its own. What is not known stays as it is, and nothing
here raises for any text. Each word keeps its place in the original.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .engine import Block, SpokenWord

LONGEST_NUMBER = 15
"""Digits of a number that is read as one; longer ones are read digit by digit."""
LONGEST_ADDRESS = 200

_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}
_UNITS = {
    "km": "kilometer",
    "m": "meter",
    "cm": "centimeter",
    "mm": "millimeter",
    "mi": "mile",
    "ft": "foot",
    "kg": "kilogram",
    "g": "gram",
    "mg": "milligram",
    "lb": "pound",
    "lbs": "pound",
    "oz": "ounce",
    "l": "liter",
    "L": "liter",
    "ml": "milliliter",
    "h": "hour",
    "hrs": "hour",
    "min": "minute",
    "s": "second",
    "ms": "millisecond",
    "Hz": "hertz",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "dB": "decibel",
    "KB": "kilobyte",
    "kB": "kilobyte",
    "MB": "megabyte",
    "GB": "gigabyte",
    "TB": "terabyte",
    "W": "watt",
    "kW": "kilowatt",
    "kWh": "kilowatt hour",
    "V": "volt",
    "°C": "degree Celsius",
    "°F": "degree Fahrenheit",
    "°": "degree",
    "%": "percent",
    "mph": "mile per hour",
    "km/h": "kilometer per hour",
    "kbit/s": "kilobit per second",
}
_SAME = frozenset(("percent", "hertz", "kilohertz", "megahertz", "gigahertz"))
_ABBREVIATIONS = {
    "Dr.": "Doctor",
    "Mr.": "Mister",
    "Mrs.": "Missus",
    "Ms.": "Miz",
    "Prof.": "Professor",
    "St.": "Saint",
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "et cetera",
    "vs.": "versus",
    "approx.": "approximately",
    "No.": "number",
    "&": "and",
    "w/o": "without",
    "a.k.a.": "also known as",
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_SIGNS = {".": " dot ", "/": " slash ", "-": " dash ", "_": " underscore ", "@": " at ", ":": " colon "}
_SIGNS |= {"?": " question mark ", "=": " equals ", "&": " and ", "#": " hash ", "%": " percent ", "+": " plus "}

_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_SHORT = "|".join(re.escape(short) for short in sorted(_ABBREVIATIONS, key=len, reverse=True))
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_FORMS = re.compile(
    r"(?P<row>[-_=*~#.\u2014\u2500\u2501\u2550]{4,}|(?:[-_=*~#] ?){6,})"
    rf"|(?P<address>(?:https?://|www\.)[^\s<>\"]{{1,{LONGEST_ADDRESS}}}|[\w.+-]{{1,64}}@[\w-]{{1,64}}(?:\.[\w-]{{1,32}}){{1,4}})"
    r"|(?P<date>(?<![\d-])\d{4}-\d\d-\d\d(?![\d-]))"
    r"|(?P<phone>(?<![\d-])(?:\+?\d{1,3}[ -])?\(?\d{3}\)?[ -]\d{3}-\d{4}(?![\d-]))"
    rf"|(?P<money>[$€£] ?{_NUMBER}(?: (?:thousand|million|billion|trillion)\b)?|{_NUMBER} ?€)"
    r"|(?P<time>(?<![\d:.])(?:[01]?\d|2[0-3]):[0-5]\d(?!:?\d)(?: ?[AaPp]\.?[Mm]\b\.?)?"
    r"|(?<![\d:.])(?:1[0-2]|0?[1-9]) ?[AaPp]\.?[Mm]\b\.?)"
    r"|(?P<version>\b[vV]\d+(?:\.\d+)+)"
    r"|(?P<ordinal>(?<![\w.,])\d{1,9}(?:st|nd|rd|th)\b)"
    rf"|(?P<unit>(?<![\w.,])-?{_NUMBER} ?(?:{_UNIT})(?![\w°%]))"
    r"|(?P<year>(?<![\w.,$€£:/-])(?:1[1-9]|20)\d\d(?![\w%:/-]|[.,]\d))"
    r"|(?P<dotted>(?<![\w.])\d+(?:\.\d+){2,}(?![\w]))"
    rf"|(?P<number>(?<![\w.,])[#-]?{_NUMBER}(?![\w]))"
    rf"|(?P<short>(?<!\w)(?:{_SHORT})(?!\w))"
    r"|(?P<emoji>[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d\u20e3]+)"
)


_NOTHING_MORE = re.compile(" and zero (?:cents?|pence|penny)$")


class Worded(NamedTuple):
    """A text in words. ``starts`` are places in ``text`` from which on it stands for ``spans`` of the original: a span
    that is longer or shorter than its words is one replacement.
    """

    text: str
    starts: list[int]
    spans: list[tuple[int, int, bool]]

    def back(self, items: Iterator[Block | SpokenWord]) -> Iterator[Block | SpokenWord]:
        """``items`` with words of the original text; the words that stand for one place of it are one."""
        kept: SpokenWord | None = None
        try:
            for item in items:
                if not isinstance(item, SpokenWord):
                    yield item
                    continue
                start, end = self._original(item.start, item.end)
                if kept is not None and start < kept.end:
                    kept = kept._replace(end=max(end, kept.end), ends=item.ends)
                    continue
                if kept is not None:
                    yield kept
                kept = item._replace(start=start, end=end)
            if kept is not None:
                yield kept
        finally:
            if (close := getattr(items, "close", None)) is not None:
                close()

    def _original(self, start: int, end: int) -> tuple[int, int]:
        return self._place(start)[0], self._place(max(start, end - 1))[1]

    def _place(self, at: int) -> tuple[int, int]:
        """The characters of the original for which the one at ``at`` stands."""
        index = max(0, bisect_right(self.starts, at) - 1)
        begin, end, replaced = self.spans[index]
        if replaced:
            return begin, end
        here = begin + at - self.starts[index]
        return here, here + 1


def in_words(text: str, language: str) -> Worded:
    """``text`` as an engine should read it. ``language`` is a BCP 47 tag."""
    found = list(_replacements(text)) if language.partition("-")[0].lower() == "en" else []
    parts: list[str] = []
    starts, spans = list[int](), list[tuple[int, int, bool]]()
    made = read = 0
    for start, end, words in (*found, (len(text), len(text), "")):
        for begin, stop, part, replaced in ((read, start, text[read:start], False), (start, end, words, True)):
            if part:
                starts.append(made)
                spans.append((begin, stop, replaced))
                parts.append(part)
                made += len(part)
        read = end
    return Worded("".join(parts), starts or [0], spans or [(0, len(text), False)])


def _replacements(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _FORMS.finditer(text):
        kind = match.lastgroup or ""
        try:
            words = _READERS[kind](match[0])
        except (ArithmeticError, ValueError, IndexError, TypeError, NotImplementedError, KeyError, RecursionError):
            continue  # num2words knows no such number: the engine reads it as it can
        if words is not None:
            yield match.start(), match.end(), words


def _say(number: str | float, **how: Any) -> str:
    """A number in words; as it is without num2words."""
    try:
        from num2words import num2words
    except ImportError:
        if how:
            raise ValueError from None
        return str(number)
    words: str = num2words(number, **how)
    return words.replace(",", "")


def _number(text: str) -> str:
    sign, digits = ("minus ", text[1:]) if text.startswith("-") else ("", text)
    if text.startswith("#"):
        sign, digits = "number ", text[1:]
    digits = digits.replace(",", "")
    if len(digits) > LONGEST_NUMBER or (len(digits) > 1 and digits.startswith("0") and "." not in digits):
        return sign + _digits(digits)
    whole, point, decimals = digits.partition(".")
    return sign + _say(whole) + (f" point {_digits(decimals)}" if point else "")


def _digits(text: str) -> str:
    return " ".join(
        _say(digit) if digit.isdecimal() else "point" for digit in text if digit.isdecimal() or digit == "."
    )


def _money(text: str) -> str:
    number = re.search(_NUMBER, text)
    assert number is not None
    sign = next(sign for sign in _CURRENCIES if sign in text)
    scale = text.partition(number[0])[2].strip(" €")
    digits = number[0].replace(",", "")
    if scale or len(digits) > LONGEST_NUMBER:
        return " ".join(filter(None, (_number(digits), scale, {"$": "dollars", "€": "euros", "£": "pounds"}[sign])))
    words = _say(float(digits), to="currency", currency=_CURRENCIES[sign], separator=" and")
    words = words.replace("pounds sterling", "pounds").replace("pound sterling", "pound").replace(" euro", " euros")
    return _NOTHING_MORE.sub("", words)


def _time(text: str) -> str:
    found = re.fullmatch(r"(\d{1,2})(?::(\d\d))? ?(?:([AaPp])\.?[Mm]\.?)?", text)
    assert found is not None
    hour, minutes, half = found.groups()
    parts = [_say(int(hour))]
    if minutes and minutes != "00":
        parts.append(f"oh {_say(minutes[1])}" if minutes[0] == "0" else _say(int(minutes)))
    elif not half:
        parts.append("o'clock" if 0 < int(hour) <= 12 else "hundred")
    if half:
        parts.append(f"{half.upper()} M")
    return " ".join(parts)


def _date(text: str) -> str:
    year, month, day = map(int, text.split("-"))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise ValueError(text)
    return f"{_MONTHS[month - 1]} {_say(day, to='ordinal')}, {_year(str(year))}"


def _year(text: str) -> str:
    return _say(int(text), to="year")


def _version(text: str) -> str:
    return f"version {_dotted(text[1:])}"


def _dotted(text: str) -> str:
    return " point ".join(_number(part) for part in text.split("."))


def _unit(text: str) -> str:
    found = re.match(rf"(-?{_NUMBER}) ?", text)
    assert found is not None
    name = _UNITS[text[found.end() :]]
    return f"{_number(found[1])} {name if found[1] in ('1', '-1') or name in _SAME else _plural(name)}"


def _plural(name: str) -> str:
    first, _, rest = name.partition(" ")
    if rest == "hour":  # kilowatt hours
        return f"{first} hours"
    many = "feet" if first == "foot" else f"{first}s"
    return f"{many} {rest}".rstrip()


def _address(text: str) -> str:
    text = re.sub(r"^https?://(?:www\.)?", "", text)
    tail = re.search(r"[.,;:!?)\]]*$", text)
    end = tail[0] if tail else ""
    body = text[: len(text) - len(end)].rstrip("/")
    spoken = "".join(_SIGNS.get(letter, letter) for letter in body)
    return " ".join(re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", spoken).split()) + end


_READERS: dict[str, Callable[[str], str | None]] = {
    "row": lambda _: " ",
    "emoji": lambda _: " ",
    "address": _address,
    "date": _date,
    "phone": lambda text: ", ".join(_digits(part) for part in re.findall(r"\d+", text)),
    "money": _money,
    "time": _time,
    "version": _version,
    "ordinal": lambda text: _say(int(text[:-2]), to="ordinal"),
    "unit": _unit,
    "year": _year,
    "dotted": _dotted,
    "number": _number,
    "short": _ABBREVIATIONS.get,
}
