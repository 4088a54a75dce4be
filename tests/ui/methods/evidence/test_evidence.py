"""Beside the maps: foil, progress, sources of words, both models, lens words, heads, grounding."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.tiny import load_tiny, save_tiny
from tests.ui.methods.test_desk import VISITOR, answered, desk, finished, form
from tests.waiting import HANG_SECONDS
from workbench.cases import Word
from workbench.errors import UserFacing
from workbench.explain import explain, shared_evidence, timeline
from workbench.imaging.colormaps import colormap_table
from workbench.ui.methods.desk import MethodsDesk
from workbench.ui.methods.evidence.desk import (
    WordSource,
    compare_both,
    shared_entry,
    show_heads,
    word_changes,
    word_sources,
)
from workbench.ui.methods.evidence.view import (
    SOURCES,
    both_cards,
    both_table,
    heads_nodes,
    heads_picture,
    heads_table,
    signed,
    timeline_figure,
    timeline_note,
    timeline_table,
)
from workbench.ui.methods.export import export_files
from workbench.ui.methods.view import grid_value, place_in_words, progress
from workbench.ui.services import PairState

__all__ = ["answered", "desk"]


@pytest.fixture
def pair(desk: MethodsDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MethodsDesk]:
    """The same page with a base model of other random weights."""
    other = load_tiny(save_tiny(tmp_path_factory.mktemp("other") / "model", seed=1))
    before = desk.services.state.models
    desk.services._state = PairState("ready", "", {**before, "base": other})
    yield desk


def test_a_foil_word_becomes_its_token_and_is_named_on_the_card(desk: MethodsDesk) -> None:
    running = finished(desk, methods=("logit_contrast",), foil=" spot ")
    card = grid_value(running)["cards"][0]
    assert "“spot”" in card["note"] and "refused" not in card
    token = running.maps[0].heat.meta["params"]["foil"]
    assert running.model.tokenizer.decode([token]).strip() and token != -1
    expected = explain(running.case, running.span, "logit_contrast", {"foil": token})
    assert np.array_equal(running.maps[0].heat.values, expected.values)
    other = finished(desk, methods=("logit_contrast",), foil="left")
    assert not np.array_equal(other.maps[0].heat.values, expected.values)


def test_no_foil_word_is_a_refusal_and_the_next_method_goes_on(desk: MethodsDesk) -> None:
    cards = grid_value(finished(desk, methods=("logit_contrast", "attention_mean"), foil="  "))["cards"]
    refused = next(card for card in cards if "refused" in card)
    assert "empty" in refused["refused"] and "might have been" in refused["hint"]
    assert len([card for card in cards if "src" in card]) == 1


def test_the_same_answer_is_read_once(desk: MethodsDesk) -> None:
    running = finished(desk, methods=("attention_mean",))
    again = finished(desk, methods=("attention_max",))
    assert again.evidence is running.evidence
    case = running.case
    assert shared_evidence(case.model, case.prompt, case.answer) is running.evidence


def test_passes_are_counted_and_stop_ends_a_method_inside_its_map(desk: MethodsDesk) -> None:
    running = desk.start(VISITOR, form(methods=("occlusion",)))
    told = []

    class Event(threading.Event):
        def is_set(self) -> bool:
            if running.now is not None and running.passes is not None:
                told.append(running.passes)
                self.set()
            return super().is_set()

    running.stop = Event()
    assert desk.step(VISITOR) is running
    assert 0 < told[-1][0] < told[-1][1] == 11
    assert running.entries == [], "a map that was stopped half-way is no entry"


def test_the_status_line_names_method_passes_and_end(desk: MethodsDesk) -> None:
    running = desk.start(VISITOR, form(methods=("attention_mean", "occlusion"), curves=False))
    assert progress(running) == {"text": "Computing Attention, mean (1 of 2).", "busy": True}
    desk.step(VISITOR)
    running.now, running.passes = running.entries[0], (12, 36)
    assert progress(running)["text"].endswith("(2 of 2): 12 of 36 passes.")
    running.measuring = True
    assert progress(running)["text"].startswith("Measuring") and "passes" not in progress(running)["text"]
    running.now = None
    desk.step(VISITOR)
    assert progress(running) == {"text": "Finished: 2 of 2 methods."}
    running.stop.set()
    assert progress(running) == {"text": "Stopped after 2 of 2 methods."}


def test_following_a_step_ends_with_its_result_and_closing_stops_it(
    desk: MethodsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = desk.start(VISITOR, form(methods=("attention_mean", "relevancy", "occlusion")))
    assert list(desk.follow(VISITOR))[-1] == (running, True) and len(running.entries) == 1

    def slow(session: str) -> Any:
        running.stop.wait(HANG_SECONDS)
        return running

    monkeypatch.setattr("workbench.ui.methods.desk.LOOK_SECONDS", 0.01)
    monkeypatch.setattr(desk, "step", slow)
    following = desk.follow(VISITOR)
    assert next(following) == (running, False)
    following.close()
    assert running.stop.is_set()


def test_sources_are_the_timeline_by_word(desk: MethodsDesk) -> None:
    running = finished(desk, methods=("relevancy",))
    assert word_sources(running) == [] and shared_entry(running) is None
    running = finished(desk, methods=("attention_mean",))
    words = word_sources(running)
    whole = timeline(running.evidence).attention
    first = running.case.words[0]
    assert np.allclose(words[0].shares, whole[first.token_start : first.token_end].mean(0))
    assert all(word.shares.sum() == pytest.approx(1, abs=1e-4) for word in words)


def test_the_chart_stacks_to_a_hundred_and_the_table_says_the_same() -> None:
    words = [WordSource("<b>dark</b>", np.array([0.4, 0.3, 0.1, 0.2])), WordSource("dark", np.eye(4)[1])]
    chart = timeline_figure(words)
    assert [trace.name for trace in chart.data] == list(SOURCES)
    assert np.allclose(sum(np.asarray(trace.y) for trace in chart.data), 100)
    assert chart.data[0].x[0] == "1 &lt;b&gt;dark&lt;/b&gt;" and len(set(chart.data[0].x)) == 2
    assert timeline_table(words)["rows"][0] == ["1", "<b>dark</b>", "40 %", "30 %", "10 %", "20 %"]
    note = timeline_note(words)
    assert "picture 20 %, question 65 %" in note["notes"][0] and "“<b>dark</b>”, 40 %" in note["notes"][0]
    assert timeline_note([]) is None and timeline_table([]) is None


def test_changes_are_summed_by_word_and_the_strongest_comes_first() -> None:
    words = [Word("a", "", 0, 1, 0, 1, None, False), Word("bc", "", 1, 3, 1, 3, None, False)]
    found = word_changes(words, np.array([-1.0, -2.0, -3.0]), np.array([-0.5, -2.5, -1.0]))
    assert [(word.text, word.base, word.tuned, word.delta) for word in found] == [
        ("bc", -5.0, -3.5, 1.5),
        ("a", -1.0, -0.5, 0.5),
    ]
    assert [signed(value) for value in (1.5, -0.25, 0.001, -0.001)] == ["+1.50", "−0.25", "0.00", "0.00"]


@pytest.mark.parametrize("name", ["attention_mean", "logit_attribution"])
def test_both_models_on_the_same_words_are_each_models_own_map(pair: MethodsDesk, name: str) -> None:
    running = finished(pair, methods=(name,))
    both = compare_both(pair, VISITOR).both
    base = pair.services.state.models["base"]
    prompt = base.prepare(running.case.question, running.image)
    evidence = shared_evidence(base, prompt, running.case.answer)
    own = explain(replace(running.case, model=base, prompt=prompt), running.span, name, evidence=evidence)
    scale = np.abs(own.values).max()
    assert np.allclose(both.base.values, own.values, atol=1e-5 * scale)
    assert both.base.image_share == pytest.approx(own.image_share)
    assert np.allclose(both.tuned.values - both.base.values, both.change.values, atol=1e-5 * scale)
    total = sum(word.base for word in both.words)
    inside = [t for w in running.case.words for t in range(w.token_start, w.token_end)]
    assert total == pytest.approx(evidence.logprobs[inside].sum(), rel=1e-4)
    sizes = [abs(word.delta) for word in both.words]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0
    cards = both_cards(running)
    assert [card["label"].split(":")[0] for card in cards["cards"]] == ["Base", "Tuned", "Tuned − base"]
    assert cards["cards"][2]["signed"] and len(both_table(both)["rows"]) == len(both.words)
    assert json.loads(export_files(running)[2]["text"])["both_models"]["method"] == name


def test_a_comparison_that_makes_no_sense_is_refused_in_words(
    desk: MethodsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserFacing, match="no shared pass"):
        compare_both(desk, VISITOR)
    running = finished(desk, methods=("attention_mean",))

    class Foreign:
        class tokenizer:  # noqa: N801
            @staticmethod
            def get_vocab() -> dict[str, int]:
                return {"x": 0}

    desk.services._state = PairState("ready", "", {"base": Foreign, "tuned": running.model})
    with pytest.raises(UserFacing, match="different tokens"):
        compare_both(desk, VISITOR)
    assert running.both is None and both_cards(running) is None and both_table(None) is None


def test_the_lens_card_names_places_and_words(desk: MethodsDesk) -> None:
    running = finished(desk, methods=("logit_lens", "attention_mean"))
    lens, other = sorted(grid_value(running)["cards"], key=lambda card: card["table"] is None)
    assert other["table"] is None
    assert len(lens["table"]["rows"]) == 5 and "zone, at" in " ".join(row[0] for row in lens["table"]["rows"])
    entry = next(entry for entry in running.maps if entry.name == "logit_lens")
    assert "last of the 3 layers" in lens["note"] and entry.heat.meta["params"]["layer"] == 2
    strongest = entry.heat.boxes[int(entry.heat.values.argmax())]
    assert np.array_equal(entry.words[0].box, strongest)
    chances = [word.probability for word in entry.words[0].words]
    assert chances == sorted(chances, reverse=True) and len(chances) == 3


def test_places_have_a_zone_and_pixels() -> None:
    assert place_in_words(np.array([0, 0, 10, 10]), (90, 60)) == "left upper zone, at 5, 5"
    assert place_in_words(np.array([40, 25, 50, 35]), (90, 60)) == "centre, at 45, 30"
    assert place_in_words(np.array([80, 20, 90, 30]), (90, 60)) == "right middle zone, at 85, 25"


def test_every_head_is_one_tile_with_its_share(desk: MethodsDesk) -> None:
    running = finished(desk, methods=("attention_mean",))
    assert heads_nodes(running) == [] and heads_table(running) is None
    show_heads(desk, VISITOR)
    table = heads_table(running)
    assert len(table["rows"]) == 3 and table["columns"] == ["Layer", "Head 1", "Head 2", "Head 3", "Head 4"]
    share = running.evidence.attention_share[:, :, list(running.span.tokens)].mean(-1)
    assert table["rows"][2][4] == f"{100 * share[2, 3]:.0f} %"
    picture = heads_picture(running)
    assert picture.shape == (23 + 3 * (88 + 3), 46 + 4 * (110 + 3), 3)
    brightest = np.unravel_index(running.heads.values.max(-1).argmax(), (3, 4))
    tile = picture[23 + brightest[0] * 91 :][:88, 46 + brightest[1] * 113 :][:, :110]
    assert (tile == colormap_table("viridis")[255]).all(-1).any(), (
        "the strongest patch of all heads is the top colour"
    )
    alt = heads_nodes(running)[0][2][1]["alt"]
    layer, head = np.unravel_index(share.argmax(), share.shape)
    assert f"Layer {layer + 1}, head {head + 1} read most" in alt
