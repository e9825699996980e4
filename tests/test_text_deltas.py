from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from oggstream.errors import UsageError
from oggstream.text.deltas import text_of

CHUNK: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chat(**delta: Any) -> dict[str, Any]:
    return CHUNK | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def response(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "item_id": "i", "output_index": 0, "content_index": 0, "sequence_number": 1, **fields}


CASES: list[tuple[Any, str]] = [
    ("plain", "plain"),
    ("", ""),
    (None, ""),
    (chat(content="Hello"), "Hello"),
    (chat(content=None), ""),
    (chat(role="assistant", content=""), ""),
    (chat(), ""),
    (chat(refusal="I cannot."), "I cannot."),
    (chat(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]), ""),
    (CHUNK | {"choices": []}, ""),
    (CHUNK | {"choices": None}, ""),
    (CHUNK | {"choices": [{"index": 1, "delta": {"content": "other"}}]}, ""),
    (CHUNK | {"choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]}, "a"),
    ({"object": "text_completion", "choices": [{"index": 0, "text": "legacy"}]}, "legacy"),
    ({"object": "chat.completion", "choices": [{"index": 0, "message": {"content": "whole"}}]}, "whole"),
    (chat(content=[{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]), "in parts"),
    (response("response.output_text.delta", delta="Hi", logprobs=[]), "Hi"),
    (response("response.refusal.delta", delta="No."), "No."),
    (response("response.output_text.done", text="Hi there", logprobs=[]), ""),
    (response("response.reasoning_text.delta", delta="hmm"), ""),
    (response("response.function_call_arguments.delta", delta="{"), ""),
    ({"type": "response.completed", "response": {"output_text": "Hi there"}}, ""),
    ({"type": "content.delta", "delta": "helper", "snapshot": "the helper"}, "helper"),
    ({"type": "chunk", "chunk": chat(content="helper"), "snapshot": {}}, ""),
    ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "other"}}, "other"),
    ({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{"}}, ""),
    ({"type": "message_start", "message": {"content": []}}, ""),
    ({"type": "text", "text": "a", "snapshot": "a"}, ""),
    ({"type": "text", "text": "part"}, "part"),
    ({"type": "ping"}, ""),
    ({"text": "has text"}, "has text"),
    ({"text": None}, ""),
    ({"content": "has content"}, "has content"),
]


def as_object(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{name: as_object(inner) for name, inner in value.items()})
    return [as_object(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("item", "text"), CASES)
def test_text_is_found_in_dicts_and_in_objects(item: Any, text: str) -> None:
    assert text_of(item) == text
    assert text_of(as_object(item)) == text


@pytest.mark.parametrize("item", [3, 2.5, object(), {}, {"delta": "?"}, ["a"], ("a", "b")])
def test_what_has_no_text_is_refused(item: Any) -> None:
    with pytest.raises(UsageError, match="no text in"):
        text_of(item)


def test_bytes_are_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="decode"):
        text_of(b"bytes")


def test_the_error_shows_nothing_of_the_item() -> None:
    with pytest.raises(UsageError) as caught:
        text_of({"api_key": "secret"})
    assert "secret" not in str(caught.value)


def test_the_types_of_the_openai_package_are_understood() -> None:
    chunks = pytest.importorskip("openai.types.chat").ChatCompletionChunk
    completion = pytest.importorskip("openai.types").Completion
    events = pytest.importorskip("openai.types.responses")
    legacy = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    choice = {"index": 0, "text": "old", "finish_reason": "stop", "logprobs": None}
    given = [
        chunks.model_validate(chat(role="assistant", content="")),
        chunks.model_validate(chat(content="one ")),
        chunks.model_validate(chat(content=None)),
        chunks.model_validate(CHUNK | {"choices": []}),
        completion.model_validate(legacy | {"choices": [choice]}),
        events.ResponseTextDeltaEvent.model_validate(response("response.output_text.delta", delta=" two", logprobs=[])),
        events.ResponseTextDoneEvent.model_validate(response("response.output_text.done", text=" two", logprobs=[])),
        events.ResponseReasoningTextDeltaEvent.model_validate(response("response.reasoning_text.delta", delta="hmm")),
    ]
    assert [text_of(item) for item in given] == ["", "one ", "", "", "old", " two", "", ""]
