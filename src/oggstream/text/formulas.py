r"""Formulas of LaTeX: simple ones within a line are spoken, all others are not.

Between $ and $ (not where it reads as money), \( and \); on lines of their own between $$ and $$, \[ and \],
\begin{...} and \end{...}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 1000
"""Characters of a formula on lines of its own; a longer one is no formula."""
_SYMBOLS = {
    "times": "\u00d7",
    "cdot": "\u00b7",
    "div": "\u00f7",
    "pm": "\u00b1",
    "approx": "\u2248",
    "infty": "\u221e",
    "le": "\u2264",
    "leq": "\u2264",
    "ge": "\u2265",
    "geq": "\u2265",
    "ne": "\u2260",
    "neq": "\u2260",
    "to": "\u2192",
    "%": "%",
    "$": "$",
}
_WORDS = (
    "alpha beta gamma delta epsilon zeta eta theta lambda mu nu pi rho sigma tau phi chi psi omega "
    "Gamma Delta Theta Lambda Pi Sigma Phi Psi Omega sin cos tan log ln"
)
_SYMBOLS.update((name, name) for name in _WORDS.split())
_NAMES = "|".join(re.escape(name) for name in sorted(_SYMBOLS, key=len, reverse=True))
_TOKEN = re.compile(
    rf"(?P<blank>[ \t]+)|\\(?P<symbol>{_NAMES})(?![A-Za-z])|[_^]\{{(?P<index>[A-Za-z0-9+-]{{1,5}})\}}"
    r"|(?P<plain>[A-Za-z0-9+\-=<>.,()/|!':*%]|[_^][A-Za-z0-9])"
)
_SIMPLE = re.compile(f"(?:{re.sub('[?]P<[a-z]+>', '?:', _TOKEN.pattern)})*")

DOLLARS = re.compile(r"\$(?=[A-Za-z\\({|-])(?P<formula>[^$\n]{0,99}[^$\s\\])\$(?![0-9A-Za-z])")
UNFINISHED_DOLLARS = re.compile(r"\$(?:(?=[A-Za-z\\({|-])[^$\n]{0,100}\$?)?\Z")
DISPLAYED = re.compile(rf"\$\$(?:(?!\n\n|\$\$).){{0,{LONGEST}}}\$\$", re.DOTALL)
UNFINISHED_DISPLAYED = re.compile(rf"\$\$(?:(?!\n\n|\$\$).){{0,{LONGEST}}}\Z", re.DOTALL)
PARENTHESES = re.compile(r"\\\((?P<formula>(?:(?!\\\)).){0,200})\\\)")
UNFINISHED_PARENTHESES = re.compile(r"\\\((?:(?!\\\)).){0,200}\Z")
BRACKETS = re.compile(
    r"\\\[(?=(?:(?!\\\]).){0,200}?(?:[\^_={}+]|\\[a-zA-Z]))"  # of LaTeX, no escaped bracket
    rf"(?:(?!\n\n|\\\]).){{0,{LONGEST}}}\\\]",
    re.DOTALL,
)
UNFINISHED_BRACKETS = re.compile(rf"\\\[(?:(?!\n\n|\\\]).){{0,{LONGEST}}}\Z", re.DOTALL)
BEGIN = re.compile(r"\\begin\{(?P<name>[a-zA-Z]{1,20}\*?)\}")
UNFINISHED_BEGIN = re.compile(r"\\(?:b(?:e(?:g(?:i(?:n(?:\{[a-zA-Z]{0,20}\*?)?)?)?)?)?)?\Z")


def spoken(formula: str) -> Iterator[tuple[str, int, int]] | None:
    """What is said of a formula, with where that stands in it: words, and blanks between them; None for nothing."""
    return _words(formula) if _SIMPLE.fullmatch(formula) else None


def _words(formula: str) -> Iterator[tuple[str, int, int]]:
    for token in _TOKEN.finditer(formula):
        start, end = token.span()
        if token["blank"]:
            yield " ", start, end
        elif token["symbol"]:
            yield from ((" ", start, start), (_SYMBOLS[token["symbol"]], start, end), (" ", end, end))
        elif token["index"]:
            yield formula[start] + token["index"], start, end
        else:
            yield token[0], start, end
