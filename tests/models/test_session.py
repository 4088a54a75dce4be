"""Answering and teacher-forcing agree, streaming stops, batches equal single runs."""

import threading

import numpy as np
import pytest

from tests.tiny import picture
from workbench.models.answer import Decoding, Question

ASK = Question("Is there evidence of a nodule?", ("yes", "no"))
SHORT = Decoding(max_new_tokens=12)


@pytest.mark.parametrize("temperature", [0.0, 1.3])
def test_teacher_forcing_equals_the_scores_of_generation(tiny, temperature):
    prompt = tiny.prepare(ASK, picture(120, 70))
    answer = tiny.generate(prompt, Decoding(max_new_tokens=12, temperature=temperature, top_p=0.9, seed=4))
    forced = tiny.teacher_force(prompt, answer.ids)
    assert len(answer.logprobs) == len(answer.ids)
    assert np.abs(forced.logprobs - np.array(answer.logprobs)).max() < 1e-4
    assert forced.hidden.shape == (len(answer.ids), 32)


def test_entropy_is_between_zero_and_that_of_a_uniform_guess(tiny):
    prompt = tiny.prepare(ASK, picture(50, 50))
    entropy = tiny.teacher_force(prompt, (5, 6)).entropy
    assert ((entropy > 0) & (entropy <= np.log(360) + 1e-5)).all()


def test_stream_grows_token_by_token_and_ends_like_generate(tiny):
    prompt = tiny.prepare(ASK, picture(64, 64))
    steps = list(tiny.stream(prompt, SHORT))
    whole = tiny.generate(prompt, SHORT)
    assert [len(step.ids) for step in steps[:-1]] == list(range(1, len(steps)))
    assert steps[-1].ids == whole.ids
    assert steps[-1].finish == whole.finish != "running"
    assert np.allclose(steps[-1].logprobs, whole.logprobs, atol=1e-5)
    assert steps[-1].text == whole.text


def test_batch_of_unequal_prompts_equals_single_runs(tiny):
    prompts = [
        tiny.prepare(Question(text), picture(60, 40)) for text in ("Hi", "Is there evidence of a nodule?")
    ]
    together = tiny.generate_batch(prompts, SHORT)
    for prompt, answer in zip(prompts, together, strict=True):
        alone = tiny.generate(prompt, SHORT)
        assert answer.ids == alone.ids
        assert np.allclose(answer.logprobs, alone.logprobs, atol=1e-4)
    assert tiny.generate_batch([]) == []


def _workers() -> int:
    return sum(
        "_run_stream" in thread.name or thread.name.startswith("Thread-") for thread in threading.enumerate()
    )


def test_stop_flag_ends_the_stream_and_its_thread(tiny):
    stop = threading.Event()
    before = _workers()
    answers = []
    for answer in tiny.stream(tiny.prepare(ASK, picture(40, 40)), Decoding(max_new_tokens=400), stop):
        answers.append(answer)
        if len(answer.ids) == 3:
            stop.set()
    assert answers[-1].finish == "cancelled"
    assert len(answers[-1].ids) < 40
    assert _workers() == before


def test_closing_the_stream_ends_its_thread(tiny):
    before = _workers()
    stream = tiny.stream(tiny.prepare(ASK, picture(40, 40)), Decoding(max_new_tokens=400))
    next(stream)
    stream.close()
    assert _workers() == before


def test_a_failing_generation_raises_in_the_reader(tiny, monkeypatch):
    def broken(**_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(tiny.model, "generate", broken)
    with pytest.raises(RuntimeError, match="planted"):
        list(tiny.stream(tiny.prepare(ASK, picture(40, 40)), SHORT))


def test_the_same_seed_samples_the_same_answer(tiny):
    prompt = tiny.prepare(ASK, picture(40, 40))
    runs = [
        tiny.generate(prompt, Decoding(max_new_tokens=10, temperature=1.0, seed=s)).ids for s in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    "text", ["<image> </s> what?", "这张图片正常吗？", "هل هذا طبيعي؟", "{question} {0}", "a\x00b 👩‍⚕️"]
)
def test_questions_in_any_script_and_control_words_keep_one_image(tiny, text):
    prompt = tiny.prepare(Question(text), picture(40, 30))
    assert len(prompt.image_positions) == 36
    ids = prompt.inputs["input_ids"][0]
    assert int((ids == tiny.tokenizer.eos_token_id).sum()) == 0
    assert tiny.generate(prompt, Decoding(max_new_tokens=3)).ids


def test_option_probabilities_sum_to_one_and_follow_the_forced_scores(tiny):
    prompt = tiny.prepare(ASK, picture(40, 40))
    answer = tiny.generate(prompt, SHORT)
    got = tiny.option_probabilities(prompt, answer, 2, ("yes", "no"), letters=False)
    assert sum(got) == pytest.approx(1)
    scores = []
    for text in ("yes", "no"):
        ids = [*answer.ids[:2], *tiny.tokenizer(text + "</answer>", add_special_tokens=False)["input_ids"]]
        scores.append(tiny.teacher_force(prompt, ids).logprobs[2:].sum())
    assert got[0] / got[1] == pytest.approx(np.exp(scores[0] - scores[1]), rel=1e-3)


def test_what_the_model_saw_is_the_padded_picture(tiny):
    image = picture(96, 48)
    seen = tiny.seen(tiny.prepare(ASK, image))
    assert seen.shape == (48, 48, 3)
    assert (seen[:10] == 127).all()
    assert (seen[-10:] == 127).all()


def test_an_aligned_input_that_the_family_forgets_is_an_error(tiny):
    prompt = tiny.prepare(ASK, picture(40, 40))
    inputs = dict(prompt.inputs, surprise=prompt.inputs["attention_mask"])
    with pytest.raises(KeyError, match="surprise"):
        tiny.family.extend(inputs, prompt.inputs["input_ids"][0, :2])


def test_no_hook_is_set_before_the_model_is_held(tiny, monkeypatch):
    """Two columns may share weights: the other one's generation must not run into a hook of this one."""
    norm, seen = tiny.decoder.final_norm, []

    class Watched:
        def __enter__(self):
            seen.append(len(norm._forward_pre_hooks))

        def __exit__(self, *_):
            seen.append(len(norm._forward_pre_hooks))

    monkeypatch.setattr(tiny, "lock", Watched())
    tiny.teacher_force(tiny.prepare(ASK, picture(40, 40)), (20, 21))
    assert seen == [0, 0]
