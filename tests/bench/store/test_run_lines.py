"""Which lines of a folder count, and how they were asked for."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.report_fakes import GREEDY, line, scored, write_run
from workbench.bench.store.run_lines import current_lines, load_lines, one_line_an_item, regrouped
from workbench.errors import UserFacing


def test_a_condition_may_set_its_own_field(tmp_path: Path) -> None:
    own = [
        line("a", "left"),
        line("a", "left", condition="short_prompt"),  # mode "short", the run's is "trace"
        line("a", "left", condition="sampled", sample=0),
        line("a", "right", condition="sampled", sample=1),
    ]
    stale = [
        line("b", "left", mode="short"),
        line("c", "left", decoding={**GREEDY, "temperature": 0.9}),
        line("d", "left", condition="short_prompt", revision="0"),
        line("e", "left", condition="sampled", decoding={**GREEDY, "temperature": 0.9}),
        line("f", "left", setup="other"),
        line("f", "left", condition="sampled", setup="other"),
        line("g", "left", model="gone"),
    ]
    folder = write_run(tmp_path, own + stale)
    text = (folder / "run.json").read_text().replace('"gone": {', '"elsewhere": {')
    (folder / "run.json").write_text(text)
    lines = load_lines(folder)
    assert lines.stale == len(stale)
    assert list(lines.groups) == [("m", "image"), ("m", "short_prompt")]
    assert [one.answer for one in lines.samples["m"]["a"]] == ["left", "right"]


def test_samples_stand_in_order_and_a_later_line_replaces(tmp_path: Path) -> None:
    drawn = [line("a", says, condition="sampled", sample=n) for n, says in ((1, "right"), (0, "left"))]
    again = [line("b", "left", key="old"), line("b", "right", key="new")]
    lines = load_lines(write_run(tmp_path, drawn + again))
    assert [one.sample for one in lines.samples["m"]["a"]] == [0, 1]
    assert lines.groups["m", "image"]["b"].answer == "right"


def test_an_answer_stays_whatever_fault_was_written_before_it(tmp_path: Path) -> None:
    """A picture that could not be read, then could: the key differs, and faults are read last."""
    fault = {"key": "old", "correct": None, "error": "the picture could not be read"}
    every = [line("a", None, **fault), line("a", "left", key="new")]
    drawn = {"condition": "sampled", "sample": 0}
    every += [line("a", None, **drawn, **(fault | {"key": "s"})), line("a", "left", **drawn)]
    every += [line("b", None, **(fault | {"key": "b1"})), line("b", None, **(fault | {"key": "b2"}))]
    lines = load_lines(write_run(tmp_path, every))
    kept = lines.groups["m", "image"]
    assert (kept["a"].error, kept["a"].answer, kept["b"].key) == (None, "left", "b2")
    assert lines.samples["m"]["a"][0].error is None


def test_samples_past_the_number_of_the_run_are_of_an_earlier_one(tmp_path: Path) -> None:
    four = [line("a", "right", condition="sampled", sample=n, key=f"of 4: {n}") for n in range(4)]
    two = [line("a", "left", condition="sampled", sample=n, key=f"of 2: {n}") for n in range(2)]
    folder = write_run(tmp_path, four + two, models={"m": {"samples": 2}})
    lines = load_lines(folder)
    assert [one.key for one in lines.samples["m"]["a"]] == ["of 2: 0", "of 2: 1"] and lines.stale == 2
    assert len(list(current_lines(folder))) == 4


def test_protocols_of_conditions(tmp_path: Path) -> None:
    every = [line("a", "left", condition=name) for name in ("short_prompt", "image", "sampled")]
    lines = load_lines(write_run(tmp_path, every))
    assert lines.protocol("m") == lines.protocol("m", "image")
    assert lines.protocol("m", "image") == "trace prompt, greedy, at most 256 tokens, judge rubric-rules-2"
    assert lines.protocol("m", "short_prompt") == "short prompt, greedy, at most 256 tokens"
    assert lines.sampled_protocol("m").startswith("trace prompt, temperature 0.6")


def test_samples_alone_are_results(tmp_path: Path) -> None:
    lines = load_lines(write_run(tmp_path, [line("a", "left", condition="sampled")]))
    assert lines.models == ["m"] and not lines.groups
    assert [one.item_id for one in one_line_an_item(lines)] == ["a"]
    assert lines.protocol("m") == lines.sampled_protocol("m")


def test_items_in_two_image_groups_are_counted(tmp_path: Path) -> None:
    every = [line("a", "left"), line("a", "left", model="n", image_group="other"), line("b", "left")]
    assert regrouped(load_lines(write_run(tmp_path, every)).groups) == 1


def test_nothing_that_counts(tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="no results yet"):
        load_lines(write_run(tmp_path, [line("a", "left", revision="0")]))


def test_lines_keep_what_they_say_without_their_text(tmp_path: Path) -> None:
    whole = line(
        "a", "left", text="because", axes=scored(0.5, rationale=1.0), probability={"answer": 0.5},
        units=({"unit_id": "u1", "axis": "perception", "presence": 2, "correctness": 1},),
    )  # fmt: skip
    twin = replace(whole, item_id="b", key="b")
    kept = load_lines(write_run(tmp_path, [whole, twin])).groups["m", "image"]
    assert kept["a"] == replace(whole, text="") and kept["b"] == replace(twin, text="")
    assert kept["a"].units[0] is kept["b"].units[0] and kept["a"].question is kept["b"].question


def test_nothing_and_odd_values_are_kept_as_they_are(tmp_path: Path) -> None:
    odd = {"stop": ["a", "b"], "temperature": 0.0}
    bare = line("a", "left", decoding=odd, options=(), units=())
    plain = line("b", "left", model="n", decoding={}, options=())
    folder = write_run(tmp_path, [bare, plain], models={"m": {"decoding": odd}, "n": {"decoding": {}}})
    groups = load_lines(folder).groups
    assert groups["m", "image"]["a"] == bare and groups["n", "image"]["b"] == plain
