"""What models write beside their answer: thoughts, calls of tools, tokens of their templates.

One row for each way in which a stretch that is not shown begins, with what ends it. The tokens are those of the chat
templates of the models named beside them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_MARK = 64
"""Characters of a mark that ends a stretch, at most."""
STARTS = "<[\u25c1"
"""What a mark may begin with."""

_THOUGHT = (
    "think|thinking|thoughts?|reasoning|reflection|scratchpad|analysis|inner_monologue|inner_thoughts|deliberation|"
    "chain_of_thought"
)
_TOOL = (
    "tool_calls?|tool_code|tool_uses?|tool_responses?|tool_results?|tool_outputs?|toolcall|function_calls?|"
    "function_results?|function_response|functioncall|use_mcp_tool|available_tools|code_interpreter"
)
_TOOL_WITH = "tool|tools|function|functions|invoke|execute|action"  # words that are hidden with attributes only
_WITH = "[^<>\n]{0,300}"  # attributes of a tag
_NAME = "[A-Za-z][A-Za-z0-9_.-]{0,30}"
_ROLES = "user|system|tool|developer|ipython|observation|environment|function"
_HEADER = r"(?:<\|channel\|>[^<\n]{0,80})?(?:<\|constrain\|>[^<\n]{0,30})?<\|message\|>"  # of Harmony
_END = r"<\|(?:end|call|return)\|>"
_STEP = r"(?:tool_calls?_section|tool_calls?|tool_outputs?|action|think|thought|thinking|reasoning|plugin)"


class HiddenSpan(NamedTuple):
    """``begin`` starts a stretch; ``end`` matches what ends it, where ``{}`` is the group ``name`` of ``begin``.

    An empty end: only the mark itself is not shown.
    """

    begin: str
    end: str = ""


ROWS = (
    HiddenSpan("<!--", "-->"),
    HiddenSpan(f"<(?P<name>script|style|metadata|desc)(?:[ \t]{_WITH})?>", "</{}>"),
    # <think>, <thinking type="deep">, <seed:think>, <tool_call>; <function=name>, <invoke name="x">
    HiddenSpan(f"<(?:{_NAME}:)?(?:{_THOUGHT}|{_TOOL})[ \t]{{0,9}}/>"),
    HiddenSpan(f"<(?P<name>(?:{_NAME}:)?(?:{_THOUGHT}|{_TOOL}))(?:[ \t=]{_WITH})?>", "</{}[ \t]{0,9}>"),
    HiddenSpan(f"<(?P<name>(?:{_NAME}:)?(?:{_TOOL_WITH}))[ \t=]{_WITH}>", "</{}[ \t]{0,9}>"),
    # Mistral's [THINK] and [TOOL_CALLS], Kimi's \u25c1think\u25b7
    HiddenSpan(r"\[(?P<name>think|thinking|reasoning|thought|tool_call)\](?!\()", r"\[/{}\]"),
    HiddenSpan(r"\[(?P<name>TOOL_RESULTS|AVAILABLE_TOOLS|INST|SYSTEM_PROMPT)\]", r"\[/{}\]"),
    HiddenSpan(r"\[TOOL_CALLS\]", "\n|</s>"),
    HiddenSpan("\u25c1(?P<name>think)\u25b7", "\u25c1/{}\u25b7"),
    # Harmony (gpt-oss): all channels but the final one, and what other roles say
    HiddenSpan(rf"(?:<\|start\|>[a-z]{{0,20}})?<\|channel\|>analysis[^<\n]{{0,80}}{_HEADER}", _END),
    HiddenSpan(
        rf"(?:<\|start\|>[^<\n]{{0,80}})?<\|channel\|>[^<\n]{{0,80}}to=[^<\n]{{0,80}}{_HEADER}",
        r"<\|(?:end|call|return)\|>",
    ),
    HiddenSpan(rf"<\|start\|>(?:(?!assistant)|[^<\n]{{0,80}}to=)[^<\n]{{0,80}}{_HEADER}", _END),
    HiddenSpan(rf"(?:<\|start\|>[^<\n]{{0,80}})?{_HEADER}"),
    HiddenSpan(r"<\|channel>(?:thought|analysis)", r"<channel\|>"),  # Gemma 4
    HiddenSpan(r"<\|tool_call>", r"<tool_call\|>"),
    # Command R+, Kimi K2, DeepSeek, InternLM and their like: a token that begins, and one that ends
    HiddenSpan(r"<\|START_(?P<name>THINKING|ACTION|TOOL_RESULT)\|>", r"<\|END_{}\|>"),
    HiddenSpan(rf"<\|(?P<name>{_STEP})_(?:begin|start)\|>", r"<\|{}_end\|>"),
    HiddenSpan(r"<\|(?:begin|start)_of_(?P<name>thought|thinking|reasoning|tool_calls?)\|>", r"<\|end_of_{}\|>"),
    HiddenSpan(
        "<\uff5ctool\u2581(?P<name>calls|call|outputs|output)\u2581begin\uff5c>", "<\uff5ctool\u2581{}\u2581end\uff5c>"
    ),
    HiddenSpan(r"<\|python_tag\|>", r"<\|(?:eom_id|eot_id|end_of_text)\|>"),  # Llama 3
    HiddenSpan(r"<\|(?P<name>think|thinking|thought|reasoning|tool_call)\|>", r"<\|(?:/{}|end_{}|{}_end)\|>"),
    # what another role says
    HiddenSpan(rf"<\|im_start\|>(?:{_ROLES})\b", r"<\|im_end\|>|(?=<\|im_start\|>)"),
    HiddenSpan(rf"<\|start_header_id\|>(?:{_ROLES})<\|end_header_id\|>", r"<\|eot_id\|>|(?=<\|start_header_id\|>)"),
    HiddenSpan(rf"<start_of_turn>(?:{_ROLES})\b", "<end_of_turn>|(?=<start_of_turn>)"),
    HiddenSpan(rf"<\|(?:{_ROLES})\|>", r"<\|(?:assistant|end|im_end|endoftext)\|>"),
    # tokens alone, with the name of the model's own role
    HiddenSpan(r"<\|im_start\|>assistant\b|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model\b"),
    HiddenSpan("<\\|/?[A-Za-z][^<>|\\s]{0,40}\\|>|<\uff5c[^<>\uff5c\n]{1,40}\uff5c>"),
    HiddenSpan("</?s>|<(?:eos|bos|pad|unk|sep|cls|mask|eot|eom|eod|end_of_utterance|endoftext|end_of_text)>"),
    HiddenSpan("<(?:start|end)_of_turn>|<channel\\|>|<tool_call\\|>"),
    HiddenSpan(r"\[/(?:INST|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT)\]|\[(?:EOS|BOS|PAD|ARGS)\]"),
)
_BEGINS = [re.compile(row.begin, re.IGNORECASE) for row in ROWS]

_THOUGHTS = "think|thinking|thoughts?|reasoning"
LONE_END = re.compile(
    rf"</(?:{_NAME}:)?(?:{_THOUGHTS})[ \t]{{0,9}}>|\[/(?:{_THOUGHTS})\]|\u25c1/think\u25b7"
    r"|<\|(?:END_THINKING|end_of_thought|thinking_end|think_end|/think)\|>",
    re.IGNORECASE,
)
"""What ends thoughts; if their beginning was in the prompt, all before it was thought."""
BEGIN_OF_THOUGHT = re.compile(
    rf"<(?:{_NAME}:)?(?:{_THOUGHTS})\b|\[(?:{_THOUGHTS})\]|\u25c1think|<\|(?:start|begin)?_?(?:of_)?(?:think|thought|reason)",
    re.IGNORECASE,
)

UNFINISHED = re.compile(
    r"<(?:/?[A-Za-z][\w:.-]{0,60}|/|!-?)?[ \t]{0,9}/?\Z"
    rf"|<(?:{_NAME}:)?(?:{_THOUGHT}|{_TOOL}|{_TOOL_WITH}|script|style|metadata|desc)[ \t=]{_WITH}\Z"
    "|<\\|(?:[^<>|\n]{0,40}\\|?)?\\Z|<\uff5c(?:[^<>\uff5c\n]{0,40}\uff5c?)?\\Z|<[a-z_]{0,20}\\|\\Z"
    r"|<\|(?:start|channel)\|>(?:(?!<\|message\|>)[^\n]){0,200}\Z"
    r"|<\|(?:im_start\|>|start_header_id\|>)[a-z]{0,20}(?:<(?:\|[a-z_]{0,20}\|?)?)?\Z"
    r"|<start_of_turn>[a-z]{0,20}\Z|<\|channel>[a-z]{0,20}\Z"
    "|\\[/?[A-Za-z_]{0,16}\\]?\\Z|\u25c1/?[a-z]{0,6}\\Z",
    re.IGNORECASE,
)
"""The start of a mark that may become one when more text comes."""


class Hidden(NamedTuple):
    """A mark found: ``length`` characters, and what ends the stretch that it begins, None for nothing."""

    length: int
    end: re.Pattern[str] | None


def hidden_at(raw: str, at: int) -> Hidden | None:
    """The mark at position ``at``, None if there is none."""
    for row, begin in zip(ROWS, _BEGINS, strict=True):
        if match := begin.match(raw, at):
            name = re.escape(match["name"]) if "name" in begin.groupindex else ""
            ends = row.end.replace("{}", name)
            return Hidden(len(match[0]), re.compile(ends, re.IGNORECASE) if ends else None)
    return None
