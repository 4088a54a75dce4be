"""Every parser vector of the grammars, and a fuzz that nothing crashes."""

import html
import random

import pytest

from workbench.traces import MODALITIES, parse_trace

OPTIONS = ("left lung", "right lung", "both lungs", "neither")
THINK = "The image shows a bright area. Consolidation is typically bright. Therefore it is the left lung."


def _check(text: str, options=OPTIONS):
    """Parse and assert the invariants that hold for every text."""
    trace = parse_trace(text, options)
    for step in trace.steps:
        assert text[step.char_start : step.char_end] == step.text
    starts = [step.char_start for step in trace.steps]
    assert starts == sorted(starts)
    if trace.answer_start is not None:
        assert text[trace.answer_start : trace.answer_end] == trace.answer_raw
    return trace


@pytest.mark.parametrize(
    ("text", "status", "letter", "steps", "rule"),
    [
        (f"<think>{THINK}</think><answer>A</answer>", "ok", "A", 3, "answer tag"),
        (f"<X_RAY><thinking>{THINK}</thinking>\n<answer>left lung</answer>", "ok", "A", 3, "answer tag"),
        (f"<X_RAY><think>{THINK}</think><answer>B. right lung</answer>", "ok", "B", 3, "answer tag"),
        (f"{THINK}</think><answer>A</answer>", "recovered", "A", 3, "answer tag; thinking: no opening tag"),
        (
            f"<think>{THINK}<answer>A</answer>",
            "recovered",
            "A",
            3,
            "answer tag; thinking: closing tag missing",
        ),
        (f"<think>{THINK}", "truncated", None, 3, None),
        (f"<think>{THINK}</think>", "no_answer", None, 3, None),
        (f"<think>{THINK}</think><answer>both lu", "truncated", None, 3, "answer tag without an end"),
        (
            f"<think>{THINK}</think><answer>A</answer> no, <answer>B</answer>",
            "recovered",
            "B",
            3,
            "last of 2 answer tags",
        ),
        (f"<THINK>{THINK}</THINK><ANSWER>A</ANSWER>", "ok", "A", 3, "answer tag"),
        (f"&lt;think&gt;{THINK}&lt;/think&gt;&lt;answer&gt;A&lt;/answer&gt;", "ok", "A", 3, "answer tag"),
        (f"```\n<think>{THINK}</think>\n<answer>`A`</answer>\n```", "ok", "A", 3, "answer tag"),
        (f"<think>{THINK}</think> The answer is **B**.", "recovered", "B", 3, "the answer is"),
        (f"<think>{THINK}</think> left lung", "recovered", "A", 3, "text after the thinking"),
        (f"{THINK} The answer is **B**.", "ok", "B", 4, "the answer is"),
        (f"{THINK} The answer is \\boxed{{C}}", "ok", "C", 4, "the answer is"),
        (f"{THINK} So \\boxed{{C}}", "ok", "C", 4, "boxed"),
        (f"{THINK} The answer is A. Wait. The answer is [D].", "ok", "D", None, "the answer is"),
        (f"{THINK}\nAnswer: (B)", "ok", "B", 3, "answer label"),
        ("B", "no_trace", "B", 0, "whole text"),
        ("(c).", "no_trace", "C", 0, "whole text"),
        ("right lung", "no_trace", "B", 0, "whole text"),
        ("B. right lung", "no_trace", "B", 0, "whole text"),
        ("<answer>B</answer>", "no_trace", "B", 0, "answer tag"),
        ("", "empty", None, 0, "empty text"),
        ("  \n ", "empty", None, 0, "empty text"),
    ],
)
def test_vectors(text, status, letter, steps, rule):
    trace = _check(text)
    assert trace.status == status, trace
    assert trace.answer_letter == letter, trace
    if steps is not None:
        assert len(trace.steps) == steps, trace.steps
    if rule is not None:
        assert trace.rule == rule


@pytest.mark.parametrize(("tag", "name"), MODALITIES.items())
def test_all_modality_tags(tag, name):
    for text in (f"<{tag}><thinking>It is.</thinking><answer>x</answer>", f"&lt;{tag.lower()}&gt; yes"):
        assert _check(text).modality == name


def test_a_modality_tag_before_a_missing_opening_tag_is_not_part_of_the_thinking():
    trace = _check("<CT_SCAN> The image shows a liver.</think><answer>liver</answer>", ())
    assert trace.modality == "CT"
    assert trace.steps[0].text == "The image shows a liver."


def test_a_quoted_answer_tag_inside_the_thinking_is_not_the_answer():
    text = (
        "<think>I must write <answer>A</answer> at the end. It is the right lung.</think><answer>B</answer>"
    )
    trace = _check(text)
    assert (trace.answer_letter, trace.status) == ("B", "ok")
    assert len(trace.steps) >= 2


def test_other_scripts():
    trace = _check("<think>图像显示左肺。因此是肺炎。</think><answer>肺炎</answer>", ())
    assert [step.text for step in trace.steps] == ["图像显示左肺。", "因此是肺炎。"]
    assert trace.answer_text == "肺炎"


def test_a_six_thousand_character_trace():
    sentence = "The image shows a small opacity of 3.5 cm in the left lung. "
    text = f"<think>{sentence * 100}</think><answer>left lung</answer>"
    trace = _check(text)
    assert len(text) > 6000
    assert len(trace.steps) == 100


def test_a_long_text_without_an_answer_keeps_its_steps():
    trace = _check(f"{THINK} {THINK}", ())
    assert trace.status == "no_answer"
    assert len(trace.steps) == 6


def test_markup_in_an_answer_is_kept_as_text():
    raw = "<img src=x onerror=alert(1)>"
    assert _check(f"<think>{THINK}</think><answer>{raw}</answer>", ()).answer_text == raw


PIECES = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "&lt;think&gt;",
    "<X_RAY>",
    "The answer is ",
    "A",
    ". ",
    "\\boxed{",
    "}",
    "**",
    "[",
    "\n",
    "左肺。",
    "é",
    "\x00",
    "Dr. ",
    "3.5 ",
    "therefore ",
    "<",
    "/",
]


def test_nothing_crashes_and_spans_stay_true():
    rng = random.Random(7)
    for _ in range(3000):
        text = "".join(rng.choices(PIECES, k=rng.randrange(0, 14)))
        for variant in (text, html.escape(text)):
            _check(variant, OPTIONS if rng.random() < 0.5 else ())


@pytest.mark.parametrize(
    "text",
    [
        "Fever suggests infection. The answer is B.",
        "Fever suggests infection.\n\nThe answer is \\boxed{B}.",
        "Fever suggests infection.\nThe answer is [B].",
        "Fever suggests infection.\nThe answer is **B**.",
        "<think>\n\n</think>\n\nFever suggests infection. The answer is B.",  # Qwen3 with thinking off
    ],
)
def test_the_grammar_of_medssr_with_and_without_an_empty_thinking_block(text: str) -> None:
    trace = parse_trace(text, ("asthma", "pneumonia"))
    assert (trace.status, trace.rule, trace.answer_letter) == ("ok", "the answer is", "B")
    assert [step.axis for step in trace.steps] == ["knowledge", "rationale"]
    assert trace.steps[0].text == "Fever suggests infection."


def test_an_empty_thinking_block_before_a_bare_answer_is_no_trace() -> None:
    trace = parse_trace("<think>\n\n</think>\n\nB", ("asthma", "pneumonia"))
    assert (trace.status, trace.answer_letter, trace.steps) == ("no_trace", "B", ())
