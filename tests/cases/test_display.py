"""A case as text and in the viewer."""

import html
import json
import re
from dataclasses import replace

from workbench.cases import AnsweredCase, case_html, case_text, cases_html


def payload_of(frame: str) -> dict:
    """What the viewer in a frame was given."""
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])
    return json.loads(re.search(r"viewer\.update\((.*)\);</script>", page)[1])


def test_the_trace_step_by_step_then_the_answer_and_its_options(case: AnsweredCase) -> None:
    lines = case_text(replace(case, option_probabilities=(0.25, 0.75))).split("\n")
    assert lines[1].startswith("1. [perception] The image shows a spot.")
    assert lines[2] == "2. [rationale] Therefore the answer is left."
    assert lines[-3].startswith("Answer: left") and lines[-2:] == ["  A. yes: 25%", "  B. no: 75%"]
    assert str(case) == case_text(case) == repr(case)


def test_an_answer_without_reasoning_says_so(case: AnsweredCase) -> None:
    bare = replace(case, trace=replace(case.trace, steps=(), status="no_trace"))
    assert "gives no reasoning" in case_text(bare).split("\n")[-2]
    assert "gives no reasoning" not in case_text(case)


def test_the_viewer_holds_the_words_and_a_map_of_each_part(case: AnsweredCase) -> None:
    (column,) = payload_of(case_html(case))["columns"]
    assert [word["text"] for word in column["words"]][:2] == ["The", "image"]
    assert column["maps"]["method"] == "attention_mean"
    assert {"answer", "all", "step:0", "word:0"} <= set(column["maps"]["keys"])
    assert case._repr_html_().startswith("<iframe")


def test_two_cases_stand_side_by_side(case: AnsweredCase) -> None:
    columns = payload_of(cases_html({"base": case, "tuned": case}, "logit_attribution"))["columns"]
    assert [column["key"] for column in columns] == ["base", "tuned"]
    assert {column["maps"]["method"] for column in columns} == {"logit_attribution"}
