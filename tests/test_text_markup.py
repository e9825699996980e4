from __future__ import annotations

import pytest

from oggstream.text.markup import BLOCK, CITATION, HOST, RULE, closing


@pytest.mark.parametrize(
    ("text", "end"),
    [("[a] b", 3), ("[a [b] c] d", 9), (r"[a\] b] c", 7), ("(a (b) c)", 9), ("(a] [b) c", 7), ("[]", 2)],
)
def test_brackets_close_at_their_own_depth(text: str, end: int) -> None:
    assert closing(text, 0, 50) == end


@pytest.mark.parametrize("text", ["[a\nb]", "[" * 20, "[" + "a" * 60, "[" + "a" * 60 + "]"])
def test_brackets_do_not_close_beyond_the_line_the_limit_or_reason(text: str) -> None:
    assert closing(text, 0, 50) is None


@pytest.mark.parametrize("text", ["[", "[a", "[a [b]", "(a\\"])
def test_more_text_may_close_a_bracket(text: str) -> None:
    assert closing(text, 0, 50) == 0


@pytest.mark.parametrize(
    "line", ["---", " - - -", "***", "_ _ _", "===", "|---|:-:|", "```", "```python", "~~~ a`b", "--"]
)
def test_lines_of_marks_only(line: str) -> None:
    assert RULE.fullmatch(line)


@pytest.mark.parametrize("line", ["-", "**", "a", "- a", "|a|", "``` a`b", "-=-", "", " ", "| |"])
def test_lines_that_are_more_than_marks(line: str) -> None:
    assert not RULE.fullmatch(line)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("# a", "heading"),
        ("###### a", "heading"),
        ("> a", "quote"),
        ("- a", "point"),
        ("  - a", "point"),
        ("\u2022 a", "point"),
        ("12. a", "number"),
        ("3) a", "number"),
        ("|a", "row"),
    ],
)
def test_kinds_of_lines(line: str, kind: str) -> None:
    block = BLOCK.match(line)
    assert block is not None
    assert block.lastgroup == kind


@pytest.mark.parametrize("line", ["#a", "####### a", "-a", "1.a", "1234567890. a", "a - b"])
def test_ordinary_lines(line: str) -> None:
    assert not BLOCK.match(line)


@pytest.mark.parametrize("text", ["[1]", "[1, 2]", "[1-3]", "[^note]", "\u30104:0\u2020file\u3011"])
def test_marks_of_notes(text: str) -> None:
    assert CITATION.fullmatch(text)


@pytest.mark.parametrize(("address", "host"), [("https://www.a.org:80/x", "a.org"), ("www.b.net", "b.net")])
def test_hosts(address: str, host: str) -> None:
    match = HOST.match(address)
    assert match is not None
    assert match[1] == host
