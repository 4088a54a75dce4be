"""Methods of the shared pass on a model whose right answer is known, and how token maps make a span's map."""

import numpy as np
import pytest
import torch

from tests.explain.cases import WORD, answer_of, case_of, painted, token_spans
from tests.explain.methods.conftest import attribution_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain import (
    METHODS,
    Cost,
    HeatMap,
    Refusal,
    Span,
    TokenMaps,
    explain,
    gather_evidence,
    shared_method,
)
from workbench.models.answer import Question

# those not here don't tell which patch moved the word; they have tests of their own
LIKENESS = ("token_activation", "logit_lens")
LIT = [name for name, method in METHODS.items() if method.is_shared and name not in LIKENESS]
FOIL = {"logit_contrast": {"foil": PLANTED_TOKEN + 1}}


@pytest.mark.parametrize("method", LIT)
@pytest.mark.parametrize(
    ("width", "height", "box"), [(48, 48, (16, 32, 24, 40)), (300, 180, (200, 90, 250, 140))]
)
def test_the_planted_patch_lights_up_where_it_was_planted(planted, method, width, height, box):
    case = case_of(planted, painted(width, height, box), (PLANTED_TOKEN,))
    found = explain(case, WORD, method, FOIL.get(method))
    assert isinstance(found, HeatMap)
    best = found.boxes[found.values.argmax()]
    assert np.abs(best - np.array(box)).max() <= 0.12 * max(width, height)
    inside = found.values[found.values.argmax()]
    others = np.delete(found.values, found.values.argmax())
    assert inside > 2 * np.abs(others).max()
    assert inside > 0


def test_attribution_predicts_what_painting_the_patch_out_does(planted):
    bright, dark = (
        case_of(planted, painted(48, 48, box), (PLANTED_TOKEN,)) for box in ((16, 32, 24, 40), (0, 0, 0, 0))
    )
    found = explain(bright, WORD, "logit_attribution")
    logits = []
    for case in (bright, dark):
        with torch.inference_mode():
            logits.append(planted.model(**case.prompt.inputs).logits[0, -1, PLANTED_TOKEN].item())
    assert found.values.sum() == pytest.approx(logits[0], rel=0.02)
    assert logits[1] == pytest.approx(0, abs=1e-6)


def test_direct_contributions_and_the_rest_sum_to_the_logit(tiny):
    prompt = tiny.prepare(Question("Is there evidence of a nodule?"), picture(70, 50))
    answer = answer_of((7, 11, 13))
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
    case = case_of(tiny, picture(48, 48), (7, 11))
    evidence = gather_evidence(tiny, case.prompt, case.answer)
    found = explain(case, Span("all", "both", (0, 1)), "attention_mean")
    assert found.values.sum() == pytest.approx(found.image_share, abs=1e-5)
    assert found.image_share == pytest.approx(evidence.attention_share.mean(), abs=1e-6)
    assert np.allclose(evidence.attention.sum(-1), evidence.attention_share, atol=1e-5)


def test_additive_methods_sum_and_attention_averages_over_a_span(tiny):
    case = case_of(tiny, picture(48, 48), (7, 11))
    for method, pool in (("attention_mean", np.mean), ("logit_attribution", np.sum)):
        singles = [explain(case, span, method).values for span in token_spans((0,), (1,))]
        both = explain(case, Span("all", "both", (0, 1)), method).values
        assert np.allclose(both, pool(singles, axis=0), atol=1e-6)


def test_another_target_token_gives_another_attribution(tiny):
    image = picture(48, 48)
    first, second = (explain(case_of(tiny, image, (i,)), WORD, "logit_attribution").values for i in (7, 19))
    assert np.corrcoef(first, second)[0, 1] < 0.99


@pytest.mark.parametrize(
    ("layer", "head", "said"),
    [(9, 0, "no layer 9"), (0, 9, "no head 9"), (-1, 0, "no layer -1"), (3, 0, "no layer 3")],
)
def test_a_head_that_does_not_exist_is_refused(tiny, layer, head, said):
    case = case_of(tiny, picture(48, 48), (7,))
    found = explain(case, WORD, "attention_head", {"layer": layer, "head": head})
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_captum_ablation_points_at_the_same_patch(planted):
    """An independent implementation of a causal method agrees with direct attribution on the known model."""
    from captum.attr import FeatureAblation

    case = case_of(planted, painted(48, 48, (16, 32, 24, 40)), (PLANTED_TOKEN,))
    prompt = case.prompt
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
    ours = explain(case, WORD, "logit_attribution").values
    assert per_patch.argmax() == ours.argmax()
    assert per_patch.max() == pytest.approx(ours.max(), rel=0.05)


def test_a_shared_method_is_made_of_its_token_maps(tiny):
    """By hand: two tokens' maps, of which the second says nothing; what is pooled and what is told."""
    maps = TokenMaps(
        np.array([[1, 3], [0, 0], [5, 1]], np.float32), np.array([1.0, 0, 3]), np.array([2.0, 1, 4]),
        "a note", frozenset({1}), "no foil",
    )  # fmt: skip
    asked = attribution_of(tiny, picture(48, 48), (7, 11, 13), (0, 2), (1,))

    def made(pool):
        return shared_method("x", "X", "D.", "C.", "u", False, pool, lambda *_: maps, share_meaning="part")

    found = made("sum").compute(asked, {})
    assert found.values.tolist() == [[6, 4], [0, 0]]
    assert found.image_share.tolist() == [4 / 6, 0] and found.share_meaning == "part"
    assert (found.note, found.warnings, found.spent) == ("a note", ("", "no foil"), Cost(1))
    assert found.details[0]["layers"] == 3 and found.details[0]["heads"] == 4
    assert made("mean").compute(asked, {}).values.tolist() == [[3, 2], [0, 0]]
    assert made("mean").is_shared and made("mean").cost(asked.prompt, 9, {}) == Cost(1)
    nothing = made("sum").compute(attribution_of(tiny, picture(48, 48), (7, 11, 13), (1,)), {})
    assert nothing == Refusal("no foil", "Choose another word or another setting.")


def test_a_refusal_of_the_token_maps_is_handed_on(tiny):
    refused = Refusal("too dark")
    method = shared_method("x", "X", "D.", "C.", "u", False, "sum", lambda *_: refused)
    assert method.compute(attribution_of(tiny, picture(48, 48), (7,), (0,)), {}) is refused
