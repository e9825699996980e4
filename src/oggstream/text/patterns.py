"""Where the text is in what the common packages stream: one row for each shape, the first that fits counts.

A path names fields of dicts or attributes of objects, joined by dots; ``*`` is the first choice of a list, or the only
value of a dict. Beside each row stand the packages it was taken from.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class Gives(Enum):
    """What is at the end of a row's path."""

    DELTA = auto()
    """Text that comes next."""
    WHOLE = auto()
    """All text of the present message so far, or a whole message that may have been streamed before."""
    ITEM = auto()
    """An item within this one, to be read by the table in turn."""
    NOTHING = auto()
    """Nothing to be spoken: reasoning, tools, what the user said, ends."""


class Is(Enum):
    """Conditions on a field, besides its exact value."""

    THERE = auto()
    """The field exists, whatever it holds."""
    TEXT = auto()
    """It holds a str or bytes."""
    FULL = auto()
    """It holds something else than None or nothing."""


class Row(NamedTuple):
    """Items for which all of ``when`` hold give what is at ``path``; a tuple of conditions means any of them."""

    when: dict[str, object]
    path: str = ""
    gives: Gives = Gives.DELTA


NOT_SPOKEN = (
    *("user", "system", "developer", "tool", "function", "human", "remove", "tool_result", "ipython"),
    *("HumanMessage", "SystemMessage", "ToolMessage", "FunctionMessage"),
    *("HumanMessageChunk", "SystemMessageChunk", "ToolMessageChunk", "FunctionMessageChunk"),
)
"""Roles and types of messages that are not the model's answer."""

ROWS = (
    # openai 3.54 and all that is compatible (litellm 1.110, groq 1.7, huggingface_hub 2.4, vLLM, llama.cpp)
    Row({"type": "chunk", "chunk": Is.FULL}, gives=Gives.NOTHING),  # the openai helper repeats it as "content.delta"
    Row({"choices.*.delta": Is.FULL}, "choices.*.delta"),
    Row({"choices.*.message": Is.FULL}, "choices.*.message", Gives.WHOLE),
    Row({"choices": Is.THERE}, "choices.*"),
    # openai 3.54: Responses, the helper for chat completions, Realtime; mistralai 3.7: conversations
    Row({"type": ("response.output_text.delta", "response.refusal.delta", "response.text.delta")}, "delta"),
    Row({"type": ("content.delta", "refusal.delta")}, "delta"),
    Row({"type": "message.output.delta"}, "content"),
    Row({"event": "thread.message.delta"}, "data.delta.content"),  # openai 3.54: Assistants
    # anthropic 2.14; the helper repeats each delta as an event "text" with a "snapshot"
    Row({"type": "content_block_delta", "delta.type": ("text_delta", None)}, "delta"),
    Row({"type": "text", "snapshot": Is.THERE}, gives=Gives.NOTHING),
    # openai-agents 0.24
    Row({"type": "raw_response_event"}, "data", Gives.ITEM),
    Row({"type": ("run_item_stream_event", "agent_updated_stream_event")}, gives=Gives.NOTHING),
    # Bedrock: ConverseStream, InvokeModelWithResponseStream (Titan, Llama), agents; strands-agents 1.62, which
    # repeats each delta as "data"
    Row({"contentBlockDelta.delta": Is.FULL}, "contentBlockDelta.delta"),
    Row({"chunk.bytes": Is.FULL}, "chunk.bytes", Gives.ITEM),
    Row({"outputText": Is.TEXT}, "outputText"),
    Row({"generation": Is.TEXT}, "generation"),
    Row({"event.contentBlockDelta.delta": Is.FULL}, "event.contentBlockDelta.delta"),
    Row({"data": Is.TEXT, "delta": Is.FULL}, gives=Gives.NOTHING),
    # pydantic-ai-slim 2.68
    Row({"event_kind": "part_start", "part.part_kind": "text"}, "part"),
    Row({"event_kind": "part_delta", "delta.part_delta_kind": "text"}, "delta.content_delta"),
    Row({"event_kind": "agent_run_result"}, "result.output", Gives.WHOLE),
    Row({"event_kind": Is.TEXT}, gives=Gives.NOTHING),
    Row({"kind": "response", "parts": Is.FULL}, "parts", Gives.WHOLE),
    # cohere 7.3, version 2 and version 1 of its API; google-genai 3.6: interactions
    Row({"type": "content-delta"}, "delta.message.content"),
    Row({"event_type": "text-generation"}, "text"),
    Row({"event_type": ("content.delta", "step.delta")}, "delta"),
    Row({"event_type": Is.TEXT}, gives=Gives.NOTHING),
    # Vercel's AI SDK, versions 4 to 6 (also pydantic-ai's ui.vercel_ai); ag-ui-protocol 1.0
    Row({"type": "text-delta", "delta": Is.TEXT}, "delta"),
    Row({"type": "text-delta", "textDelta": Is.TEXT}, "textDelta"),
    Row({"type": "text-delta"}, "text"),
    Row({"type": ("TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CHUNK")}, "delta"),
    # langgraph 1.2: stream_mode "messages", "values", "updates", "custom" of its version 2; langchain-core 1.8: events
    Row({"type": ("messages", "values", "updates", "custom"), "ns": Is.THERE}, "data", Gives.ITEM),
    Row({"type": ("checkpoints", "tasks", "debug"), "ns": Is.THERE}, gives=Gives.NOTHING),
    Row({"event": ("on_chat_model_stream", "on_llm_stream")}, "data.chunk", Gives.ITEM),
    Row({"event": Is.TEXT, "run_id": Is.TEXT, "data": Is.THERE}, gives=Gives.NOTHING),
    Row({"type": ("AIMessageChunk", "ChatMessageChunk")}, "content"),
    Row({"type": "ai", "content": Is.THERE}, "content", Gives.WHOLE),
    # messages of anybody else, in any package
    Row({"role": NOT_SPOKEN}, gives=Gives.NOTHING),
    Row({"type": NOT_SPOKEN}, gives=Gives.NOTHING),
    Row({"author": "user"}, gives=Gives.NOTHING),
    # google-adk: events, the last of which repeats the text; google-genai 3.6: candidates
    Row({"partial": True, "content.parts": Is.FULL}, "content.parts"),
    Row({"partial": (False, None), "author": Is.TEXT, "content.parts": Is.FULL}, "content.parts", Gives.WHOLE),
    Row({"candidates": Is.THERE}, "candidates.*.content.parts"),
    # text-generation-inference (huggingface_hub 2.4)
    Row({"token.special": True}, gives=Gives.NOTHING),
    Row({"token.text": Is.TEXT}, "token.text"),
    # llama-index-core 0.14: CompletionResponse and ChatResponse, whose text is all so far; AgentStream, AgentOutput
    Row({"delta": Is.TEXT, "message": Is.THERE}, "delta"),
    Row({"delta": Is.TEXT, "response": Is.TEXT}, "delta"),
    Row({"delta": Is.TEXT, "text": Is.TEXT}, "delta"),
    Row({"delta": None, "message": Is.FULL, "raw": Is.THERE}, "message", Gives.WHOLE),
    Row({"response": Is.FULL, "current_agent_name": Is.THERE}, "response", Gives.WHOLE),
    # ollama 0.6: chat and generate
    Row({"message.role": Is.TEXT, "done": Is.THERE}, "message", Gives.ITEM),
    Row({"message.role": Is.TEXT}, "message", Gives.WHOLE),
    Row({"response": Is.TEXT}, "response"),
    # Dify; Coze, which repeats each message when it is whole; DashScope (Qwen); Qianfan (Baidu)
    Row({"event": ("message", "agent_message"), "answer": Is.TEXT}, "answer"),
    Row({"event": "conversation.message.delta", "data.type": "answer"}, "data.content"),
    Row({"event": ("conversation.message.delta", "conversation.message.completed")}, gives=Gives.NOTHING),
    Row({"output.choices": Is.FULL}, "output.choices.*.message", Gives.WHOLE),
    Row({"output.text": Is.TEXT}, "output.text", Gives.WHOLE),
    Row({"result": Is.TEXT, "is_end": Is.THERE}, "result"),
    # wrappers: mistralai 3.7 and langchain-core 1.8 (ChatGenerationChunk), DSPy, SSE clients, autogen
    Row({"type": "ModelClientStreamingChunkEvent"}, "content"),
    Row({"type": "TextMessage", "content": Is.TEXT}, "content", Gives.WHOLE),
    Row({"event": "output", "data": Is.TEXT}, "data"),
    Row({"message.type": Is.TEXT, "message.content": Is.THERE}, "message", Gives.ITEM),
    Row({"chunk": Is.TEXT}, "chunk"),
    Row({"outputs.*.text": Is.TEXT}, "outputs.*.text", Gives.WHOLE),  # vLLM's RequestOutput
    Row({"results.*.generated_text": Is.TEXT}, "results.*.generated_text"),  # watsonx
    Row({"data": Is.FULL}, "data", Gives.ITEM),
    # states of a graph: all messages so far
    Row({"messages": Is.FULL}, "messages", Gives.WHOLE),
    Row({"*.messages": Is.FULL}, "*.messages", Gives.WHOLE),
    # anything else that has its text in a field named as usual
    Row({"type": ("text", "text_delta", "output_text", "refusal", None), "text": Is.THERE}, "text"),
    Row({"type": ("text", "message", "refusal", None), "content": Is.THERE}, "content"),
    Row({"type": ("refusal", None), "refusal": Is.TEXT}, "refusal"),
    Row({"type": None, "output_text": Is.THERE}, "output_text", Gives.WHOLE),
    Row({"type": None, "delta": Is.TEXT, "object": None}, "delta"),
    Row({"type": None, "token": Is.TEXT}, "token"),
)

SPOKEN_PARTS = frozenset(
    ("text", "output_text", "text_delta", "refusal", "text_chunk", "output_text_delta", "ai", "assistant")
)
"""Types of the parts of a message that are spoken; one without a type is."""
PART_TYPES = ("type", "part_kind", "block_type", "part_delta_kind")
PART_TEXT = ("text", "content", "refusal", "output_text", "content_delta", "value", "blocks")
"""Where a part, message or delta has its text."""
