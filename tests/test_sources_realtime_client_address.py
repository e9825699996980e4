"""Where clients of older versions of openai connect; the tests of ClientSource cover current ones."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from oggstream.sources.realtime.client_address import client_address, merged_headers

openai = pytest.importorskip("openai")


class OldAzureClient:
    """As in versions 1.60 to 1.65: no websocket_base_url, no key to refresh, and a query for an address."""

    base_url = "https://here.openai.azure.com/openai/"
    default_query: ClassVar = {"api-version": "2024-10-01-preview"}
    default_headers: ClassVar = {"X-Mine": "yes", "Accept": "application/json", "Left-Out": object()}
    api_key = "<missing API key>"
    qs = openai.AsyncOpenAI(api_key="none").qs

    async def _configure_realtime(
        self, model: str, extra_query: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        query = {**extra_query, "api-version": "2024-10-01-preview", "deployment": model}
        return query, {"Authorization": "Bearer azure-token-1234"}


async def test_an_old_azure_client_gives_a_query_for_its_address() -> None:
    url, headers = await client_address(OldAzureClient(), "gpt-realtime")
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "here.openai.azure.com", "/openai/realtime")
    assert parse_qs(parts.query) == {"api-version": ["2024-10-01-preview"], "deployment": ["gpt-realtime"]}
    assert headers == {"Authorization": "Bearer azure-token-1234", "X-Mine": "yes"}


async def test_a_base_url_for_websockets_goes_before_the_other() -> None:
    client = openai.AsyncOpenAI(
        api_key="sk-1", base_url="https://http.example/v1", websocket_base_url="wss://ws.example/v2"
    )
    url, _ = await client_address(client, "gpt-realtime")
    assert url == "wss://ws.example/v2/realtime?model=gpt-realtime"


def test_later_headers_override_earlier_ones_whatever_their_case() -> None:
    assert merged_headers({"Authorization": "one", "A": "1"}, {"authorization": "two"}) == {
        "authorization": "two",
        "A": "1",
    }
