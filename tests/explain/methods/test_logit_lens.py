"""Logit lens: words of each patch equal a plain read-out, and the planted patch spells its word."""

import numpy as np
import pytest
import torch

from tests.explain.cases import WORD, case_of, painted
from tests.explain.methods.conftest import PLACES
from tests.tiny import picture
from workbench.explain import Refusal, Span, explain, gather_evidence, lens_words
from workbench.explain.methods import logit_lens
from workbench.models.answer import Question

BRIGHT_WORD = 301


@pytest.fixture
def case(tiny):
    return case_of(tiny, picture(70, 50), (7, 11))


@pytest.fixture
def evidence(case):
    return gather_evidence(case.model, case.prompt, case.answer)


def test_words_and_map_equal_a_plain_read_out(tiny, case, evidence, monkeypatch):
    monkeypatch.setattr(logit_lens, "PATCH_CHUNK", 5)  # 36 patches: the last chunk is not full
    with torch.inference_mode():
        chances = tiny.model.lm_head(tiny.decoder.final_norm(evidence.states[1])).softmax(-1)
    words = lens_words(evidence, 1, top=3)
    assert len(words) == 36
    for patch, row in enumerate(words):
        best = chances[patch].topk(3)
        assert [word.text for word in row] == [tiny.tokenizer.decode([i]) for i in best.indices.tolist()]
        assert [word.probability for word in row] == pytest.approx(best.values.tolist(), abs=1e-6)
    found = explain(case, Span("all", "both", (0, 1)), "logit_lens", {"layer": 1})
    assert found.values == pytest.approx(chances[:, [7, 11]].mean(1).numpy(), abs=1e-6)


def test_the_last_layer_reads_what_the_model_would_say_at_the_patch(tiny, evidence):
    prompt = tiny.prepare(Question("left"), picture(70, 50))
    with torch.inference_mode():
        said = tiny.model(**prompt.inputs).logits[0, prompt.image_positions].argmax(-1)
    words = lens_words(evidence, 2, top=1)
    assert [row[0].text for row in words] == [tiny.tokenizer.decode([i]) for i in said.tolist()]


@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_planted_patch_spells_its_word(planted, width, height, box):
    with torch.no_grad():
        planted.model.lm_head.weight[BRIGHT_WORD, 0] = 5.0
    try:
        case = case_of(planted, painted(width, height, box), (BRIGHT_WORD,))
        evidence = gather_evidence(planted, case.prompt, case.answer)
        found = explain(case, WORD, "logit_lens", evidence=evidence)
        words = lens_words(evidence, 0, top=1)
    finally:
        with torch.no_grad():
            planted.model.lm_head.weight[BRIGHT_WORD, 0] = 0.0
    best = int(found.values.argmax())
    assert np.abs(found.boxes[best] - np.array(box)).max() <= 0.12 * max(width, height)
    assert words[best][0].text == planted.tokenizer.decode([BRIGHT_WORD])
    assert words[best][0].probability == pytest.approx(found.values[best], rel=1e-5)


@pytest.mark.parametrize(("layer", "top"), [(3, 5), (-1, 5), (0, 0), (0, 10_000)])
def test_a_layer_or_number_of_words_that_does_not_exist_is_refused(evidence, layer, top):
    assert isinstance(lens_words(evidence, layer, top), Refusal)
