from __future__ import annotations

import pytest

from oggstream.sources.http.urls import redirect_of, usable_url

HERE = "https://api.example.org/v1/speech?x=1"


@pytest.mark.parametrize(
    ("location", "url", "safe"),
    [
        ("/there", "https://api.example.org/there", True),
        ("there", "https://api.example.org/v1/there", True),
        ("?y=2", "https://api.example.org/v1/speech?y=2", True),
        ("https://API.example.org:443/x#part", "https://API.example.org:443/x", True),
        ("https://api.example.org:8443/x", "https://api.example.org:8443/x", False),
        ("http://api.example.org/x", "http://api.example.org/x", False),
        ("//other.example.org/x", "https://other.example.org/x", False),
        ("https://api.example.org@evil.example/x", "https://api.example.org@evil.example/x", False),
        ("https://api.example.org.evil.example/", "https://api.example.org.evil.example/", False),
    ],
)
def test_redirect_is_safe_only_to_the_same_origin(location: str, url: str, safe: bool) -> None:
    found = redirect_of(307, location, HERE)
    assert found is not None
    assert (found.url, found.safe, found.keeps) == (url, safe, True)


def test_redirect_from_http_to_https_of_the_same_host_is_safe() -> None:
    found = redirect_of(308, "https://api.example.org/x", "http://api.example.org/x")
    assert found is not None
    assert found.safe


@pytest.mark.parametrize(("status", "keeps"), [(301, False), (302, False), (303, False), (307, True), (308, True)])
def test_only_307_and_308_keep_method_and_body(status: int, keeps: bool) -> None:
    found = redirect_of(status, "/x", HERE)
    assert found is not None
    assert found.keeps == keeps


@pytest.mark.parametrize(
    ("status", "location"),
    [(200, "/x"), (304, "/x"), (300, "/x"), (307, ""), (307, "ftp://h/"), (307, "http://a..b/"), (307, "http://[")],
)
def test_what_leads_nowhere_is_no_redirect(status: int, location: str) -> None:
    assert redirect_of(status, location, HERE) is None


@pytest.mark.parametrize(
    "url",
    ["http://a..b/", "http://.a/", f"http://{'a' * 64}.b/", "http://ü..b/", f"http://h/{'a' * 40000}", "http:///x"],
)
def test_host_or_url_that_nobody_could_know_is_not_usable(url: str) -> None:
    assert not usable_url(url)


@pytest.mark.parametrize(
    "url", ["http://localhost", "https://h.example.org.:8/", "http://grüße.de/ä", "http://[::1]:80/"]
)
def test_usual_urls_are_usable(url: str) -> None:
    assert usable_url(url)
