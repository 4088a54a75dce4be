"""Odd texts: what the parser makes of them, down to the characters, and that no text stops or slows it."""

import random
import time

import pytest

from workbench.traces import locate_tokens, parse_trace, split_words

OPTIONS = ("left lung", "right lung", "both lungs", "neither")
T = "The image shows a spot. Therefore it is left."


@pytest.mark.parametrize(
    ("text", "status", "rule", "answer", "letter", "steps"),
    [
        (
            f"<think>{T} <answer>B</answer></think>",
            "recovered",
            "answer tag inside the thinking",
            "B",
            "B",
            2,
        ),
        (f"<think>{T}</think>B</answer>", "recovered", "answer tag without a start", "B", "B", 2),
        (f"<think>{T}</think><answer></answer>", "no_answer", "no answer", None, None, 2),
        (f"<think>{T}</think><answer>", "truncated", "answer tag without an end", None, None, 2),
        (f"<think>{T}</think><answer>A</answer><answer>B", "ok", "answer tag", "A", "A", 2),
        (
            f"<think>{T}</think><answer>A</answer><think>More.</think><answer>B</answer>",
            "recovered",
            "last of 2 answer tags",
            "B",
            "B",
            3,
        ),
        ("<think>Write `<answer>` then. Dark.</think><answer>A</answer>", "ok", "answer tag", "A", "A", 2),
        ("<think>Say </think> is a tag. Dark.</think><answer>B</answer>", "ok", "answer tag", "B", "B", 2),
        ("`<think>`Dark spot.`</think>` `<answer>`B`</answer>`", "ok", "answer tag", "B", "B", 1),
        (f"```xml\n<think>{T}</think>\n<answer>\\boxed{{B}}</answer>\n```", "ok", "answer tag", "B", "B", 2),
        (f"<think>{T}</think><answer>**B**.</answer>", "ok", "answer tag", "B", "B", 2),
        (f"{T} <answer>B</answer>", "ok", "answer tag", "B", "B", 2),
        (f"{T} The answer is B because it is.", "ok", "the answer is", "B", "B", 3),
        (f"{T} The final answer is $\\boxed{{\\text{{B}}}}$.", "ok", "the answer is", "B", "B", 3),
        (f"{T}\n**Answer:** right lung", "ok", "answer label", "right lung", "B", 2),
        (f"{T} Option B is correct.", "ok", "letter is correct", "B", "B", 3),
        ("图像显示左肺。答案是B。", "ok", "the answer is", "B", "B", 2),
        ("The answer is B.", "no_trace", "the answer is", "B", "B", 0),
        ("<X_RAY> right lung", "no_trace", "whole text", "right lung", "B", 0),
    ],
)
def test_odd_texts(text, status, rule, answer, letter, steps):
    trace = parse_trace(text, OPTIONS)
    got = (trace.status, trace.rule, trace.answer_text, trace.answer_letter, len(trace.steps))
    assert got == (status, rule, answer, letter, steps), trace


def test_positions_by_hand():
    text = "<CT_SCAN><think>Dark. So left.</think><answer> left </answer>"
    trace = parse_trace(text)
    assert [(s.char_start, s.char_end) for s in trace.steps] == [(16, 21), (22, 30)]
    assert (trace.answer_start, trace.answer_end, trace.answer_raw) == (47, 51, "left")


def test_positions_of_escaped_tags_are_raw():
    text = "&lt;think&gt;Ää. 😀 so.&lt;/think&gt;&lt;answer&gt;x &lt; 5&lt;/answer&gt;"
    trace = parse_trace(text)
    assert [text[s.char_start : s.char_end] for s in trace.steps] == ["Ää.", "😀 so."]
    assert text[trace.answer_start : trace.answer_end] == trace.answer_raw == "x &lt; 5"
    assert trace.answer_text == "x < 5"


def test_without_options_only_what_is_written_like_a_letter_is_one():
    wanted = {"B": "B", "(B) x": "B", "E. coli": None, "B12": None}
    assert {text: parse_trace(f"<answer>{text}</answer>").answer_letter for text in wanted} == wanted


WHOLE = "<X_RAY><think>It shows a spot. So left.</think><answer>left lung</answer>"


@pytest.mark.parametrize("cut", range(1, len(WHOLE) + 1))
def test_a_growing_text_never_shows_a_piece_of_a_tag(cut):
    text = WHOLE[:cut]
    trace = parse_trace(text, OPTIONS)
    words = split_words(text, [(i, i + 1) for i in range(cut)])
    shown = [step.text for step in trace.steps] + [word.text for word in words] + [trace.answer_text or ""]
    assert not any("<" in piece or "think" in piece or "nswer" in piece for piece in shown)


def test_labels_hold_for_their_line_and_headings_for_what_follows():
    text = (
        "<think>Knowledge: Spots vary. It is round.\nThe image shows a ring.\n"
        "## Rationale:\n- The lung is dark.\n- A spot.\nPerception: so it is.</think>"
    )
    assert [(s.text, s.axis) for s in parse_trace(text).steps] == [
        ("Knowledge: Spots vary.", "knowledge"),
        ("It is round.", "knowledge"),
        ("The image shows a ring.", "perception"),
        ("The lung is dark.", "rationale"),
        ("A spot.", "rationale"),
        ("Perception: so it is.", "perception"),
    ]


TAG_SOUP = ["<think>", "</think>", "<thinking>", "<answer>", "</answer>", "< / answer >", "&lt;answer&gt;"]
TAG_SOUP += [
    "&amp;lt;/think&gt;",
    "<CT_SCAN>",
    "<ct scan>",
    "<",
    "</",
    "&lt;",
    "`",
    "```",
    "\\boxed{",
    "\\text{",
]
WORD_SOUP = [
    "}",
    "**",
    "[",
    "]",
    "(B)",
    "Answer:",
    "The answer is ",
    "A",
    " ",
    "\n",
    "。",
    "左",
    "é",
    "😀",
    "\u200d",
]
WORD_SOUP += ["\ud800", "\x00", "Dr.", "3.5", "1. ", "- ", "Knowledge:", "no", "yes", "is correct", "because"]


def _holds(text: str, options: tuple[str, ...]) -> None:
    trace = parse_trace(text, options)
    last = 0
    for number, step in enumerate(trace.steps):
        assert (step.index, step.text) == (number, text[step.char_start : step.char_end])
        assert last <= step.char_start < step.char_end
        last = step.char_end
    if trace.answer_start is None:
        assert (trace.answer_raw, trace.answer_text, trace.answer_letter) == (None, None, None)
    else:
        assert trace.answer_raw and text[trace.answer_start : trace.answer_end] == trace.answer_raw
    assert (trace.status == "empty") == (not text.strip())
    offsets = [(i, min(i + 3, len(text))) for i in range(0, len(text), 3)]
    for step in locate_tokens(trace, offsets).steps:
        if step.token_start is not None:
            assert offsets[step.token_start][1] > step.char_start
            assert offsets[step.token_end - 1][0] < step.char_end
    for word in split_words(text, offsets):
        assert word.text == text[word.char_start : word.char_end]


def test_no_text_breaks_the_parser():
    rng = random.Random(11)
    for _ in range(2500):
        text = "".join(rng.choices(TAG_SOUP + WORD_SOUP, k=rng.randrange(0, 16)))
        _holds(text, rng.choice(((), OPTIONS, ("yes", "no"))))
    for _ in range(500):
        _holds("".join(chr(rng.randrange(1, 0x3000)) for _ in range(rng.randrange(0, 60))), OPTIONS)


REPEATED = ["< ", "<", "<answer>", "<think>", "</think>", "1. ", ".", "\n", "*", "\\boxed{", "左", "&lt;"]


@pytest.mark.parametrize("piece", [*REPEATED, "the answer is ", "Answer: ", "`<answer>`", "Knowledge: "])
def test_long_repetition_takes_no_long_time(piece):
    text = (piece * 20_000)[:20_000]
    began = time.process_time()  # of this process alone, so that a busy machine does not matter
    parse_trace(text, OPTIONS)
    parse_trace("<think>" + text + "</think><answer>" + text, OPTIONS)
    parse_trace("<" + " " * 20_000 + text[:100])
    assert time.process_time() - began < 5
