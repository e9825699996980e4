from __future__ import annotations

import pytest

from oggstream.sources.http.answer_reader import (
    LONGEST_HEAD,
    LONGEST_LINE,
    AnswerReader,
    CutAnswerError,
    MalformedAnswerError,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = bytes(range(256)) * 3
CHUNKS = (
    b"100\r\n"
    + BODY[:256]
    + b"\r\n1F0; x=y\r\n"
    + BODY[256:752]
    + b"\r\n10\r\n"
    + BODY[752:]
    + b"\r\n0\r\nX: y\r\n\r\n"
)
WHOLE = {
    "chunked": CHUNKED + CHUNKS,
    "chunked, a length that does not count": OK
    + b"Content-Length: 5\r\ntransfer-encoding: gzip, Chunked\r\n\r\n"
    + CHUNKS,
    "a length": OK + b"content-length: 768\r\n\r\n" + BODY,
    "one length said twice": OK + b"Content-Length: 768\r\nContent-Length: 768\r\n\r\n" + BODY,
    "lines without CR": OK.replace(b"\r", b"") + b"Content-Length: 768\n\n" + BODY,
    "up to the end": b"HTTP/1.0 200\r\n\r\n" + BODY,
    "hints before": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + CHUNKED + CHUNKS,
}


def read(data: bytes, size: int) -> tuple[AnswerReader, bytes]:
    reader = AnswerReader()
    body = b"".join(reader.feed(data[at : at + size]) for at in range(0, len(data), size))
    return reader, body


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
@pytest.mark.parametrize("kind", WHOLE)
def test_body_is_the_same_whatever_its_framing_and_however_it_is_split(kind: str, size: int) -> None:
    reader, body = read(WHOLE[kind], size)
    reader.finish()
    assert body == BODY
    assert (reader.status, reader.ended) == (200, True)


@pytest.mark.parametrize("kind", [kind for kind in WHOLE if kind != "up to the end"])
def test_answer_that_is_cut_anywhere_is_noticed(kind: str) -> None:
    for size in range(len(WHOLE[kind])):
        reader, _ = read(WHOLE[kind][:size], 100_000)
        with pytest.raises(CutAnswerError):
            reader.finish()


def test_what_follows_the_end_is_dropped() -> None:
    assert read(WHOLE["a length"] + b"more", 50)[1] == BODY
    assert read(WHOLE["chunked"] + b"more", 50)[1] == BODY


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_that_have_no_body_end_with_their_head(status: bytes) -> None:
    assert read(b"HTTP/1.1 " + status + b"\r\nContent-Length: 9\r\n\r\n", 100)[0].ended


def test_headers_are_found_in_any_case_and_the_first_one_counts() -> None:
    reader, _ = read(b"HTTP/1.1 401 No\r\nX-Request-ID:  r1 \r\nx-request-id: r2\r\nEmpty:\r\n\r\n", 100)
    assert (reader.status, reader.headers["x-REQUEST-id"], reader.headers["empty"]) == (401, "r1", "")
    assert dict(reader.headers) == {"X-Request-ID": "r1", "Empty": ""}
    assert reader.headers.get("other") is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b" folded: line\r\n\r\n",
        OK + b"na me: x\r\n\r\n",
        OK + b"name: a\0b\r\n\r\n",
        OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
        OK + b"Content-Length: -4\r\n\r\n",
        OK + b"Content-Length: " + "٤".encode() + b"\r\n\r\n",
        OK + b"x: y\r\n" * 2000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * LONGEST_LINE + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"y" * (LONGEST_HEAD + 1),
        CHUNKED + b"x\r\n",
        CHUNKED + b"-4\r\n",
        CHUNKED + b"0x4\r\n",
        CHUNKED + b"4\r\nOggSmore\r\n",
        CHUNKED + b"1" * (LONGEST_LINE + 1),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    for size in (5, 100_000_000):
        with pytest.raises(MalformedAnswerError):
            read(data, size)
