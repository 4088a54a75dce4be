"""The timeline: a partition of attention that sums to one, and of the signed write-out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.explain.cases import answer_of, painted
from tests.tiny import PLANTED_TOKEN, load_tiny, picture, save_tiny
from workbench.explain import Span, gather_evidence, span_attention
from workbench.explain.contributions import Contributions
from workbench.explain.word_timeline import GROUPS, timeline
from workbench.models.answer import Question


@pytest.fixture
def evidence(tiny):
    prompt = tiny.prepare(Question("Is there evidence of a nodule?"), picture(70, 50))
    return gather_evidence(tiny, prompt, answer_of((7, 11, 13)))


def test_every_word_sums_to_one_and_the_first_has_no_trace_before_it(evidence):
    found = timeline(evidence)
    assert found.attention.shape == found.logits.shape == (3, len(GROUPS))
    assert found.attention.sum(-1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert (found.attention >= 0).all()
    trace = found.attention[:, GROUPS.index("trace")]
    assert trace[0] == 0 and 0 < trace[1] < trace[2]
    assert found.entropy.tolist() == evidence.entropy.tolist()
    assert found.logprobs.tolist() == evidence.logprobs.tolist()


def test_shares_equal_sums_over_the_whole_eager_attention(tmp_path):
    """An independent count: every column of stock eager attention, put into its group by hand."""
    folder = save_tiny(tmp_path / "model")
    model, eager = load_tiny(folder), load_tiny(folder)
    eager.model.set_attn_implementation({"text_config": "eager"})
    prompt, answer = model.prepare(Question("left"), picture(70, 50)), answer_of((7, 11, 13))
    inputs = eager.family.extend(prompt.inputs, torch.tensor(answer.ids))
    with torch.inference_mode():
        maps = torch.stack(eager.model(**inputs, output_attentions=True).attentions)[:, 0].mean((0, 1))
    image, found = set(prompt.image_positions.tolist()), timeline(gather_evidence(model, prompt, answer))
    for token in range(3):
        row = maps[prompt.length - 1 + token].tolist()
        expected = dict.fromkeys(GROUPS, 0.0)
        for position, weight in enumerate(row):
            group = "trace" if position >= prompt.length else "image" if position in image else "question"
            expected["sink" if position == 0 else group] += weight
        assert found.attention[token] == pytest.approx(list(expected.values()), abs=1e-5)


def test_sink_patches_are_counted_as_sinks_and_not_as_image(evidence):
    plain, sunk = timeline(evidence), timeline(replace(evidence, sinks=np.array([5, 6])))
    moved = evidence.attention.mean((0, 1))[:, [5, 6]].sum(-1)
    assert plain.attention[:, 0] - sunk.attention[:, 0] == pytest.approx(moved, abs=1e-6)
    assert sunk.attention[:, 3] - plain.attention[:, 3] == pytest.approx(moved, abs=1e-6)
    assert sunk.attention.sum(-1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert sunk.logits.sum(-1) == pytest.approx(plain.logits.sum(-1), abs=1e-5)


def test_logits_by_group_by_hand(evidence):
    text = np.array([[1.0, 0.5, 0, 1.5], [0, -1, 4, 0], [0, 0, 0, 0]])
    patches = np.zeros((3, 36))
    patches[:, 0], patches[:, 1] = 5, -3
    given = Contributions(patches, np.zeros((3, 4, 3)), np.zeros((3, 4, 3)), text)
    found = timeline(replace(evidence, contribution=given, sinks=np.array([1])))
    assert found.logits.tolist() == [[5, 2, 0, -2], [5, -1, 4, -3], [5, 0, 0, -3]]


def test_logits_sum_to_all_that_the_heads_wrote(evidence):
    whole = evidence.contribution.whole.sum((0, 1))
    assert timeline(evidence).logits.sum(-1) == pytest.approx(whole, abs=1e-5)


def test_on_the_planted_model_the_image_pushes_the_word(planted):
    prompt = planted.prepare(Question("left"), painted(300, 180, (200, 90, 250, 140)))
    found = timeline(gather_evidence(planted, prompt, answer_of((PLANTED_TOKEN,))))
    assert found.attention[0].argmax() == 0
    assert found.logits[0, 0] > 0 and np.abs(found.logits[0, 1:]).max() < 0.01 * found.logits[0, 0]


def test_without_a_picture_the_image_has_no_share(tiny):
    found = timeline(gather_evidence(tiny, tiny.prepare(Question("left"), None), answer_of((7, 11))))
    assert found.attention[:, 0].tolist() == [0, 0]
    assert found.attention.sum(-1) == pytest.approx([1, 1], abs=1e-5)


def test_a_step_is_the_mean_of_its_words(evidence):
    found = timeline(evidence)
    step = span_attention(found, Span("step", "two words", (0, 2)))
    assert list(step) == list(GROUPS)
    assert list(step.values()) == pytest.approx((found.attention[0] + found.attention[2]) / 2)
    assert sum(step.values()) == pytest.approx(1, abs=1e-5)
