"""The marks of Markdown (CommonMark 0.31, tables and task lists of GitHub's) and HTML, as patterns.

Every pattern is bounded or advances with each character, so that hostile text costs no more than any other. Those
named UNFINISHED match what could still become the thing when more text comes.
"""

from __future__ import annotations

import re

_INDENT = "[ \t]{0,99}"
RULE = re.compile(
    f"{_INDENT}(?:(?P<fence>`{{3,}})[^`]*|(?P<tildes>~{{3,}}).*"  # a block of code begins
    f"|(?:-[ \t]*){{2,}}|(?:\\*[ \t]*){{3,}}|(?:_[ \t]*){{3,}}|=+[ \t]*"  # a rule, or the underline of a heading
    f"|(?P<table>(?=[^|]*\\|)[|:][|:\\- \t]*-[|:\\- \t]*))"  # the line below the head of a table
    f"\r?"
)
"""A line of marks only."""
BLOCK = re.compile(
    f"{_INDENT}(?:(?P<quote>>)|(?P<heading>#{{1,6}}[ \t])|(?P<point>[-+*\u2022\u25e6\u2023][ \t]+(?:\\[[ xX]\\][ \t])?)"
    f"|(?P<number>[0-9]{{1,9}}[.)])[ \t]|(?P<row>\\|))"
)
"""The marks at the start of a line that say what kind of line it is."""
UNDECIDED = re.compile(
    f"{_INDENT}(?:[-+*_=~`|: \t\r\u2022\u25e6\u2023]*|#{{1,6}}|[0-9]{{1,9}}[.)]?"
    f"|[-+*\u2022\u25e6\u2023][ \t]+\\[(?:[ xX]\\]?)?|`{{3,}}[^`\n]*|~{{3,}}.*)"
)
"""The start of a line that may become any of these."""

ADDRESS = re.compile(r"(?<![A-Za-z0-9])(?:[Hh]ttps?://|www\.)")
UNFINISHED_ADDRESS = re.compile(r"(?<![A-Za-z0-9])(?:[Hh](?:t(?:t(?:p(?:s?:?/?))?)?)?|w(?:ww?)?)\Z")
WHOLE_ADDRESS = re.compile('[^\\s<>\\[\\]`"|*{}\u3001\u3002\uff0c]{0,2000}')
HOST = re.compile(r"(?:https?://|(?=www\.))(?:[^/?#@\s]*@)?(?:www\.)?([^/?#:\s]+)", re.IGNORECASE)

_TAGS = (
    "a|abbr|b|big|blockquote|br|center|code|dd|del|details|div|dl|dt|em|font|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|"
    "s|small|span|strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|var"
)
_SSML = (
    "speak|break|prosody|emphasis|phoneme|say-as|sub|voice|lang|mark|w|token|par|media|seq|audio|lexicon|bookmark|viseme|"
    "(?:amazon|mstts|google|apple):[a-z-]{1,30}"
)
TAG = re.compile(
    f"</?(?P<name>{_TAGS}|{_SSML})(?:[ \t/][^<>]{{0,300}})?>|<(?P<link>https?://[^<>\\s]{{1,2000}})>"
    f"|<\\?xml[^<>]{{0,300}}\\?>",
    re.IGNORECASE,
)
"""Tags of HTML and of SSML 1.1, which are left out; an address in such brackets."""
UNFINISHED_TAG = re.compile(
    f"<(?:/?(?:{_TAGS}|{_SSML})[ \t/][^<>]{{0,300}}|\\?[^<>]{{0,300}}|https?:/{{0,2}}|https?://[^<>\\s]{{0,2000}})\\Z",
    re.IGNORECASE,
)
BREAKS = frozenset(("br", "p", "li", "tr", "div", "break", "par", "media"))
"""Tags that part words."""

ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "#39": "'", "nbsp": "\xa0"}
ENTITY = re.compile(f"&({'|'.join(ENTITIES)});")
UNFINISHED_ENTITY = re.compile(r"&[#a-z0-9]{0,4}\Z")

CITATION = re.compile(
    r"\[(?:\^[^\[\]\s]{1,50}|[0-9]{1,3}(?:[,\u2013-] ?[0-9]{1,3}){0,9})\]"
    r"|\u3010[^\u3010\u3011\n]{0,60}\u2020[^\u3010\u3011\n]{0,100}\u3011"
)
"""The mark of a note or source."""
UNFINISHED_CITATION = re.compile("\u3010[^\u3010\u3011\n]{0,160}\\Z")

MARKS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
"""What a backslash makes plain."""

_BRACKETS = {"[": re.compile(r"\\.|[\[\]\n]", re.DOTALL), "(": re.compile(r"\\.|[()\n]", re.DOTALL)}
_DEEPEST = 8


def closing(raw: str, at: int, limit: int) -> int | None:
    """Position behind the bracket that closes the one at ``at``.

    None if there is none on the line within ``limit`` characters, or too many within each other; 0 if more text is
    needed to tell.
    """
    depth = 0
    for match in _BRACKETS[raw[at]].finditer(raw, at, at + limit):
        if match[0] == "\n" or depth > _DEEPEST:
            return None
        if match[0] in "[(":
            depth += 1
        elif match[0] in "])":
            depth -= 1
            if not depth:
                return match.end()
    return 0 if len(raw) < at + limit else None
