from __future__ import annotations

from base64 import b64encode

import pytest

from oggstream.errors import UsageError
from oggstream.sinks.radio.mount import METHODS, PASSWORD, Mount, Refusal, check_answer

URL = "icecast://source:hackme@radio.example.org:8001/live/talk.opus"


def test_an_address_has_a_host_a_port_and_a_mount() -> None:
    mount = Mount.parse(URL)
    assert (mount.host, mount.port, mount.path, mount.tls) == ("radio.example.org", 8001, "/live/talk.opus", False)
    assert mount.place == "radio.example.org:8001/live/talk.opus"
    assert mount.authorization == b64encode(b"source:hackme").decode()


def test_what_is_left_out_is_the_usual() -> None:
    mount = Mount.parse("icecasts://:p%40ss@[::1]/a")
    assert (mount.host, mount.port, mount.tls, mount.place) == ("::1", 8000, True, "[::1]:8000/a")
    assert mount.authorization == b64encode(b"source:p@ss").decode()


def test_the_password_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "secret")
    assert Mount.parse("icecast://dj@localhost/a").authorization == b64encode(b"dj:secret").decode()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://source:hackme@localhost/a", "use icecast://source:PASSWORD@HOST:PORT/MOUNT"),
        ("icecast://source:hackme@/a", "use icecast://"),
        ("icecast://source:hackme@localhost:port/a", "use icecast://"),
        ("icecast://source:hackme@localhost:99999/a", "use icecast://"),
        ("icecast://source:hackme@localhost/a?b=c", "use icecast://"),
        ("icecast://source:hackme@localhost", "a mount of Icecast is letters"),
        ("icecast://source:hackme@localhost/", "a mount of Icecast is letters"),
        ("icecast://source:hackme@localhost/a b", "a mount of Icecast is letters"),
        ("icecast://source:hackme@localhost/a\u00e9", "a mount of Icecast is letters"),
        ("icecast://source@localhost/a", f"or set {PASSWORD}"),
        ("icecast://[::1/a", "use icecast://"),
    ],
)
def test_what_is_no_address_is_refused_without_showing_it(url: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        Mount.parse(url)
    assert message in str(raised.value)
    assert "hackme" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_mount_does_not_show_its_credential() -> None:
    mount = Mount.parse(URL)
    shown = f"{mount!r} {mount.place}"
    assert "hackme" not in shown
    assert mount.authorization not in shown


def test_a_source_is_offered_by_a_request_whose_body_has_no_end() -> None:
    put, source = (Mount.parse(URL).request(method, {"Ice-Name": "Näme"}) for method in METHODS)
    assert put.startswith(b"PUT /live/talk.opus HTTP/1.1\r\nHost: radio.example.org:8001\r\n")
    assert source.startswith(b"SOURCE /live/talk.opus HTTP/1.0\r\n")
    for request in (put, source):
        assert request.endswith(b"\r\n\r\n")
        assert "Ice-Name: Näme\r\n".encode() in request
        assert b"Content-Type: audio/ogg\r\n" in request
        assert b"Authorization: Basic c291cmNlOmhhY2ttZQ==\r\n" in request
        assert b"Transfer-Encoding" not in request
        assert b"Content-Length" not in request
    assert b"Expect: 100-continue\r\n" in put
    assert b"Expect" not in source


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n", b"ICY 200 OK\r\n\r\n"],
)
def test_an_answer_lets_the_source_begin(answer: bytes) -> None:
    check_answer(answer)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.0 401 Authentication Required\r\n\r\nYou need to authenticate\r\n", "password is wrong (401)"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\nMountpoint in use", "another source is on it (403)"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\ntoo many sources connected", "as many sources as it takes (403)"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\nNo Content-type given", "it takes no Ogg (403)"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n\x1b[31mhackme", "it is forbidden (403)"),
        (b"HTTP/1.0 404 File Not Found\r\n\r\n", "the server knows no such mount (404)"),
        (b"HTTP/1.0 500 Oh\r\n\r\n", "something is wrong there (500)"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "it does not speak as Icecast does"),
        (b"", "it does not speak as Icecast does"),
    ],
)
def test_a_refusal_is_told_in_words_of_ours(answer: bytes, why: str) -> None:
    with pytest.raises(Refusal) as raised:
        check_answer(answer)
    assert str(raised.value).endswith(why)
    assert "hackme" not in str(raised.value)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 405 Nope\r\n\r\n", b"HTTP/1.0 501 Nope\r\n\r\n"])
def test_a_server_that_may_not_know_put_is_asked_in_the_old_way(answer: bytes) -> None:
    with pytest.raises(Refusal) as raised:
        check_answer(answer)
    assert raised.value.unknown
