"""Whose request it is behind proxies, by headers that anybody may have written."""

from __future__ import annotations

import json
import logging

import aiohttp
import pytest

from oggstream.endpoint.server import SpeechServer
from oggstream.endpoint.trusted_proxies import TrustedProxies
from oggstream.errors import ConfigError
from scripted import ScriptedSource, every, pages, spoken

PROXY = "10.0.0.9"
TRUSTED = TrustedProxies([PROXY, " 10.1.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    ("said", "client"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # the left one is the client's own word
        (["198.51.100.1", "203.0.113.7, 10.1.2.3"], "203.0.113.7"),  # of several lines, through two proxies
        (["10.1.2.3"], "10.1.2.3"),  # a client that is a proxy
        (["2001:db8::7"], "2001:db8::7"),
        (["[2001:db8::7]:443"], "2001:db8::7"),
        (["203.0.113.7:5000"], "203.0.113.7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
    ],
)
def test_the_client_is_the_right_most_address_that_is_no_trusted_proxys(said: list[str], client: str) -> None:
    assert TRUSTED.client(PROXY, [], said) == client


@pytest.mark.parametrize("bad", ["", "unknown", "203.0.113", "300.1.1.1", "[::1", "a" * 8000, "203.0.113.7;", "é", ","])
def test_what_is_no_address_counts_as_the_proxy_that_said_it(bad: str) -> None:
    assert TRUSTED.client(PROXY, [], [f"203.0.113.7, {bad}"]) == PROXY
    assert TRUSTED.client(PROXY, [], [f"203.0.113.7, {bad}, 10.1.2.3"]) == "10.1.2.3"


@pytest.mark.parametrize(
    ("said", "client"),
    [
        (["for=203.0.113.7"], "203.0.113.7"),
        (['For="[2001:db8::7]:4711"; proto=https;by=10.0.0.9'], "2001:db8::7"),
        (["for=198.51.100.1, for=203.0.113.7;by=unknown", 'for="10.1.2.3:80"'], "203.0.113.7"),
        (['for="198.51.100.1, for=203.0.113.7'], "203.0.113.7"),  # a quote that a client opened swallows nothing
    ],
)
def test_forwarded_is_read_as_rfc_7239_writes_it(said: list[str], client: str) -> None:
    assert TRUSTED.client(PROXY, said, []) == client


@pytest.mark.parametrize(
    "bad", ["", "for=", "for=_hidden", "for=unknown", "by=1.2.3.4", "203.0.113.7", "for=1.2.3.4;for=1.2.3.5", 'for="x']
)
def test_an_element_that_tells_no_single_address_counts_as_the_proxy(bad: str) -> None:
    assert TRUSTED.client(PROXY, [f"for=203.0.113.7, {bad}"], []) == PROXY


def test_two_headers_are_believed_as_far_as_they_agree() -> None:
    assert TRUSTED.client(PROXY, ["for=203.0.113.7"], ["203.0.113.7"]) == "203.0.113.7"
    assert TRUSTED.client(PROXY, ["for=198.51.100.1"], ["203.0.113.7"]) == PROXY


@pytest.mark.parametrize("peer", ["203.0.113.1", "10.0.0.8", "", "unix"])
def test_nobody_else_is_believed(peer: str) -> None:
    assert TRUSTED.client(peer, ["for=203.0.113.7"], ["203.0.113.7"]) is None


@pytest.mark.parametrize("peer", ["10.1.255.1", "fd00::1", "fd00::1%eth0", "::ffff:10.0.0.9"])
def test_a_proxy_is_known_however_its_address_is_written(peer: str) -> None:
    assert TRUSTED.client(peer, [], ["203.0.113.7"]) == "203.0.113.7"
    assert TRUSTED.client(peer, [], []) is None  # such as its look at /ready


@pytest.mark.parametrize("network", ["", "proxy.example", "10.0.0.0/33", "10.0.0.300"])
def test_what_is_neither_an_address_nor_a_network_is_refused(network: str) -> None:
    with pytest.raises(ConfigError, match=r"such as 10\.0\.0\.0/24"):
        TrustedProxies([PROXY, network])


async def test_behind_a_proxy_each_client_has_a_share_of_its_own_and_its_address_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    server = SpeechServer(source=ScriptedSource(every(0, pages(spoken(0.2)))), trusted_proxies=["127.0.0.0/8"])
    server.jobs.share = 0
    await server.start()
    body = json.dumps({"input": "Hello.", "response_format": "opus"})
    try:
        async with aiohttp.ClientSession() as session:
            url = f"{server.base_url}/audio/speech"
            async with session.post(url, data=body, headers={"X-Forwarded-For": "203.0.113.7"}) as answer:
                assert answer.status == 429, "the share of an address is counted"
            async with session.post(url, data=body) as answer:
                assert answer.status == 200, "this machine itself has no bound"
    finally:
        await server.stop()
    lines = [record.getMessage() for record in caplog.records if "POST" in record.getMessage()]
    assert [line.split()[0] for line in lines] == ["203.0.113.7", "127.0.0.1"]
