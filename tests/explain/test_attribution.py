"""Each method on a model whose right answer is known, and direct attribution against the exact sum."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tiny import PLANTED_TOKEN, picture
from workbench.cases.answered import AnsweredCase
from workbench.explain import (
    METHODS,
    HeatMap,
    Refusal,
    Span,
    explain,
    gather_evidence,
    refusal_before_pass,
)
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Question

ALL = [name for name in METHODS if name != "attention_head"]
LIKENESS = (
    "token_activation",
    "logit_lens",
)  # they don't tell which patch moved the word; tests of their own
FOIL = {"logit_contrast": {"foil": PLANTED_TOKEN + 1}}


def _bright_patch(width: int, height: int, box: tuple[int, int, int, int]) -> MedicalImage:
    pixels = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = box
    pixels[y0:y1, x0:x1] = 255
    return MedicalImage(pixels, "test", "array")


def _answer(ids: tuple[int, ...]) -> Answer:
    text = "x" * len(ids)
    return Answer(ids, text, tuple((i, i + 1) for i in range(len(ids))), (0.0,) * len(ids), "stop")


@pytest.mark.parametrize("method", [name for name in METHODS if name not in LIKENESS])
@pytest.mark.parametrize(
    ("width", "height", "box"), [(48, 48, (16, 32, 24, 40)), (300, 180, (200, 90, 250, 140))]
)
def test_the_planted_patch_lights_up_where_it_was_planted(planted, method, width, height, box):
    prompt = planted.prepare(Question("left"), _bright_patch(width, height, box))
    answer = _answer((PLANTED_TOKEN,))
    found = explain(
        AnsweredCase.of(planted, prompt, None, answer), Span("token", "x", (0,)), method, FOIL.get(method)
    )
    assert isinstance(found, HeatMap)
    best = found.boxes[found.values.argmax()]
    assert np.abs(best - np.array(box)).max() <= 0.12 * max(width, height)
    inside = found.values[found.values.argmax()]
    others = np.delete(found.values, found.values.argmax())
    assert inside > 2 * np.abs(others).max()
    assert inside > 0


def test_attribution_predicts_what_painting_the_patch_out_does(planted):
    bright = planted.prepare(Question("left"), _bright_patch(48, 48, (16, 32, 24, 40)))
    dark = planted.prepare(Question("left"), _bright_patch(48, 48, (0, 0, 0, 0)))
    found = explain(
        AnsweredCase.of(planted, bright, None, _answer((PLANTED_TOKEN,))),
        Span("token", "x", (0,)),
        "logit_attribution",
    )
    logits = []
    for prompt in (bright, dark):
        with torch.inference_mode():
            logits.append(planted.model(**prompt.inputs).logits[0, -1, PLANTED_TOKEN].item())
    assert found.values.sum() == pytest.approx(logits[0], rel=0.02)
    assert logits[1] == pytest.approx(0, abs=1e-6)


def test_direct_contributions_and_the_rest_sum_to_the_logit(tiny):
    prompt = tiny.prepare(Question("Is there evidence of a nodule?"), picture(70, 50))
    answer = _answer((7, 11, 13))
    evidence = gather_evidence(tiny, prompt, answer)
    forced = tiny.teacher_force(prompt, answer.ids)
    rest: list[torch.Tensor] = []
    rows = slice(prompt.length - 1, prompt.length + 2)
    layers = tiny.decoder.layers
    hooks = [
        layer.mlp.register_forward_hook(lambda _m, _a, out: rest.append(out[0, rows])) for layer in layers
    ]
    hooks.append(layers[0].register_forward_pre_hook(lambda _m, args: rest.append(args[0][0, rows])))
    inputs = tiny.family.extend(prompt.inputs, torch.tensor(answer.ids))
    with torch.inference_mode():
        logits = tiny.model(**inputs).logits[0, rows]
    for hook in hooks:
        hook.remove()
    parts = tiny.decoder
    rms = (forced.hidden.pow(2).mean(-1, keepdim=True) + parts.final_norm.variance_epsilon).sqrt()
    u = parts.unembedding.weight[list(answer.ids)] * parts.final_norm.weight / rms
    outside_heads = sum((part * u).sum(-1) for part in rest)
    total = torch.from_numpy(evidence.contribution.whole).sum((0, 1)) + outside_heads
    expected = logits.gather(1, torch.tensor(answer.ids)[:, None])[:, 0]
    assert torch.allclose(total, expected, atol=1e-4)


def test_attention_share_is_the_mass_on_the_image(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    answer = _answer((7, 11))
    evidence = gather_evidence(tiny, prompt, answer)
    span = Span("all", "both", (0, 1))
    found = explain(AnsweredCase.of(tiny, prompt, None, answer), span, "attention_mean")
    assert found.values.sum() == pytest.approx(found.image_share, abs=1e-5)
    assert found.image_share == pytest.approx(evidence.attention_share.mean(), abs=1e-6)
    assert np.allclose(evidence.attention.sum(-1), evidence.attention_share, atol=1e-5)


def test_additive_methods_sum_and_attention_averages_over_a_span(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    answer = _answer((7, 11))
    for method, pool in (("attention_mean", np.mean), ("logit_attribution", np.sum)):
        singles = [
            explain(AnsweredCase.of(tiny, prompt, None, answer), Span("token", "x", (i,)), method).values
            for i in (0, 1)
        ]
        both = explain(
            AnsweredCase.of(tiny, prompt, None, answer), Span("all", "both", (0, 1)), method
        ).values
        assert np.allclose(both, pool(singles, axis=0), atol=1e-6)


def test_another_target_token_gives_another_attribution(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    span = Span("token", "x", (0,))
    first, second = (
        explain(AnsweredCase.of(tiny, prompt, None, _answer((i,))), span, "logit_attribution").values
        for i in (7, 19)
    )
    assert np.corrcoef(first, second)[0, 1] < 0.99


@pytest.mark.parametrize(
    ("layer", "head", "said"),
    [(9, 0, "no layer 9"), (0, 9, "no head 9"), (-1, 0, "no layer -1"), (3, 0, "no layer 3")],
)
def test_a_head_that_does_not_exist_is_refused(tiny, layer, head, said):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    found = explain(
        AnsweredCase.of(tiny, prompt, None, _answer((7,))),
        Span("token", "x", (0,)),
        "attention_head",
        {"layer": layer, "head": head},
    )
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_an_unknown_setting_is_refused_by_name(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    span = Span("token", "x", (0,))
    found = explain(AnsweredCase.of(tiny, prompt, None, _answer((7,))), span, "attention_head", {"heda": 1})
    assert isinstance(found, Refusal)
    assert "heda" in found.reason and "layer, head" in found.hint


def test_a_span_outside_the_answer_is_an_error_and_never_another_words_map(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    for token in (-1, 1):
        with pytest.raises(ValueError, match="not inside"):
            explain(
                AnsweredCase.of(tiny, prompt, None, _answer((7,))),
                Span("token", "x", (token,)),
                "attention_mean",
            )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_declares_what_a_screen_needs(method):
    spec = METHODS[method]
    assert spec.description.endswith(".") and spec.caveat.endswith(".") and spec.unit and spec.share_meaning
    assert len(spec.params) <= 2 and all(param.label for param in spec.params)


@pytest.mark.parametrize("method", ALL)
def test_without_an_image_or_an_answer_there_is_a_refusal_and_no_map(tiny, method):
    blind = tiny.prepare(Question("left"), None)
    assert isinstance(
        explain(AnsweredCase.of(tiny, blind, None, _answer((7,))), Span("token", "x", (0,)), method), Refusal
    )
    seeing = tiny.prepare(Question("left"), picture(48, 48))
    assert isinstance(
        explain(AnsweredCase.of(tiny, seeing, None, Answer()), Span("token", "x", (0,)), method), Refusal
    )


def test_captum_ablation_points_at_the_same_patch(planted):
    """An independent implementation of a causal method agrees with direct attribution on the known model."""
    from captum.attr import FeatureAblation

    prompt = planted.prepare(Question("left"), _bright_patch(48, 48, (16, 32, 24, 40)))
    others = {key: value for key, value in prompt.inputs.items() if key != "pixel_values"}

    def logit(pixels: torch.Tensor) -> torch.Tensor:
        return planted.model(pixel_values=pixels, **others).logits[:, -1, PLANTED_TOKEN]

    rows = torch.arange(48) // 8
    patches = (rows[:, None] * 6 + rows[None, :])[None, None].expand(1, 3, 48, 48)
    with torch.no_grad():
        drops = FeatureAblation(logit).attribute(
            prompt.inputs["pixel_values"], baselines=-1.0, feature_mask=patches
        )
    per_patch = drops[0, 0, ::8, ::8].flatten().numpy()
    ours = explain(
        AnsweredCase.of(planted, prompt, None, _answer((PLANTED_TOKEN,))),
        Span("token", "x", (0,)),
        "logit_attribution",
    ).values
    assert per_patch.argmax() == ours.argmax()
    assert per_patch.max() == pytest.approx(ours.max(), rel=0.05)


def test_an_answer_that_holds_the_sign_for_a_picture_is_refused_in_words(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 36))
    sign = int(prompt.inputs["input_ids"][0, prompt.image_positions[0]])
    answer = Answer((5, sign), "a b", ((0, 1), (2, 3)), (0.0, 0.0), "stop")
    refused = refusal_before_pass(prompt, answer)
    assert isinstance(refused, Refusal) and "stands for a picture" in refused.reason
    assert refusal_before_pass(prompt, replace(answer, ids=(5, 6))) is None
