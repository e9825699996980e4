from __future__ import annotations

import json
from contextlib import suppress
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import UsageError
from oggstream.text.deltas import MOST_UNKNOWN, ModelText, text_of
from oggstream.text.patterns import ROWS

FIELDS = sorted({name for row in ROWS for path in (*row.when, row.path) for name in path.split(".") if name})

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


@pytest.mark.parametrize("item", [3, 2.5, object(), {}, {"deltas": "?"}, ["a"], ("a", "b")])
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


def whole(*items: Any) -> str:
    """What a stream of ``items`` gives."""
    stream = ModelText()
    return "".join(stream.read(item) for item in items) + stream.finish()


def named(name: str, /, **fields: Any) -> Any:
    """An object of a class ``name`` with these attributes."""
    return type(name, (SimpleNamespace,), {})(**fields)


def ai(content: Any, kind: str = "AIMessageChunk") -> Any:
    """As langchain-core 1.8 has them; `content` is a str or a list of blocks."""
    return named(kind, type=kind if kind != "AIMessage" else "ai", content=content, id="run-1", tool_calls=[])


def human(content: str) -> Any:
    return named("HumanMessage", type="human", content=content, id=None)


def langchain(event: str, **data: Any) -> dict[str, Any]:
    return {"event": event, "run_id": "r", "name": "m", "tags": [], "metadata": {}, "parent_ids": [], "data": data}


class Kind(Enum):
    USER = "user"
    ASSISTANT = "assistant"
    CONTENT = "TEXT_MESSAGE_CONTENT"
    START = "TEXT_MESSAGE_START"


class Refuses:
    """As google-genai's response: its property `text` may raise."""

    def __init__(self, *parts: Any) -> None:
        self.candidates = [SimpleNamespace(content=SimpleNamespace(parts=list(parts), role="model"), index=None)]

    @property
    def text(self) -> str:
        raise ValueError("parts that are no text")


def part(text: str | None = None, *, thought: bool | None = None, call: Any = None) -> Any:
    return SimpleNamespace(text=text, thought=thought, function_call=call)


def vercel(*lines: str) -> list[Any]:
    return [f"{line}\n" for line in lines]


def sse(*events: dict[str, Any]) -> str:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"


STREAMS: dict[str, list[Any]] = {
    # llama-index-core 0.14: the text is all so far, the delta what is new
    "llama-index completion": [
        named("CompletionResponse", text=t, delta=d, raw=None) for t, d in (("Hi", "Hi"), ("Hi there", " there"))
    ],
    "llama-index chat": [
        named("ChatResponse", message=named("ChatMessage", role=Kind.ASSISTANT, blocks=[]), delta=d, raw=None)
        for d in ("Hi", " there")
    ],
    "llama-index agent": [
        named("AgentInput", input=[named("ChatMessage", role=Kind.USER, content="ask")], current_agent_name="a"),
        named("AgentStream", delta="", response="", current_agent_name="a", tool_calls=[], thinking_delta="hmm"),
        named("AgentStream", delta="Hi", response="Hi", current_agent_name="a", tool_calls=[], thinking_delta=None),
        named("AgentStream", delta=" there", response="Hi there", current_agent_name="a", tool_calls=[]),
        named("ToolCall", tool_name="x", tool_kwargs={}, tool_id="1"),
        named(
            "AgentOutput",
            response=named(
                "ChatMessage", role=Kind.ASSISTANT, blocks=[named("TextBlock", block_type="text", text="Hi there")]
            ),
            current_agent_name="a",
        ),
    ],
    # events of Dify, Coze, DashScope and Qianfan; Semantic Kernel
    "dify": [
        {"event": "workflow_started", "data": {"id": "1"}},
        {"event": "agent_thought", "thought": "hmm"},
        {"event": "agent_message", "answer": "Hi"},
        {"event": "message", "answer": " there"},
        {"event": "message_end", "metadata": {}},
    ],
    "coze": [
        {"event": "conversation.message.delta", "data": {"type": "answer", "role": "assistant", "content": "Hi"}},
        {"event": "conversation.message.delta", "data": {"type": "answer", "role": "assistant", "content": " there"}},
        {"event": "conversation.message.delta", "data": {"type": "follow_up", "content": "More?"}},
        {"event": "conversation.message.completed", "data": {"type": "answer", "content": "Hi there"}},
    ],
    "dashscope, all so far": [
        {"output": {"choices": [{"message": {"role": "assistant", "content": t}}]}} for t in ("", "Hi", "Hi there")
    ],
    "dashscope, in parts": [
        {"output": {"choices": [{"message": {"role": "assistant", "content": t}}]}} for t in ("", "Hi", " there")
    ],
    "dashscope text": [{"output": {"text": t, "finish_reason": "null"}} for t in ("Hi", "Hi there")],
    "qianfan": [{"object": "chat.completion", "result": t, "is_end": not t} for t in ("Hi", " there", "")],
    "semantic kernel": [[named("StreamingChatMessageContent", content=t, role="assistant")] for t in ("Hi", " there")],
    # ollama 0.6
    "ollama chat": [
        {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "hmm"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": " there"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "total_duration": 5},
    ],
    "ollama generate": [
        named("GenerateResponse", model="m", response=t, thinking=None, done=not t) for t in ("Hi", " there", "")
    ],
    # mistralai 3.7
    "mistral": [
        named(
            "CompletionEvent",
            data=named(
                "CompletionChunk",
                choices=[named("Choice", index=0, delta=named("DeltaMessage", role="assistant", content=c))],
            ),
        )
        for c in (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}],
            "Hi",
            [{"type": "text", "text": " there"}],
        )
    ],
    "mistral conversations": [
        named("ConversationEvents", event=e, data=d)
        for e, d in (
            ("conversation.response.started", {"type": "conversation.response.started", "conversation_id": "c"}),
            ("function.call.delta", {"type": "function.call.delta", "arguments": "{}"}),
            ("message.output.delta", {"type": "message.output.delta", "role": "assistant", "content": "Hi"}),
            (
                "message.output.delta",
                {"type": "message.output.delta", "role": "assistant", "content": {"type": "text", "text": " there"}},
            ),
        )
    ],
    # Bedrock, as botocore gives its events
    "bedrock converse": [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "hmm"}}, "contentBlockIndex": 0}},
        {"contentBlockStart": {"start": {"toolUse": {"name": "x"}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 2}},
        {"contentBlockDelta": {"delta": {"text": " there"}, "contentBlockIndex": 2}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {}}},
    ],
    "bedrock invoke, anthropic": [
        {"chunk": {"bytes": json.dumps(event).encode()}}
        for event in (
            {"type": "message_start", "message": {"content": []}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hmm"}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": " there"}},
        )
    ],
    "bedrock invoke, titan": [
        {"chunk": {"bytes": json.dumps({"outputText": t, "index": 0}).encode()}} for t in ("Hi", " there")
    ],
    "bedrock agents": [{"chunk": {"bytes": b"Hi"}}, {"trace": {"x": 1}}, {"chunk": {"bytes": b" there"}}],
    # strands-agents 1.62 repeats each delta
    "strands": [
        {"init_event_loop": True},
        {"event": {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}}},
        {"data": "Hi", "delta": {"text": "Hi"}},
        {"event": {"contentBlockDelta": {"delta": {"text": " there"}, "contentBlockIndex": 0}}},
        {"data": " there", "delta": {"text": " there"}},
        {"reasoningText": "hmm", "delta": {"reasoningContent": {}}, "reasoning": True},
        {"message": {"role": "assistant", "content": [{"text": "Hi there"}]}},
    ],
    # openai-agents 0.24
    "agents sdk": [
        named("AgentUpdatedStreamEvent", type="agent_updated_stream_event", new_agent=object()),
        named(
            "RawResponsesStreamEvent",
            type="raw_response_event",
            data=response("response.reasoning_text.delta", delta="hmm"),
        ),
        named(
            "RawResponsesStreamEvent",
            type="raw_response_event",
            data=response("response.output_text.delta", delta="Hi"),
        ),
        named(
            "RawResponsesStreamEvent",
            type="raw_response_event",
            data=response("response.output_text.delta", delta=" there"),
        ),
        named(
            "RunItemStreamEvent",
            type="run_item_stream_event",
            name="message_output_created",
            item=named("Item", content="Hi there"),
        ),
    ],
    # cohere 7.3
    "cohere 2": [
        {"type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "hmm"}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "hmm"}}}},
        {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": " there"}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ],
    "cohere 1": [
        {"event_type": "stream-start", "generation_id": "g"},
        {"event_type": "text-generation", "text": "Hi"},
        {"event_type": "text-generation", "text": " there"},
        {"event_type": "stream-end", "response": {"text": "Hi there"}},
    ],
    # langchain-core 1.8
    "langchain": [
        ai(""),
        ai([{"type": "reasoning", "reasoning": "hmm"}]),
        ai("Hi"),
        ai([{"type": "text", "text": " there", "index": 0}]),
    ],
    "langchain events": [
        langchain("on_chat_model_start", input={"messages": [[human("ask")]]}),
        langchain("on_chat_model_stream", chunk=ai("Hi")),
        langchain("on_parser_stream", chunk="Hi"),
        langchain("on_chat_model_stream", chunk=ai(" there")),
        langchain("on_tool_end", output=named("ToolMessage", type="tool", content="found")),
        langchain("on_chat_model_end", output=ai("Hi there", "AIMessage")),
        langchain("on_chain_end", output="Hi there"),
    ],
    "langchain generations": [
        named("ChatGenerationChunk", text=t, message=ai(t), generation_info=None, type="ChatGenerationChunk")
        for t in ("Hi", " there")
    ],
    # langgraph 1.2
    "langgraph messages": [
        (named("ToolMessage", type="tool", content="found"), {"langgraph_node": "tools"}),
        (ai("Hi"), {"langgraph_node": "agent"}),
        (ai(" there"), {"langgraph_node": "agent"}),
    ],
    "langgraph several modes": [
        ("values", {"messages": [human("ask")]}),
        ("messages", (ai("Hi"), {"langgraph_node": "agent"})),
        ("messages", (ai(" there"), {"langgraph_node": "agent"})),
        ("updates", {"agent": {"messages": [ai("Hi there", "AIMessage")]}}),
        ("values", {"messages": [human("ask"), ai("Hi there", "AIMessage")]}),
    ],
    "langgraph subgraphs": [
        (("agent:1",), "messages", (ai("Hi"), {"langgraph_node": "agent"})),
        ((), "messages", (ai(" there"), {"langgraph_node": "agent"})),
    ],
    "langgraph namespaces": [((), {"agent": {"messages": [ai("Hi there", "AIMessage")]}})],
    "langgraph values": [
        {"messages": [human("old"), ai("An old answer.", "AIMessage"), human("ask")]},
        {"messages": [human("old"), ai("An old answer.", "AIMessage"), human("ask"), ai("Hi there", "AIMessage")]},
    ],
    "langgraph updates": [
        {"tools": {"messages": [named("ToolMessage", type="tool", content="found")]}},
        {"agent": {"messages": [ai("Hi there", "AIMessage")]}},
    ],
    "langgraph 2": [
        {"type": "messages", "ns": (), "data": (ai("Hi"), {"langgraph_node": "agent"})},
        {"type": "tasks", "ns": (), "data": {"id": "t", "input": {"messages": [ai("x", "AIMessage")]}}},
        {"type": "messages", "ns": (), "data": (ai(" there"), {"langgraph_node": "agent"})},
    ],
    # pydantic-ai-slim 2.68
    "pydantic-ai events": [
        named(
            "PartStartEvent",
            index=0,
            event_kind="part_start",
            part=named("ThinkingPart", content="hmm", part_kind="thinking"),
        ),
        named(
            "PartDeltaEvent",
            index=0,
            event_kind="part_delta",
            delta=named("D", content_delta="hmm", part_delta_kind="thinking"),
        ),
        named(
            "PartStartEvent", index=1, event_kind="part_start", part=named("TextPart", content="Hi", part_kind="text")
        ),
        named("FinalResultEvent", event_kind="final_result", tool_name=None),
        named(
            "PartDeltaEvent",
            index=1,
            event_kind="part_delta",
            delta=named("D", content_delta=" there", part_delta_kind="text"),
        ),
        named(
            "PartEndEvent", index=1, event_kind="part_end", part=named("TextPart", content="Hi there", part_kind="text")
        ),
        named("AgentRunResultEvent", event_kind="agent_run_result", result=named("AgentRunResult", output="Hi there")),
    ],
    "pydantic-ai responses": [
        (
            named(
                "ModelResponse",
                kind="response",
                parts=[
                    named("ThinkingPart", content="hmm", part_kind="thinking"),
                    named("TextPart", content=t, part_kind="text"),
                    named("ToolCallPart", tool_name="x", args="{}", part_kind="tool-call"),
                ],
            ),
            last,
        )
        for t, last in (("Hi", False), ("Hi the", False), ("Hi there", True))
    ],
    "pydantic-ai text": ["Hi", "Hi the", "Hi there"],  # stream_text() without delta=True
    # Vercel's AI SDK: data stream, UI message stream, and the parts of its own
    "vercel 4 lines": vercel(
        'f:{"messageId":"m"}', 'g:"hmm"', '0:"Hi"', '0:" there"', 'e:{"finishReason":"stop"}', "d:{}"
    ),
    "vercel 5": [
        "".join(
            f"data: {json.dumps(event)}\n\n"
            for event in (
                {"type": "start", "messageId": "m"},
                {"type": "reasoning-delta", "id": "r", "delta": "hmm"},
                {"type": "text-start", "id": "t"},
                {"type": "text-delta", "id": "t", "delta": "Hi"},
                {"type": "text-delta", "id": "t", "delta": " there"},
                {"type": "text-end", "id": "t"},
            )
        )
        + "data: [DONE]\n\n"
    ],
    "vercel parts": [
        {"type": "text-delta", "textDelta": "Hi"},
        {"type": "reasoning", "textDelta": "hmm"},
        {"type": "text-delta", "text": " there"},
    ],
    # ag-ui-protocol 1.0
    "ag-ui": [named("TextMessageStartEvent", type=Kind.START, role="assistant")]
    + [named("TextMessageContentEvent", type=Kind.CONTENT, message_id="m", delta=d) for d in ("Hi", " there")],
    # huggingface_hub 2.4
    "tgi": [
        {"index": 1, "token": {"id": 1, "text": "Hi", "logprob": -1.0, "special": False}, "generated_text": None},
        {"index": 2, "token": {"id": 2, "text": " there", "logprob": -1.0, "special": False}, "generated_text": None},
        {
            "index": 3,
            "token": {"id": 3, "text": "</s>", "logprob": -1.0, "special": True},
            "generated_text": "Hi there",
        },
    ],
    # google-genai 3.6, google-adk
    "gemini": [
        Refuses(part("hmm", thought=True)),
        Refuses(part("Hi")),
        Refuses(part(None, call={"name": "x"}), part(" there")),
    ],
    "gemini interactions": [
        {"event_type": "interaction.created", "interaction": {"id": "i"}},
        {
            "event_type": "step.delta",
            "index": 0,
            "delta": {"type": "thought_summary", "content": {"type": "text", "text": "hmm"}},
        },
        {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "Hi"}},
        {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": " there"}},
    ],
    "google adk": [
        named("Event", author="agent", partial=p, content=named("Content", parts=[part(t)], role="model"))
        for t, p in (("Hi", True), (" there", True), ("Hi there", None))
    ],
    # openai 3.54: Responses, Assistants; litellm 1.110
    "litellm": [
        named(
            "ModelResponseStream",
            choices=[named("StreamingChoices", index=0, delta=named("Delta", content=c, reasoning_content=r))],
        )
        for c, r in ((None, "hmm"), ("Hi", None), (" there", None))
    ],
    "assistants": [
        named(
            "ThreadMessageDelta",
            event="thread.message.delta",
            data=named(
                "M",
                delta=named(
                    "D",
                    role="assistant",
                    content=[named("B", index=0, type="text", text=named("T", value=t, annotations=[]))],
                ),
            ),
        )
        for t in ("Hi", " there")
    ],
    # others
    "haystack": [
        named("StreamingChunk", content=t, meta={}, tool_calls=None, reasoning=None, index=0) for t in ("Hi", " there")
    ],
    "vllm": [
        named("RequestOutput", request_id="r", prompt="ask", outputs=[named("CompletionOutput", index=0, text=t)])
        for t in ("Hi", "Hi there")
    ],
    "autogen": [
        named("TextMessage", type="TextMessage", content="ask", source="user", role="user"),
        *(
            named("ModelClientStreamingChunkEvent", type="ModelClientStreamingChunkEvent", content=t, source="a")
            for t in ("Hi", " there")
        ),
        named("TextMessage", type="TextMessage", content="Hi there", source="a"),
    ],
    "dspy": [
        named("StreamResponse", predict_name="p", signature_field_name="answer", chunk=t) for t in ("Hi", " there")
    ],
    "openai sse": [
        sse(
            chat(role="assistant", content=""),
            chat(reasoning_content="hmm"),
            chat(content="Hi"),
            chat(content=" there"),
        )
    ],
    "openai sse in bytes": [bytes([byte]) for byte in sse(chat(content="Hi"), chat(content=" there")).encode()],
    "lines without ends": [
        "event: message",
        f"data: {json.dumps(chat(content='Hi'))}",
        "",
        "event: message",
        f"data: {json.dumps(chat(content=' there'))}",
        "",
        "data: [DONE]",
    ],
    "ollama lines": [
        b'{"message":{"role":"assistant","content":"Hi"},"done":false}\n{"message":{"role":"assist',
        b'ant","content":" there"},"done":true}\n',
    ],
    "replicate": [
        "event: output\nid: 1\ndata: Hi\n\n",
        "event: output\nid: 2\ndata:  there\n\n",
        "event: done\ndata: {}\n\n",
    ],
    "anthropic sse": [
        "event: content_block_delta\ndata: "
        + json.dumps({"type": "content_block_delta", "delta": {"type": "text_delta", "text": t}})
        + "\n\n"
        for t in ("Hi", " there")
    ],
    "bytes": [b"Hi", b" th", b"ere"],
    "growing text": ["H", "Hi", "Hi t", "Hi there", "Hi there"],
    "growing content": [{"role": "assistant", "content": t} for t in ("", "Hi", "Hi there")],
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_spoken_once_and_nothing_but_its_answer(name: str) -> None:
    assert whole(*STREAMS[name]) == "Hi there"


def test_characters_may_be_cut_between_bytes() -> None:
    assert whole(*(bytes([byte]) for byte in "Grüße".encode())) == "Grüße"


@pytest.mark.parametrize(
    "text",
    [
        "data: is a word. event: another.",
        "data: {not json}\nand more",
        "d",
        ": it begins oddly",
        '{"a": "JSON that is the answer"}',
        '{"a"',
        "id: 5\nname: x\n",
        "0:1 was the score",
        "\n\n Hi",
        "event: today\nplace: here",
    ],
)
def test_text_that_only_looks_like_a_protocol_is_text(text: str) -> None:
    assert whole(text) == text
    assert whole(*text) == text


@pytest.mark.parametrize(
    "items",
    [
        ["ha", "ha", "ha"],
        ["1", "1", "12"],
        ["\n", "\nSo", " it"],
        ["no", " no", " no"],
        ["All work and no play. "] * 3,
        ["A", "n", "An"],
        ["Hi", "", " Hi", " there"],
    ],
)
def test_words_that_are_said_twice_are_spoken_twice(items: list[str]) -> None:
    assert whole(*items) == "".join(items)


def test_what_is_guessed_is_told() -> None:
    stream = ModelText()
    assert stream.read("Hi") == "Hi"
    assert not stream.guess
    assert stream.read("Hi there") == " there"
    assert "repeats" in stream.guess


def test_two_messages_are_both_spoken() -> None:
    first, second = ai("I look it up.", "AIMessage"), ai("It is there.", "AIMessage")
    assert whole({"agent": {"messages": [first]}}, {"agent": {"messages": [second]}}) == "I look it up.It is there."
    assert (
        whole(("values", {"messages": [human("x"), first]}), ("values", {"messages": [human("x"), first, second]}))
        == "I look it up.It is there."
    )


@pytest.mark.parametrize(
    "items",
    [[{"weather": 1}], [object(), object()], [3], [b"", {"a": {"b": 1}}], [("a", 1)], [["a"]], [{"type": "odd"}]],
)
def test_a_stream_in_which_nothing_is_understood_is_an_error_that_names_its_items(items: list[Any]) -> None:
    with pytest.raises(UsageError, match=r"no text in '(dict|object|int|tuple|list)'"):
        whole(*items)


def test_an_endless_stream_of_such_items_ends() -> None:
    stream = ModelText()
    for _ in range(MOST_UNKNOWN - 1):
        assert stream.read({"weather": 1}) == ""
    with pytest.raises(UsageError, match="no text in 'dict'"):
        stream.read({"weather": 1})


def test_items_that_are_not_understood_among_others_are_passed_over() -> None:
    assert whole({"weather": 1}, "Hi", object()) == "Hi"


def test_memory_does_not_grow_with_the_text() -> None:
    stream = ModelText()
    for _ in range(3000):
        stream.read("words " * 100)
    assert stream._repeats._length <= 2 * 65536


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_no_item_gives_anything_but_text_or_a_usage_error(item: Any) -> None:
    stream = ModelText()
    with suppress(UsageError):
        assert isinstance(stream.read(item), str)
        assert isinstance(stream.finish(), str)
