"""Values are escaped for their place, whatever voice, model, language or text contain."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from oggstream.errors import ConfigError, OggStreamError, TextError, UsageError
from oggstream.options import SpeechOptions
from oggstream.sources.http.exchange import Request, check_headers
from oggstream.sources.http.urls import usable_url
from oggstream.sources.services.places import check_path, in_url, in_xml
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.services.table import Service, service

EVERYWHERE = Service(
    name="everywhere",
    base_url="https://{region}.example.org/v1",
    path="/speak/{voice}/{model}/now",
    query={"voice": "{voice}", "text": "{text}"},
    headers={"X-Voice": "v={voice}"},
    json={"text": "{text}", "deep": [{"voice": "<{voice}>"}], "model": "{model}"},
    environment={"region": ["SOME_REGION"]},
)
SPOKEN = Service(
    name="spoken",
    base_url="https://example.org",
    xml="<speak lang='{language}'><voice name=\"{voice}\">{text}</voice></speak>",
    defaults={"language": "en"},
)
NASTY = [
    "../../admin",
    "..",
    ".",
    "a/../b",
    "..\\..\\admin",
    "%2e%2e/x",
    "%252e%252e%252fx",
    "x?admin=1",
    "x&admin=1",
    "x#y",
    "x;y=1",
    'x","admin":"1',
    "x\\",
    "x\r\nX-Admin: 1",
    "x\nX-Admin: 1",
    "x\x00y",
    "x\u2028y",
    "<admin/>",
    "]]><admin/>",
    "'><admin a='",
    '"><admin a="',
    "&admin;",
    "<!--",
    "{key}",
    "{{text}}",
    "\ud800",
    "\ufffe",
    "@evil.example",
    "//evil.example/",
    "\u3002\u3002",
]


def asked(source: ServiceSource, text: str, **options: Any) -> Request:
    """What would be sent. Raises what opening raises."""
    requests: list[Request] = []

    class Client:
        def open(self, request: Request, _advise: object) -> Any:
            check_headers(request.headers)
            requests.append(request)
            raise StopIteration

    source._client = Client()  # type: ignore[assignment]

    async def opened() -> None:
        async with source.open(text, SpeechOptions(**options)):
            pass

    with suppress(StopIteration, RuntimeError):
        asyncio.run(opened())
    [request] = requests
    return request


several = st.lists(st.sampled_from(NASTY), max_size=3).map("".join)
nasty = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=20), st.lists(st.sampled_from(NASTY), max_size=3).map("".join)
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(voice=nasty, model=nasty, text=nasty)
def test_values_stay_in_path_query_headers_and_json(voice: str, model: str, text: str) -> None:
    try:
        request = asked(ServiceSource(EVERYWHERE, region="eu"), text, voice=voice, model=model)
    except (UsageError, ConfigError, TextError):
        return  # refused with a word
    parts = urlsplit(f"https://example.org{request.target}")
    segments = parts.path.split("/")
    assert (len(segments), segments[1], segments[4]) == (5, "speak", "now")
    assert not {".", ".."} & set(unquote(parts.path).replace("\\", "/").split("/"))
    assert dict(parse_qsl(parts.query, keep_blank_values=True)) == {"voice": voice, "text": text}
    assert request.headers == {"X-Voice": f"v={voice}", "Content-Type": "application/json"}
    assert request.body is not None
    assert json.loads(request.body) == {"text": text, "deep": [{"voice": f"<{voice}>"}], "model": model}


@settings(deadline=None)
@given(voice=nasty, language=nasty, text=nasty)
def test_values_stay_in_their_place_of_the_xml(voice: str, language: str, text: str) -> None:
    try:
        request = asked(ServiceSource(SPOKEN, language=language), text, voice=voice)
    except OggStreamError:
        return
    assert request.body is not None
    speak = ET.fromstring(request.body)  # it was made here
    [inner] = speak
    assert (speak.tag, inner.tag, len(inner), set(speak.attrib), set(inner.attrib)) == (
        "speak", "voice", 0, {"lang"}, {"name"},
    )  # fmt: skip


@pytest.mark.parametrize("region", NASTY)
def test_region_cannot_lead_to_another_host(region: str) -> None:
    try:
        source = ServiceSource(EVERYWHERE, region=region)
    except UsageError:
        return
    url = source._url
    host = urlsplit(url).hostname if usable_url(url) else "x.example.org"
    assert host is not None
    assert host.endswith(".example.org")


@pytest.mark.parametrize("path", ["/a/../b", "/a/%2e%2E/b", "/a/..%2fb", "/..", "/a/.%5C", "/a/%252e%252e/b", "/."])
def test_path_that_leads_upwards_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="leads upwards"):
        check_path(path)


@pytest.mark.parametrize("path", ["/v1/a.b/..c", "", "/v1?x=/../", "/%C3%A4", "/100%25", "/..."])
def test_usual_path_is_taken(path: str) -> None:
    assert check_path(path) == path


def test_slash_in_a_value_is_no_border_of_segments() -> None:
    assert in_url("speaches-ai/Kokoro") == "speaches-ai%2FKokoro"
    assert in_xml("a\x00<b>&\"'") == "a&#60;b&#62;&#38;&#34;&#39;"


def test_base_url_that_is_one_field_is_a_url_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_POLLY", "http://127.0.0.1:8000/proxy")
    assert repr(ServiceSource("polly")) == "ServiceSource('polly', base_url='http://127.0.0.1:8000/proxy')"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"path": "speak"}, "path begins with /"),
        ({"path": "{voice}/speak"}, "path begins with /"),
        ({"path": ".evil.example/"}, "path begins with /"),
        ({"method": "GET /x HTTP/1.1\r\nX: y"}, "method is a word"),
        ({"headers": {"X-A: b\r\nX-C": "d"}}, "no name of a header"),
        ({"headers": {"": "d"}}, "no name of a header"),
    ],
)
def test_description_that_would_change_the_request_makes_no_sense(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Service(name="odd", base_url="https://example.org", **entry)


@pytest.mark.parametrize(
    "toml",
    [
        "[odd]\nbase_url = 5",
        "[odd]\nbase_url = 'http://h'\njson = { at = 2026-01-01 }",
        "[odd]\nbase_url = 'http://h'\njson = { at = nan }",
        "[odd]\nbase_url = 'http://h'\nneeds = [[1]]",
        "[odd]\nbase_url = 'http://h'\nformats = { opus = 5 }",
        "x = " + "[" * 5000,
        "x = " + "9" * 5000,
        "odd = 5",
        '[odd]\nbase_url = "\\ud800"',
        "\x00",
    ],
)
def test_odd_toml_is_refused_with_a_word(toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "services.toml"
    file.write_text(toml)
    monkeypatch.setenv("OGGSTREAM_SERVICES", str(file))
    with pytest.raises(OggStreamError) as caught:
        asked(ServiceSource(service("odd"), base_url="http://h"), "Hello.")
    assert "\n" not in str(caught.value)
