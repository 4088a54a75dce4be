"""The 28 faults found in comparable tools, each held off by the tests named beside it.

A word's own numbers:
 3 words as keys            traces/test_words.py::test_sub_words_make_one_word_and_repeats_stay_apart
                            cases/test_words.py::test_words_survive_other_scripts
 4 row off by one           explain/test_peer_bugs.py::test_a_word_gets_the_map_of_the_row_that_wrote_it
                            explain/test_evidence.py::test_the_pass_reads_what_the_model_itself_computes
                            explain/methods/test_relevancy.py::test_streamed_equals_the_naive_formula
 5 inputs not extended      models/test_session.py::test_an_aligned_input_that_the_family_forgets_is_an_error
                            models/families/test_every_family.py::test_forcing_equals_generation_and_nothing_leaks
                            models/families/test_every_family.py::test_extension
 6 answer tokenised again   explain/test_peer_bugs.py::test_the_ids_that_were_written_are_explained
27 padding, end, first      explain/test_peer_bugs.py::test_padding_and_end_tokens_are_never_explained
                            explain/methods/test_rollout.py::test_a_layer_by_hand_with_and_without_the_sink
                            imaging/test_overlay.py::test_padding_alone_paints_nothing
A method's arithmetic:
 2 zeros on an exception    explain/test_peer_bugs.py::test_numbers_that_are_none_give_a_refusal_and_no_map
                            explain/test_peer_bugs.py::test_a_fault_of_a_method_is_never_a_map
 7 rollout turned round     explain/methods/test_rollout.py::test_it_equals_the_product_of_all_layers_in_the_right_order
 8 Grad-CAM at last layer   explain/methods/test_grad_cam.py::test_the_last_layer_is_refused_with_the_reason
10 threshold is an index    explain/methods/test_localisation_heads.py::test_heads_are_kept_by_their_attention_and_not_by_their_number
20 flags left changed       explain/test_explanations.py::test_the_model_is_left_as_it_was_found
                            explain/metrics/test_sanity.py::test_the_weights_come_back_after_a_failure
22 NaN on a flat window     explain/methods/test_token_activation.py::test_flat_windows_keep_their_value
28 mask not registered      explain/test_peer_bugs.py::test_every_kernel_of_ours_brings_its_mask
                            models/test_probe.py::test_logits_are_bit_identical_with_and_without_the_probe
                            explain/methods/test_prefix.py::test_padding_that_the_prompt_hides_stays_hidden
Pictures:
 1 image span assumed       explain/test_peer_bugs_pictures.py::test_text_before_the_picture_moves_no_map
                            explain/test_patch_grid.py::test_a_padded_picture_of_any_shape_is_one_grid_in_raster_order
 9 patches in another order explain/test_peer_bugs_pictures.py::test_the_gradient_sits_on_the_painted_quarter
                            models/families/test_qwen_vl.py::test_a_painted_region_changes_exactly_the_tokens_over_it
13 rows for columns         explain/test_peer_bugs_pictures.py::test_a_wide_box_hides_a_wide_region
                            explain/methods/test_tiers.py::test_neighbouring_boxes_that_cut_a_pixel_replace_it_whole
23 absence of evidence      imaging/test_overlay.py::test_a_zero_map_shows_the_plain_picture
                            imaging/test_overlay.py::test_a_shared_scale_halves_the_place_on_the_colour_bar
                            ui/methods/test_desk.py::test_all_pictures_share_one_scale
24 white as the baseline    explain/test_peer_bugs_pictures.py::test_what_stands_for_nothing_is_never_brighter_than_the_picture
                            explain/test_peer_bugs_pictures.py::test_a_blur_is_the_default_and_every_choice_is_named
Figures about maps and answers:
11 insertion is deletion    explain/test_peer_bugs_pictures.py::test_insertion_rises_and_deletion_falls_on_the_planted_model
                            explain/metrics/test_perturbation.py::test_the_curves_by_hand
12 answer sampled anew      explain/test_peer_bugs_pictures.py::test_figures_about_a_map_write_nothing_and_repeat
                            explain/test_explanations.py::test_the_scores_are_of_the_given_answer_and_nothing_is_generated
14 true by construction     explain/metrics/test_localisation.py::test_a_random_map_scores_about_chance_and_not_one
15 invented region bars     explain/test_peer_bugs_pictures.py::test_the_named_region_follows_the_map
                            imaging/test_reading.py::test_a_map_in_words
16 "normal" read as no      traces/test_resolve.py::test_yes_no
26 substring is correct     traces/test_resolve.py::test_match
                            bench/asking/test_runner.py::test_open_answers_match_exactly_after_normalising
The program:
17 error not raised         explain/test_peer_bugs_pictures.py::test_no_fault_is_made_without_being_raised
                            explain/test_explanations.py::test_another_picture_than_the_prompt_shows_is_an_error
18 files left behind        explain/test_peer_bugs_pictures.py::test_explaining_writes_no_file
                            ui/case/test_intake.py::test_an_upload_is_deleted_when_it_could_not_be_read
19 libraries patched        explain/test_peer_bugs_pictures.py::test_no_library_class_holds_a_function_of_ours
21 eval, swallowed faults   explain/test_peer_bugs_pictures.py::test_no_text_is_run_and_no_clean_up_is_left_to_chance
                            explain/test_peer_bugs_pictures.py::test_a_fault_inside_a_block_comes_out_of_it
25 files that don't belong  explain/test_peer_bugs_pictures.py::test_the_repository_holds_sources_only
"""  # noqa: E501

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AttentionInterface, AttentionMaskInterface, LlavaForConditionalGeneration

from tests.explain.cases import ASK, WORD, answer_of, case_of, painted, token_spans
from tests.explain.methods.conftest import attribution_of
from tests.models.families.every_family import make
from tests.tiny import PLANTED_TOKEN, load_tiny, picture, plant
from workbench.explain import (
    METHODS,
    HeatMap,
    Refusal,
    all_span,
    explain,
    explain_spans,
    gather_evidence,
)
from workbench.explain.methods.attribution import guarded
from workbench.explain.methods.decoder_pass import capture
from workbench.explain.methods.relevancy import IMPLEMENTATION, streaming
from workbench.explain.metrics import span_scorer
from workbench.models.answer import Answer, Decoding
from workbench.models.generation import OffsetDecoder
from workbench.models.session import LoadedModel

QUICK = {
    "smooth_gradient": {"samples": 2}, "integrated_gradients": {"steps": 4}, "rise": {"masks": 16},
    "occlusion": {"window": 4, "stride": 4}, "shapley": {"cells": 2, "pairs": 2},
    "greedy_search": {"cells": 2}, "logit_contrast": {"foil": PLANTED_TOKEN + 1},
}  # fmt: skip
BOX = (200, 90, 250, 140)
QUERY = 50


def test_the_table_above_names_every_fault_and_only_tests_that_exist(repo_root):
    numbers = re.findall(r"^ ?(\d+) ", __doc__, re.MULTILINE)
    assert sorted(map(int, numbers)) == list(range(1, 29))
    named = re.findall(r"(\S+\.py)::(\w+)", __doc__)
    assert len(named) > 28
    for file, test in named:
        assert f"def {test}(" in (repo_root / "tests" / file).read_text("utf-8"), f"{file}::{test}"


@pytest.fixture(scope="module")
def induction(planted: LoadedModel, tmp_path_factory) -> LoadedModel:
    """The planted model, but only the row of the token QUERY looks for the bright patch."""
    folder = tmp_path_factory.mktemp("induction") / "model"
    model = LlavaForConditionalGeneration(planted.model.config)
    plant(model)
    text = model.model.language_model
    attention = text.layers[0].self_attn
    slow = attention.head_dim // 2 - 1
    with torch.no_grad():
        attention.q_proj.bias.zero_()
        text.embed_tokens.weight[QUERY, 3] = 3.0
        attention.q_proj.weight[slow, 3] = 4.0
    model.save_pretrained(folder)
    planted.processor.save_pretrained(folder)
    return load_tiny(folder)


ROW_METHODS = [
    *("attention_mean", "attention_max", "attention_sinks_removed", "logit_attribution", "logit_contrast"),
    *("occlusion", "attention_rollout"),
]


@pytest.mark.parametrize("method", ROW_METHODS)
def test_a_word_gets_the_map_of_the_row_that_wrote_it(induction, method):
    """Fault 4. Row t−1 writes token t: what QUERY's row read belongs to the word after it."""
    image = painted(300, 180, BOX)
    case = case_of(induction, image, (QUERY, PLANTED_TOKEN, PLANTED_TOKEN))
    params = {"window": 1, "stride": 1, "tier": 3} if method == "occlusion" else QUICK.get(method)
    before, written, after = (explain(case, span, method, params) for span in token_spans((0,), (1,), (2,)))
    best = written.boxes[written.values.argmax()]
    assert np.abs(best - np.array(BOX)).max() <= 0.12 * 300
    assert written.values.max() > 5 * max(before.values.max(), after.values.max())


def test_the_ids_that_were_written_are_explained(tiny):
    """Fault 6. "left" letter by letter: tokenised again it would be other, fewer tokens."""
    ids = tuple(tiny.tokenizer.convert_tokens_to_ids(list("left")))
    text = tiny.tokenizer.decode(ids)
    assert text == "left" and len(tiny.tokenizer(text, add_special_tokens=False)["input_ids"]) < len(ids)
    image = picture(60, 40)
    prompt, answer = tiny.prepare(ASK, image), replace(answer_of(ids), text=text)
    with torch.inference_mode():
        whole = torch.cat([prompt.inputs["input_ids"], torch.tensor([ids])], 1)
        logits = tiny.model(input_ids=whole, pixel_values=prompt.inputs["pixel_values"]).logits[0]
    logp = logits[prompt.length - 1 : -1].log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0].numpy()
    assert np.allclose(gather_evidence(tiny, prompt, answer).logprobs, logp, atol=1e-4)
    span = all_span(answer)
    assert span.tokens == (0, 1, 2, 3)
    case = case_of(tiny, image, answer)
    assert span_scorer(case, span)([image.pixels])[0] == pytest.approx(logp.sum(), abs=1e-4)
    found = explain(case, span, "occlusion", QUICK["occlusion"])
    assert found.meta["score"] == pytest.approx(logp.sum(), abs=1e-4)


def test_padding_and_end_tokens_are_never_explained(tiny, monkeypatch):
    """Faults 27 and 6. Of two answers in a batch the shorter is padded; its end token carries no text."""
    prompts = [tiny.prepare(ASK, picture(60, 40, seed)) for seed in (0, 1)]
    free = tiny.generate_batch(prompts, Decoding(max_new_tokens=6))
    monkeypatch.setattr(tiny.model.generation_config, "eos_token_id", free[0].ids[2])
    for answer, unstopped in zip(tiny.generate_batch(prompts, Decoding(max_new_tokens=6)), free, strict=True):
        end = unstopped.ids.index(free[0].ids[2]) + 1 if free[0].ids[2] in unstopped.ids else 6
        assert answer.ids == unstopped.ids[:end]
    ids, decoder = (7, 11, tiny.tokenizer.eos_token_id), OffsetDecoder(tiny.tokenizer)
    for token in ids:
        decoder.add(token)
    ended = Answer(ids, decoder.text, tuple(decoder.offsets), (0.0,) * 3, "stop")
    assert all_span(ended).tokens == (0, 1)
    assert 0 not in prompts[0].image_positions
    evidence = gather_evidence(tiny, prompts[0], ended)
    assert evidence.attention.shape[-1] == len(prompts[0].image_positions) == len(prompts[0].boxes)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_that_are_none_give_a_refusal_and_no_map(tiny, method):
    """Fault 2. Every activation is NaN: a map of zeros, or an even one, would look like a result."""
    case, weight = case_of(tiny, picture(48, 36), (7, 11)), tiny.decoder.layers[0].input_layernorm.weight
    kept = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.fill_(float("nan"))
        found = explain(case, WORD, method, QUICK.get(method))
    finally:
        with torch.no_grad():
            weight.copy_(kept)
    assert isinstance(found, Refusal) and found.reason and found.hint


@pytest.mark.parametrize("method", METHODS)
def test_a_fault_of_a_method_is_never_a_map(tiny, monkeypatch, method):
    """Fault 2. What a method raises comes out as it is; no other method steps in."""

    def broken(*_):
        raise RuntimeError("broken")

    monkeypatch.setitem(METHODS._entries, method, replace(METHODS[method], compute=broken))
    with pytest.raises(RuntimeError, match="broken"):
        explain(case_of(tiny, picture(48, 36), (7, 11)), WORD, method)


@pytest.mark.parametrize("kind", ["llava", "gemma3", "qwen3_vl"])
def test_every_kernel_of_ours_brings_its_mask(kind, tmp_path):
    """Fault 28. A kernel without a mask of its own name runs without any, and later words are read."""
    model = make(kind, tmp_path)
    ids = (40, 41, 42)
    context = attribution_of(model, picture(48, 40), ids, (0, 1, 2))
    with guarded(model), torch.no_grad():
        passed = capture(context)
        with streaming(passed.text):
            found = passed.logprobs(passed.embeddings)[0]
    assert np.allclose(found.numpy(), model.teacher_force(context.prompt, ids).logprobs, atol=1e-4)
    ours = [name for name in AttentionInterface()._global_mapping if name.startswith("workbench")]
    assert IMPLEMENTATION in ours and set(ours) <= set(AttentionMaskInterface()._global_mapping)


GRADIENT = [name for name, method in METHODS.items() if "gradients" in method.needs]


@pytest.mark.parametrize("mark", ["can_backpropagate", "is_quantized", "int8"])
def test_a_quantised_model_refuses_every_gradient_method_before_any_pass(tiny, monkeypatch, mark):
    if mark == "can_backpropagate":
        monkeypatch.setattr(type(tiny), mark, False)
    elif mark == "is_quantized":
        monkeypatch.setattr(tiny.model, mark, True, raising=False)
    else:
        packed = torch.nn.Parameter(torch.zeros(2, dtype=torch.int8), requires_grad=False)
        monkeypatch.setitem(tiny.decoder.layers[0]._parameters, "packed", packed)
    case = case_of(tiny, picture(48, 36), (7, 11))
    monkeypatch.setattr(tiny.model, "forward", lambda **_: pytest.fail("a pass was run"))
    assert len(GRADIENT) >= 5
    for method in GRADIENT:
        found = explain(case, WORD, method)
        assert isinstance(found, Refusal), method
        assert "gradients" in found.reason and "occlusion" in found.hint


class _Int8(torch.nn.Module):
    """A linear layer that keeps 8-bit weights and one scale a row, as quantised checkpoints do."""

    def __init__(self, plain: torch.nn.Linear) -> None:
        super().__init__()
        self.scale = plain.weight.detach().abs().amax(1, keepdim=True) / 127
        self.weight = torch.nn.Parameter(
            (plain.weight / self.scale).round().to(torch.int8), requires_grad=False
        )

    @property
    def dequantised(self) -> torch.Tensor:
        return self.weight * self.scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, self.dequantised)


def test_a_quantised_model_has_the_maps_of_its_weights_written_out(tiny, monkeypatch):
    """Methods that need no gradient work there; 8-bit numbers must not be taken for the weights."""
    case, spans = case_of(tiny, picture(60, 40), (7, 11)), token_spans((0,), (1,))
    shared = [name for name, method in METHODS.items() if method.is_shared]

    def maps_of_this_moment() -> dict[str, list[HeatMap]]:
        evidence = gather_evidence(tiny, case.prompt, case.answer)
        return {name: explain_spans(case, spans, name, QUICK.get(name), evidence=evidence) for name in shared}

    for layer in tiny.decoder.layers:
        packed = _Int8(layer.self_attn.o_proj)
        plain = torch.nn.Linear(*packed.weight.shape[::-1], bias=False).requires_grad_(False)
        plain.weight.copy_(packed.dequantised)
        monkeypatch.setitem(layer.self_attn._modules, "o_proj", plain)
        layer.packed = packed
    try:
        expected = maps_of_this_moment()
        for layer in tiny.decoder.layers:
            monkeypatch.setitem(layer.self_attn._modules, "o_proj", layer.packed)
        for name, maps in maps_of_this_moment().items():
            for heat, want in zip(maps, expected[name], strict=True):
                assert isinstance(heat, HeatMap)
                assert np.allclose(heat.values, want.values, atol=1e-5), name
                assert heat.image_share == pytest.approx(want.image_share, abs=1e-5), name
    finally:
        for layer in tiny.decoder.layers:
            del layer.packed


@pytest.mark.parametrize("method", METHODS)
def test_every_method_says_in_a_sentence_what_it_means_and_when_it_misleads(method):
    spec = METHODS[method]
    for text in (spec.description, spec.caveat):
        assert re.fullmatch(r"[A-Z][^.!?]{20,160}\.", text), text
    assert spec.description != spec.caveat
