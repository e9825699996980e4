"""Standard input in any usual encoding is text; anything else is refused with a clear message."""

from __future__ import annotations

import locale

import pytest

from oggstream.cli.terminal.decoding import TextDecoder
from oggstream.errors import TextError

TEXT = "Grüße aus Köln, 5 €"


def decoded(data: bytes, size: int) -> str:
    decoder = TextDecoder()
    portions = [data[at : at + size] for at in range(0, len(data), size)]
    return "".join(map(decoder.decode, portions)) + decoder.decode(b"", final=True)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
    ],
)
def test_unicode_is_known_by_its_marks_or_its_zeros(data: bytes, size: int) -> None:
    if not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef")) and size < 4 and 0 in data:
        size = 4
    assert decoded(data, size) == TEXT


@pytest.mark.parametrize(("local", "encoding"), [("cp1252", "cp1252"), ("utf-8", "cp1252"), ("koi8-r", "koi8-r")])
def test_other_bytes_are_of_the_local_code_page(local: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda **_: local)
    text = "Привет" if encoding == "koi8-r" else TEXT
    assert decoded(text.encode(encoding), 1000) == text


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"OggS\0\2" + bytes(20),
        b"\x7fELF\2\1\1" + bytes(9),
        bytes(100),
        b"RIFF\x24\0\0\0WAVEfmt ",
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(TextError, match=r"standard input is no text.*`play -` for audio"):
        decoded(data, 1000)


@pytest.mark.parametrize("data", [b"", b"a", b"Hi", "é".encode()[:1], b"\x1b[1mHi\x1b[0m there"])
def test_short_and_cut_text_is_text(data: bytes) -> None:
    assert decoded(data, 1) == data.decode("utf-8", "replace") or data == "é".encode()[:1]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1252"])
def test_an_encoding_that_is_guessed_is_told(encoding: str) -> None:
    decoder = TextDecoder()
    decoder.decode(TEXT.encode(encoding))
    assert decoder.guess.startswith("standard input is not UTF-8: it is read as ")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_that_is_certain_is_not_told(encoding: str) -> None:
    decoder = TextDecoder()
    decoder.decode(TEXT.encode(encoding))
    assert not decoder.guess
