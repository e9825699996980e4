from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from oggstream.text.speakable import SpeakableText

LONG = "a line that is so long that the next word did not fit"


def read(*portions: str) -> SpeakableText:
    speakable = SpeakableText()
    for portion in portions:
        speakable.feed(portion)
    speakable.feed("", final=True)
    return speakable


CASES = [
    # emphasis
    ("**bold** and *it* and ***both***", "bold and it and both"),
    ("__bold__ _it_ ~~struck~~", "bold it struck"),
    ("un**believ**able", "unbelievable"),
    ("snake_case_name and 2 * 3 and 2*3 and 2**3", "snake_case_name and 2 * 3 and 2*3 and 2**3"),
    ("about ~5 or ~10", "about ~5 or ~10"),
    ("**Note:** this", "Note: this"),
    ("**not closed", "not closed"),
    # code
    ("call `a_b*c[0]` now", "call a_b*c[0] now"),
    ("``a `b` c``", "a b c"),
    ("`<b>` and `**x**`", "<b> and **x**"),
    ("`not closed\n\n*next*", "not closed\n\nnext"),
    ("Before:\n```python\nx = 1\n```\nAfter.", "Before:\n\nAfter."),
    ("Before:\n~~~\n```\n~~~\nAfter.", "Before:\n\nAfter."),
    ("- point:\n  ```\n  code\n  ```\n- next", "point:\n\nnext"),
    ("````\n```\n````\nAfter", "After"),
    ("```\nnever closed", ""),
    ("one ```not a block``` here", "one not a block here"),
    # blocks
    ("# Title\nText", "Title.\n\nText"),
    ("## Why?\nText", "Why?\n\nText"),
    ("#5 is alive", "#5 is alive"),
    ("Title\n=====\nText", "Title\n\nText"),
    ("a\n\n---\n\nb", "a\n\nb"),
    ("a\n* * *\nb", "a\n\nb"),
    ("- one\n- two", "one.\ntwo"),
    ("* one\n+ two!\n", "one.\ntwo!\n"),
    ("- **one**: a\n  - two", "one: a.\ntwo"),
    ("1. one\n2) two", "1. one.\n2) two"),
    ("- [ ] to do\n- [x] done", "to do.\ndone"),
    (f"- {LONG}\n  and goes on\n- next", f"{LONG} and goes on.\nnext"),
    ("> quoted\n> > twice", "quoted\ntwice"),
    ("-5 degrees", "-5 degrees"),
    ("3.14 is pi", "3.14 is pi"),
    ("2024 was", "2024 was"),
    ("| A | B |\n|---|:-:|\n| 1 | 2 |\n| 3 | |\nEnd", "A, B.\n1, 2.\n3.\nEnd"),
    ("|A|B:|C|\n|-|-|-|\n|1|2|3|", "A, B: C.\n1, 2, 3"),
    ("|not ended", "not ended"),
    ("a | b", "a | b"),
    # links
    ("see [the text](https://a.org/b_(c)?d=1) here", "see the text here"),
    ("[**bold** link][ref] and [plain]", "bold link and [plain]"),
    ('[t](http://a.b "title")', "t"),
    ("![a picture](x.png), ![](y.png) (![b](z))", "a picture, (b)"),
    ("[![badge](b.svg)](https://ci) done", "badge done"),
    ("Really! [yes](u)", "Really! yes"),
    ("a [not a link] (really)", "a [not a link] (really)"),
    ("open [bracket\nhere", "open [bracket\nhere"),
    ("https://www.example.com/path?q=1.", "example.com."),
    ("(see http://a.org/x_(y)), www.b.net!", "(see a.org), b.net!"),
    ("<https://a.org/x> and xhttp://b.org/y", "a.org and xhttp://b.org/y"),
    ("https://user:word@host.org:80/x", "host.org"),
    ("http and www and h", "http and www and h"),
    ("https://", "https://"),
    ("jane@example.com", "jane@example.com"),
    ("known.[1] So[2, 3] it[^note] is [4]", "known. So it is [4]"),
    ("cited\u30104:0\u2020source\u3011.", "cited."),
    ("\u3010\u6ce8\u3011", "\u3010\u6ce8\u3011"),
    # HTML
    ("one<br>two <b>bold</b> <span class='x'>s</span>", "one two bold s"),
    ("a < b and c > d, x<y", "a < b and c > d, x<y"),
    ("I <3 you", "I <3 you"),
    ("a<!-- hidden **x** -->b", "ab"),
    ("<think>\nhmm, `x`\n</think>\n\nAnswer", "Answer"),
    ("AT&amp;T &lt;3 Q&A &nope;", "AT&T <3 Q&A &nope;"),
    # thoughts, tools, tokens of templates
    ('<thinking type="deep">x</thinking >Answer', "Answer"),
    ("<reasoning>\na\n</reasoning>Answer", "Answer"),
    ("<seed:think>x</seed:think>Answer", "Answer"),
    ("<think/>Answer", "Answer"),
    ("<THINK>x</Think>Answer", "Answer"),
    ("[THINK]x[1](y)[/THINK]Answer", "Answer"),
    ("[think]x[/think]Answer", "Answer"),
    ("\u25c1think\u25b7x\u25c1/think\u25b7Answer", "Answer"),
    ("[Thinking](https://a.org) [NASA] [think](u)", "Thinking [NASA] think"),
    ("all thought\n\n</think>\n\nAnswer", "Answer"),
    ("# all\n- `thought` [/THINK] Answer", "Answer"),
    ('Yes. <tool_call>{"name": "x"}</tool_call>Done', "Yes. Done"),
    ("<function=get_weather>{}</function>Done", "Done"),
    ('<function_calls><invoke name="x">y</invoke></function_calls>Done', "Done"),
    ("the <function> element, a <tool>", "the <function> element, a <tool>"),
    ('[TOOL_CALLS][{"name": "x"}]\nDone', "Done"),
    ("<|channel|>analysis<|message|>hmm<|end|><|start|>assistant<|channel|>final<|message|>Answer<|return|>", "Answer"),
    ("<|start|>assistant<|channel|>commentary to=functions.x <|constrain|>json<|message|>{}<|call|>Done", "Done"),
    ("<|start|>functions.x to=assistant<|channel|>commentary<|message|>{}<|end|>Done", "Done"),
    ("<|channel>thought\nhmm<channel|>Answer", "Answer"),
    ("<|START_THINKING|>hmm<|END_THINKING|><|START_RESPONSE|>Answer<|END_RESPONSE|>", "Answer"),
    ("<|tool_calls_section_begin|>x<|tool_calls_section_end|>Done", "Done"),
    ("<\uff5ctool\u2581calls\u2581begin\uff5c>x<\uff5ctool\u2581calls\u2581end\uff5c>Done", "Done"),
    ("<|begin_of_thought|>x<|end_of_thought|>Answer", "Answer"),
    ("<|python_tag|>f(x)<|eom_id|>Done", "Done"),
    ("Answer<|im_end|>\n<|im_start|>user\nMore?<|im_end|>", "Answer\n"),
    ("<|im_start|>assistant\nAnswer</s>", "Answer"),
    ("Answer<eos>", "Answer"),
    ("<start_of_turn>model\nAnswer<end_of_turn>", "Answer"),
    ("Answer<|endoftext|><|eot_id|><|end|>", "Answer"),
    ("Answer<\uff5cend\u2581of\u2581sentence\uff5c>", "Answer"),
    ("a <| b |> c, x <|", "a <| b |> c, x <|"),
    # terminals and pictures
    ("\x1b[1m# Title\x1b[0m\n\x1b[32m**green**\x1b[0m", "Title.\n\ngreen"),
    ("\u2705 **done** \U0001f389", "done"),
    ("- \u2705 done\n- 1\ufe0f\u20e3 first", "done.\nfirst"),
    # formulas
    ("so $x^2 + 1$ holds", "so x^2 + 1 holds"),
    (r"so \(a_{10} \times \pi\) holds", "so a_10 \u00d7 pi holds"),
    (r"so $\frac{a}{b}$ holds", "so holds"),
    ("so\n$$\n\\int x\n$$\nholds", "so\n\nholds"),
    ("so\n\\[\nx = \\sum y\n\\]\nholds", "so\n\nholds"),
    (r"\begin{align*}x &= 1\end{align*}so", "so"),
    ("it costs $5 or $10, US$ 3, 5$", "it costs $5 or $10, US$ 3, 5$"),
    ("$AAPL and $MSFT rose", "$AAPL and $MSFT rose"),
    (r"\[not a formula\] \$5 \beginning", r"[not a formula] $5 \beginning"),
    # SSML
    (
        '<?xml version="1.0"?><speak version="1.0">One<break time="1s"/>two <sub alias="x">3</sub></speak>',
        "One two 3",
    ),
    (
        "<amazon:effect name='whispered'>soft</amazon:effect> <mstts:express-as style='sad'>sad</mstts:express-as>",
        "soft sad",
    ),
    # escapes
    (r"\*plain\* 1\. \a", r"*plain* 1. \a"),
    ("line\\\nbreak", "line\nbreak"),
    # unharmed
    ("C'est l\u2019\xe9t\xe9, \u201cn'est-ce pas\u201d?", "C'est l\u2019\xe9t\xe9, \u201cn'est-ce pas\u201d?"),
    (
        "\u4eca\u5929\u597d\u3002\u597d\uff01 \U0001f44d\U0001f3fd",
        "\u4eca\u5929\u597d\u3002\u597d\uff01",
    ),
]


@pytest.mark.parametrize(("text", "spoken"), CASES)
def test_what_is_not_spoken_is_left_out(text: str, spoken: str) -> None:
    assert read(text).text == spoken
    assert read(*text).text == spoken


PARTS = st.sampled_from(
    [
        *(part for text, _ in CASES for part in (text, text[: len(text) // 2])),
        *"*_~`[]()!<>\\&|#-+=1.: \n\tah/w\u3010\u2020\u3011\ud83d\ude00",
        "\n\n",
        "\n- ",
        "\n> ",
        "```\n",
        "https://a.org/x",
        "[a](b)",
        "<b>",
        "<!--",
        "-->",
        LONG,
    ]
)


@given(st.lists(PARTS, max_size=12).map("".join), st.data())
def test_any_portions_give_the_same(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    portions = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = read(text)
    for other in (read(*portions), read(*text)):
        assert other.text == whole.text
        assert (other.map._changed, other.map._original) == (whole.map._changed, whole.map._original)


@given(st.lists(PARTS, max_size=12).map("".join))
@example("so \\(a_{10} \\times \\pi\\) holds")
def test_what_is_left_stands_where_it_was(text: str) -> None:
    speakable = read(text)
    for at, character in enumerate(speakable.text):
        if character.isalnum() and character not in "pi":  # of a formula
            end = speakable.map.end(speakable.begin + at + 1)
            in_formula = text.rfind("\\(", 0, end) > text.rfind("\\)", 0, end)  # spoken otherwise than it is written
            assert text[end - 1] == character or in_formula or text[:end].endswith(("\ud83d\ude00", ";"))


@given(st.lists(PARTS, max_size=12).map("".join))
def test_more_text_only_adds(text: str) -> None:
    speakable, given_so_far = SpeakableText(), ""
    for character in text:
        begun = speakable.begin
        speakable.feed(character)
        assert speakable.text.startswith(given_so_far) or speakable.begin > begun  # all before it was thought
        given_so_far = speakable.text


def test_a_blank_before_what_may_be_an_address_waits_with_it() -> None:
    speakable = SpeakableText()
    speakable.feed("one w")
    assert (speakable.text, speakable.word_ended) == ("one", True)


@pytest.mark.parametrize(
    "text",
    [
        "Hello there!",
        "So **this** is it.",
        "- a point",
        "1. one",
        "Yes - no",
        "a < b",
        "2 * 3 ",
        "ends with [x] yes",
        "Really? ",
    ],
)
def test_nothing_that_is_decided_is_held_back(text: str) -> None:
    speakable = SpeakableText()
    speakable.feed(text)
    assert speakable.text == read(text).text


@pytest.mark.parametrize(
    "mark",
    [
        "*",
        "_",
        "`",
        "~",
        "[",
        "![",
        "<",
        "<b",
        "&",
        "\\",
        "|",
        "\n|",
        "#",
        "-",
        "```\n",
        "[a](",
        "http",
        "https://a",
        "<!--",
        "\u3010",
        "- [",
        "> ",
        "1",
        "$",
        "$a",
        "$$",
        "\\[",
        "\\(",
        "\\begin{a}",
        "<think>",
        "</think>",
        "<|",
        "<|channel|>",
        "<|start|>assistant",
        "[THINK]",
        "[/",
        "\u25c1",
        "<a ",
        "<think ",
        "<?",
    ],
)
def test_hostile_repetition_is_read_in_little_memory(mark: str) -> None:
    speakable = SpeakableText()
    for _ in range(200):
        speakable.feed(mark * 50)
        speakable.map.forget(speakable.begin)
        assert len(speakable._raw) < 2600
        speakable.begin += len(speakable.text)
        speakable.text = ""
