"""How often the labelling rule agrees with labels given by hand."""

import json

import pytest

from tests.traces.axis_sentences import BEFORE_RULES, FRESH, SECOND
from workbench.traces import label_axis
from workbench.training.pair.corpus import FACTS_PATH


@pytest.mark.parametrize(
    ("name", "sentences", "least"),
    [("before the rules", BEFORE_RULES, 0.85), ("widened for", SECOND, 0.85), ("fresh", FRESH, 0.6)],
)
def test_agreement(name, sentences, least, record_property):
    wrong = [(axis, *label_axis(text), text) for axis, text in sentences if label_axis(text)[0] != axis]
    agreement = 1 - len(wrong) / len(sentences)
    record_property(f"agreement, {name}", f"{agreement:.2f} of {len(sentences)}")
    assert agreement >= least, wrong


def test_every_fact_the_tuned_model_is_taught_is_knowledge():
    facts = json.loads(FACTS_PATH.read_text(encoding="utf-8"))
    assert {label_axis(sentence)[0] for sentence in facts.values()} == {"knowledge"}


@pytest.mark.parametrize(
    "text",
    ["**Knowledge:** so it shows", "Step 2 (Knowledge): x", "[Knowledge] x", "Background: x", "KNOWLEDGE：x"],
)
def test_labels_in_many_dresses(text):
    assert label_axis(text) == ("knowledge", "label in the text")
