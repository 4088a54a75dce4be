"""Reinforcement on a tiny random model: it learns what is rewarded, resumes exactly and cleans up."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.tiny import load_tiny, picture, planted_model, save_tiny
from tests.waiting import HANG_SECONDS
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.session import LoadedModel
from workbench.phantoms import draw_phantom
from workbench.phantoms.sample import TAGS
from workbench.phantoms.seeds import HELD_OUT_SEED
from workbench.training.rl.policy import (
    Learner,
    Rollout,
    answer_logprobs,
    picture_ids,
    trainable,
    whole_distribution,
)
from workbench.training.rl.reinforce import (
    Problem,
    Progress,
    ReinforcePlan,
    problems_from_phantoms,
    reinforce,
)
from workbench.training.rl.reward import CompositeScore, Rules
from workbench.training.sft.records import Record

PLAN = ReinforcePlan(
    steps=4, peak_rate=2e-3, prompts=2, answers=8, sampled=8, micro=5, max_new_tokens=3, save_every=2
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def loaded(folder: Path) -> LoadedModel:
    return load_tiny(folder)


class Counting:
    """Problems with two prompts of unequal length; notes the number of each problem that was taken."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def __call__(self, first: int, stride: int) -> Iterator[Problem]:
        number = first
        while True:
            self.taken.append(number)
            question = Question(
                "Is there a nodule?" if number % 2 else "Where is the bright spot in the image?"
            )
            record = Record(str(number), question.text, "yes")
            yield Problem(picture(48, 40, seed=number % 2), question, record)
            number += stride


def likely_token(loaded: LoadedModel) -> tuple[Prompt, int]:
    """A prompt and its most likely first token."""
    problem = next(Counting()(0, 1))
    prompt = loaded.prepare(problem.question, problem.image)
    with torch.no_grad():
        logits = loaded.model(**prompt.inputs).logits[0, -1]
    return prompt, int(logits.argmax())


def sharpen(loaded: LoadedModel) -> None:
    """Larger logits, so that some tokens are far more likely than others."""
    with torch.no_grad():
        loaded.decoder.final_norm.weight.mul_(7)


def counts(token: int, sign: int = 1) -> Callable[[Prompt, Record, Answer], dict[str, float]]:
    """Reward of the share of `token` among the answer's tokens, or of its absence."""

    def score(prompt: Prompt, record: Record, answer: Answer) -> dict[str, float]:
        share = answer.ids.count(token) / len(answer.ids)
        return {"total": share if sign > 0 else 1 - share}

    return score


def by_parity(prompt: Prompt, record: Record, answer: Answer) -> dict[str, float]:
    """A reward that almost every group differs in."""
    return {"total": sum(token % 2 for token in answer.ids) / len(answer.ids), "even": 0.25}


def weights(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in loaded.model.named_parameters()}


def furthest(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return max(float((a[name] - b[name]).abs().max()) for name in a)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_rewarded_becomes_more_likely_and_what_is_not_less(
    loaded: LoadedModel, tmp_path: Path, sign: int
) -> None:
    sharpen(loaded)
    prompt, token = likely_token(loaded)
    before = float(loaded.teacher_force(prompt, [token]).logprobs[0])
    assert -2 < before < -1  # rare enough to gain, common enough to be met
    seen: list[Progress] = []
    plan = replace(PLAN, steps=6, answers=24, sampled=48, micro=48, max_new_tokens=1)
    reinforce(loaded, Counting(), counts(token, sign), plan, tmp_path, report=seen.append)
    after = float(loaded.teacher_force(prompt, [token]).logprobs[0])
    assert sign * (after - before) > 0.3
    assert [progress.step for progress in seen] == list(range(1, 7))
    assert seen[0].length == 1 and seen[0].filtered <= 0.5


def test_an_interrupted_run_ends_with_the_weights_of_an_unbroken_one(folder: Path, tmp_path: Path) -> None:
    whole, broken, resumed = (load_tiny(folder) for _ in range(3))
    start, all_problems, first, second = weights(whole), Counting(), Counting(), Counting()
    assert reinforce(whole, all_problems, by_parity, PLAN, tmp_path / "a").taken == 8

    def fails_in_the_last_step(prompt: Prompt, record: Record, answer: Answer) -> dict[str, float]:
        if record.record_id == "6":
            raise RuntimeError("killed")
        return by_parity(prompt, record, answer)

    with pytest.raises(RuntimeError, match="killed"):
        reinforce(broken, first, fails_in_the_last_step, PLAN, tmp_path / "b")
    place = reinforce(resumed, second, by_parity, PLAN, tmp_path / "b")
    assert (place.step, place.taken) == (4, 8)
    assert all_problems.taken == [*range(8)] and second.taken == [4, 5, 6, 7]
    assert furthest(weights(whole), start) > 1e-3
    assert furthest(weights(whole), weights(resumed)) == 0
    assert furthest(weights(whole), weights(broken)) > 1e-4


def test_a_folder_of_another_run_is_refused(loaded: LoadedModel, tmp_path: Path) -> None:
    reinforce(loaded, Counting(), by_parity, replace(PLAN, steps=1), tmp_path)
    with pytest.raises(UserFacing, match="another seed"):
        reinforce(loaded, Counting(), by_parity, replace(PLAN, seed=1), tmp_path)


def test_flags_modes_and_decoding_are_restored_after_a_failure(loaded: LoadedModel, tmp_path: Path) -> None:
    model = loaded.model
    model.lm_head.train()
    model.model.multi_modal_projector.linear_1.weight.requires_grad_(True)
    flags = [p.requires_grad for p in model.parameters()]
    modes = [module.training for module in model.modules()]
    decoding = model.generation_config

    def fails(prompt: Prompt, record: Record, answer: Answer) -> dict[str, float]:
        assert all(p.requires_grad for p in model.parameters()) and not model.lm_head.training
        assert model.generation_config.top_k == 0
        raise RuntimeError("no reward")

    with pytest.raises(RuntimeError, match="no reward"):
        reinforce(loaded, Counting(), fails, PLAN, tmp_path)
    assert [p.requires_grad for p in model.parameters()] == flags and any(flags) and not all(flags)
    assert [module.training for module in model.modules()] == modes and any(modes) and not all(modes)
    assert model.generation_config is decoding
    assert all(p.grad is None for p in model.parameters())


def test_only_chosen_parameters_are_trained(loaded: LoadedModel, tmp_path: Path) -> None:
    before = weights(loaded)
    reinforce(loaded, Counting(), by_parity, PLAN, tmp_path, trained=lambda name: "projector" in name)
    changed = {name for name, value in weights(loaded).items() if not torch.equal(value, before[name])}
    assert changed and all("projector" in name for name in changed)
    with pytest.raises(UserFacing, match="No parameter"):
        reinforce(loaded, Counting(), by_parity, PLAN, tmp_path / "none", trained=lambda name: False)


def test_half_precision_is_refused(loaded: LoadedModel) -> None:
    loaded.model.to(torch.bfloat16)
    with pytest.raises(UserFacing, match="half precision"), trainable(loaded.model, lambda name: True):
        pass
    assert not any(p.requires_grad for p in loaded.model.parameters())


@pytest.mark.parametrize("constant", [0.0, 0.5, 1.0])
def test_groups_without_a_difference_teach_nothing(
    loaded: LoadedModel, tmp_path: Path, constant: float
) -> None:
    before, seen = weights(loaded), []
    plan = replace(PLAN, steps=2)
    reinforce(loaded, Counting(), lambda *_: {"total": constant}, plan, tmp_path, report=seen.append)
    assert furthest(before, weights(loaded)) == 0
    assert [progress.filtered for progress in seen] == ([0.0, 0.0] if constant == 0.5 else [1.0, 1.0])
    assert seen[0].rewards == {"total": constant} and seen[0].loss == 0


def learner(loaded: LoadedModel, rate: float, **settings: Any) -> Learner:
    """A learner by plain gradient steps on all weights, which must be trainable."""
    optimiser = torch.optim.SGD(loaded.model.parameters(), lr=rate)
    usual = {"clip": (0.2, 0.28), "kl": 0.0, "reference": None, "gradient_norm": 1e9}
    return Learner(loaded, optimiser, **(usual | settings))


def test_the_size_of_micro_batches_changes_nothing(folder: Path) -> None:
    ends = []
    for micro in (1, 2, 4):
        loaded = load_tiny(folder)
        problems = Counting()(0, 1)
        prompts = [loaded.prepare(p.question, p.image) for p in (next(problems), next(problems))]
        rows = [
            Rollout(prompts[n % 2], (29, 48, 162, 50)[: n + 1], gain) for n, gain in enumerate((1, -1, 2, -1))
        ]
        with trainable(loaded.model, lambda name: True):
            learner(loaded, 1e-2).learn(rows, 10.0, micro, 1)
        ends.append(weights(loaded))
    assert furthest(ends[0], ends[1]) < 1e-6 and furthest(ends[0], ends[2]) < 1e-6
    assert furthest(ends[0], weights(load_tiny(folder))) > 1e-4


def test_a_kl_term_draws_the_policy_towards_its_reference(loaded: LoadedModel, folder: Path) -> None:
    other = load_tiny(folder)
    sharpen(other)
    prompt, _ = likely_token(loaded)
    rows = [Rollout(prompt, (29, 48, 162), 0.0)]
    with trainable(loaded.model, lambda name: True):
        start = weights(loaded)
        learner(loaded, 0.1).learn(rows, 3.0, 1, 1)
        assert furthest(start, weights(loaded)) == 0
        tied = learner(loaded, 1e-3, kl=0.5, reference=other.model)
        losses = [tied.learn(rows, 3.0, 1, 1) for _ in range(8)]
    assert 0 < losses[-1] < 0.5 * losses[0]
    assert losses == sorted(losses, reverse=True)


def test_later_passes_are_clipped_against_the_weights_that_sampled(folder: Path) -> None:
    moved = {}
    for name, clip, passes in (
        ("once", (0.0, 0.0), 1),
        ("clipped", (0.0, 0.0), 2),
        ("twice", (0.2, 0.28), 2),
    ):
        loaded = load_tiny(folder)
        prompt, token = likely_token(loaded)
        with trainable(loaded.model, lambda name: True):
            learner(loaded, 1e-3, clip=clip).learn([Rollout(prompt, (token,), 1.0)], 1.0, 1, passes)
        moved[name] = weights(loaded)
    assert furthest(moved["once"], moved["clipped"]) == 0
    assert furthest(moved["once"], moved["twice"]) > 1e-5


def test_the_clock_ends_a_run_after_the_step_in_hand(loaded: LoadedModel, tmp_path: Path) -> None:
    place = reinforce(loaded, Counting(), by_parity, replace(PLAN, max_minutes=1e-9), tmp_path)
    assert place.step == 1 and (tmp_path / "checkpoints" / "step-00000001").is_dir()


def test_problems_that_run_out_are_told(loaded: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="ran out"):
        reinforce(loaded, lambda first, stride: iter(()), by_parity, PLAN, tmp_path)


def test_batched_log_probs_are_those_of_single_answers(loaded: LoadedModel) -> None:
    problems = Counting()(0, 1)
    prompts = [loaded.prepare(p.question, p.image) for p in (next(problems), next(problems))]
    rows = [Rollout(prompts[0], (50, 60, 70, 80), 1.0), Rollout(prompts[1], (90, 40), -1.0)]
    with torch.no_grad():
        together, mask = answer_logprobs(loaded, loaded.model, rows)
    assert mask.tolist() == [[True] * 4, [False, False, True, True]]
    assert together[1, :2].tolist() == [0.0, 0.0]
    for row, logp, here in zip(rows, together, mask, strict=True):
        # The single pass also counts the picture's placeholder, whose share is small but not zero.
        alone = loaded.teacher_force(row.prompt, row.ids).logprobs
        np.testing.assert_allclose(logp[here].numpy(), alone, atol=2e-2)
        with torch.no_grad():
            own, _ = answer_logprobs(loaded, loaded.model, [row])
        np.testing.assert_allclose(logp[here].numpy(), own[0].numpy(), atol=1e-4)


def test_probabilities_without_the_placeholder_add_up_to_one(loaded: LoadedModel) -> None:
    problem = next(Counting()(0, 1))
    prompt = loaded.prepare(problem.question, problem.image)
    image = picture_ids(loaded.model.config)
    assert image == [loaded.tokenizer.convert_tokens_to_ids("<image>")]
    every = [token for token in range(len(loaded.tokenizer)) if token not in image]
    with torch.no_grad():
        logp, _ = answer_logprobs(loaded, loaded.model, [Rollout(prompt, (token,), 0.0) for token in every])
    assert float(logp.exp().sum()) == pytest.approx(1.0, abs=1e-4)


def test_sampling_reaches_beyond_the_fifty_likeliest_tokens(loaded: LoadedModel) -> None:
    problem = next(Counting()(0, 1))
    prompts = [loaded.prepare(problem.question, problem.image)] * 256
    decoding = Decoding(1, temperature=1.0)
    with whole_distribution(loaded.model):
        whole = {answer.ids[0] for answer in loaded.generate_batch(prompts, decoding)}
    usual = {answer.ids[0] for answer in loaded.generate_batch(prompts, decoding)}
    assert len(usual) > 100 and len(whole) > 100  # transformers' own default would stop at 50
    assert not whole & set(picture_ids(loaded.model.config))


def test_a_progress_line_names_components_filter_length_and_time() -> None:
    line = Progress(3, 200, {"total": 0.612, "llm": 0.5, "format": 0.95}, 0.25, 47.6, -0.01, 9.1).line()
    assert line == (
        "step 3 of 200: total 0.612 (format 0.95, llm 0.50), 25 % of groups left out, 48 tokens, 9 s"
    )


def test_phantom_problems_follow_from_seed_and_number() -> None:
    def some(**place: int) -> list[Problem]:
        stream = problems_from_phantoms(3, ("chest", "smear", "skin"), **place)
        return [next(stream) for _ in range(12 // place.get("stride", 1))]

    every = some()
    halves = [some(first=first, stride=2) for first in range(2)]
    merged = [halves[number % 2][number // 2] for number in range(12)]
    assert [p.record for p in merged] == [p.record for p in every]
    assert len({p.record.record_id for p in every}) == 12
    other = next(problems_from_phantoms(4, ("chest", "smear", "skin")))
    assert other.record.record_id != every[0].record.record_id


def test_phantom_problems_carry_tag_boxes_and_answers_that_can_be_rewarded() -> None:
    stream = problems_from_phantoms(0, ("chest", "smear"))
    problems = [next(stream) for _ in range(24)]
    boxed = 0
    for problem in problems:
        image, question, record = problem
        kind, seed = record.record_id.rsplit("-", 1)
        assert int(seed) < HELD_OUT_SEED
        assert record.tag == TAGS[{"chest": "X-ray", "smear": "blood smear"}[kind]]
        assert len(record.answer) > 1 and record.image[:4] == b"\x89PNG"
        assert question.mode == "trace" and question.options == record.options
        assert not question.options or record.answer in question.options
        drawn = draw_phantom(int(seed), kind, image.width)
        assert np.array_equal(drawn.pixels, image.pixels)
        assert set(record.boxes) <= {region.box for region in drawn.lesions}
        boxed += bool(record.boxes)
    assert 5 < boxed < 24


def planted(tmp_path: Path) -> tuple[LoadedModel, Prompt]:
    """A model made by hand that looks at bright patches, and a dark picture with one at its top left."""
    loaded = planted_model(tmp_path / "planted")
    pixels = np.zeros((48, 48, 3), np.uint8)
    pixels[:8, :8] = 255
    return loaded, loaded.prepare(Question("What is it?"), MedicalImage(pixels, "spot", "array"))


def test_the_score_rewards_looking_at_the_finding(tmp_path: Path) -> None:
    loaded, prompt = planted(tmp_path)
    text = "<X_RAY><think>The image shows a bright spot.</think><answer>spot</answer>"
    coded = loaded.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    answer = Answer(tuple(coded["input_ids"]), text, tuple(map(tuple, coded["offset_mapping"])))
    record = Record("r", "What is it?", "spot", tag="<X_RAY>", boxes=((0.0, 0.0, 8.0, 8.0),))
    score = CompositeScore(loaded, Rules(strict=False), weight=0.5)
    there = score(prompt, record, answer)
    assert there["grounding"] > 0.5
    assert there["total"] == pytest.approx(0.5 + 0.5 * there["grounding"])
    elsewhere = score(prompt, replace(record, boxes=((24.0, 24.0, 48.0, 48.0),)), answer)
    assert elsewhere["grounding"] == 0 and elsewhere["total"] == pytest.approx(0.5)
    unknown = score(prompt, replace(record, boxes=()), answer)
    assert unknown["grounding"] == 0 and unknown["total"] == pytest.approx(1.0)
    silent = Answer(answer.ids[-3:], "spot", ((0, 1), (1, 2), (2, 4)))
    assert score(prompt, record, silent)["grounding"] == 0
    assert "grounding" not in CompositeScore(loaded)(prompt, record, answer)


ENTRY = """
import sys
from pathlib import Path
from dataclasses import replace
from tests.tiny import load_tiny
from tests.training.rl.test_reinforce import PLAN, Counting, by_parity
from workbench.training.rl.reinforce import reinforce
from safetensors.torch import save_file
model, out, rank = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
loaded, problems = load_tiny(model), Counting()
reinforce(loaded, problems, by_parity, replace(PLAN, steps=2), out / "run")
save_file({n: p.detach() for n, p in loaded.model.named_parameters()}, out / f"{rank}.safetensors")
(out / f"{rank}.txt").write_text(str(problems.taken))
"""


@pytest.mark.slow
def test_two_processes_take_their_own_problems_and_stay_alike(
    folder: Path, tmp_path: Path, repo_root: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = []
    for rank in range(2):
        places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
        places |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
        environ = os.environ | {key: str(value) for key, value in places.items()}
        environ |= {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(repo_root)}
        command = [sys.executable, "-c", ENTRY, str(folder), str(tmp_path), str(rank)]
        processes.append(
            subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True, cwd=repo_root)
        )
    for process in processes:
        _, errors = process.communicate(timeout=HANG_SECONDS)
        assert process.returncode == 0, errors[-2000:]
    one, two = (load_file(tmp_path / f"{rank}.safetensors") for rank in range(2))
    assert furthest(one, two) == 0
    assert furthest(one, weights(load_tiny(folder))) > 1e-3
    assert (tmp_path / "0.txt").read_text() == "[0, 2, 4, 6]"
    assert (tmp_path / "1.txt").read_text() == "[1, 3, 5, 7]"
