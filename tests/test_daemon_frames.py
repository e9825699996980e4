from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.daemon import frames, request

FIELDS = st.lists(st.binary(max_size=20).filter(lambda field: b"\0" not in field), max_size=5)


@given(st.lists(FIELDS, max_size=4), st.integers(1, 7))
def test_frames_come_out_as_they_went_in_however_they_are_cut(sent: list[list[bytes]], size: int) -> None:
    data = b"".join(frames.frame(*fields) for fields in sent)
    reader, came = frames.FrameReader(), []
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
        while (fields := reader.next()) is not None:
            came.append(fields)
    assert came == sent


def test_a_length_beyond_the_bound_is_refused_before_anything_is_kept() -> None:
    reader = frames.FrameReader()
    reader.feed((frames.LONGEST + 1).to_bytes(4, "big"))
    with pytest.raises(frames.FrameError):
        reader.next()


def test_too_much_to_send_is_refused() -> None:
    with pytest.raises(frames.FrameError, match="4 MB"):
        frames.frame(b"x" * frames.LONGEST)


def test_a_field_that_does_not_end_is_refused() -> None:
    reader = frames.FrameReader()
    reader.feed(b"\0\0\0\x02ab")
    with pytest.raises(frames.FrameError):
        reader.next()


def test_what_is_wanted_is_what_completes_the_frame() -> None:
    reader, data = frames.FrameReader(), frames.frame(b"abc", b"d")
    while reader.next() is None:
        step, data = data[: reader.wanted], data[reader.wanted :]
        reader.feed(step)
    assert data == b""


def test_a_request_comes_out_as_it_went_in() -> None:
    sent = request.Request(
        request.RUN,
        b"1.2",
        folder=b"/home/\xff",
        umask=0o27,
        files=[("stdin", "utf-8", "strict"), ("stderr", "latin-1", "replace")],
        arguments=[b"say", b"", b"\xfe"],
        environment=[b"A=1", b"B=x=y"],
    )
    came = request.parse(sent.fields())
    assert vars(came) == vars(sent)


@pytest.mark.parametrize(
    "fields", [[], [b"1"], [b"1", b"v", b"run", b"/", b"x", b"0", b"0"], [b"1", b"v", b"run", b"/", b"18", b"0"]]
)
def test_what_is_no_request_is_refused(fields: list[bytes]) -> None:
    with pytest.raises(frames.FrameError):
        request.parse(fields)
