"""The stage with a model that answers from a fixed distribution, and once with a real tiny one."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from tests.tiny import load_tiny, save_tiny
from workbench.errors import UserFacing
from workbench.models.answer import Answer
from workbench.traces.voting import majority_vote
from workbench.training.rare.labels import read_labels
from workbench.training.rare.stage import VotingPlan, asked_of, best_trace, label_questions, run_stage
from workbench.training.rare.synthesis import synthesise
from workbench.training.sft.records import Record

PLAN = VotingPlan(samples=8, threshold=0.6, questions=5)


def key_of(question, image):
    return "|".join((question.text, *question.options, image.sha256 if image else ""))


class Fake:
    """Right with `accuracy`, else a random other option; one sample in twenty says nothing readable."""

    name, revision = "fake", "1"

    def __init__(self, golds: dict[str, str], accuracy: float = 0.6, fail_after: int = 10**9) -> None:
        self.golds, self.accuracy, self.left, self.asked = golds, accuracy, fail_after, []

    def prepare(self, question, image):
        return SimpleNamespace(question=question, key=key_of(question, image))

    def generate_batch(self, prompts, decoding=None):
        if self.left <= 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked += sorted({prompt.key for prompt in prompts})
        rng = np.random.default_rng(decoding.seed)
        return [self._answer(rng, prompt) for prompt in prompts]

    def _answer(self, rng, prompt):
        if rng.random() < 0.05:
            return Answer((1,), "<think>It shows", logprobs=(-1.0,), finish="length")
        gold = self.golds[prompt.key]
        wrong = [option for option in prompt.question.options if option != gold]
        said = gold if rng.random() < self.accuracy else str(rng.choice(wrong))
        text = f"<think>The image shows it.</think><answer>{said}</answer>"
        return Answer((1, 2), text, logprobs=(-rng.random(), -0.1), finish="stop")


def questions(count=60, **kwargs):
    return list(synthesise(count, 0.5, seed=3, **kwargs))


def fake(made, **kwargs):
    return Fake({key_of(i.question, i.image): i.record.answer for i in made}, **kwargs)


def test_kept_labels_are_more_often_right_than_single_samples(tmp_path):
    made, seen = questions(120), []
    human = [Record("h1", "q", "a")]
    report = run_stage(fake(made), made, human, seen.append, tmp_path, PLAN)
    quality = report.quality["all"]
    assert 0.5 < quality.raw_accuracy < 0.65
    assert quality.label_precision > quality.raw_accuracy + 0.2
    assert quality.questions == 120 and report.quality["rare"].questions == 60
    assert 0 < report.kept < 120 and report.kept == quality.kept
    assert seen[1] is human and len(seen[0]) == report.kept  # first its own labels, then people's
    assert json.loads((tmp_path / "report.json").read_text())["quality"]["all"]["kept"] == report.kept


def test_a_majority_that_is_right_in_four_of_five_gives_nearly_pure_labels(tmp_path):
    made = questions(80)
    report = run_stage(fake(made, accuracy=0.8), made, [], lambda records: None, tmp_path, PLAN)
    assert report.quality["all"].label_precision > 0.95 > report.quality["all"].raw_accuracy


def test_records_carry_the_vote_and_nothing_of_the_gold(tmp_path):
    made, seen = questions(30, images=True, size=48), []
    run_stage(fake(made, accuracy=0.0), made, [], seen.append, tmp_path, VotingPlan(samples=5, threshold=0.3))
    gold = {item.record.record_id: item.record for item in made}
    assert seen[0]
    for record in seen[0]:
        origin = gold[record.record_id]
        assert record.answer != origin.answer  # this model is always wrong, and so are its labels
        assert record.boxes == () and record.rare == origin.rare
        assert f"<answer>{record.answer}</answer>" in record.reasoning
        assert record.image.read_bytes() == origin.image


def test_a_run_that_was_killed_goes_on_without_asking_again(tmp_path):
    made = questions(30)
    broken = fake(made, fail_after=3)
    with pytest.raises(KeyboardInterrupt):
        label_questions(broken, made, tmp_path / "a", PLAN)
    path = tmp_path / "a" / "labels-000.jsonl"
    assert len(path.read_text().splitlines()) == 15
    path.write_bytes(path.read_bytes() + b'{"record_id": "half')  # killed in the middle of a line
    second = fake(made)
    label_questions(second, made, tmp_path / "a", PLAN)
    assert not set(broken.asked) & set(second.asked[len(broken.asked) :])
    whole = fake(made)
    label_questions(whole, made, tmp_path / "b", PLAN)
    assert path.read_bytes() == (tmp_path / "b" / "labels-000.jsonl").read_bytes()
    third = fake(made, fail_after=0)
    assert label_questions(third, made, tmp_path / "a", PLAN) == [item.record.record_id for item in made]
    assert third.asked == []


def test_threshold_one_keeps_only_the_unanimous_and_needs_no_new_votes(tmp_path):
    made, seen = questions(60), []
    run_stage(fake(made, accuracy=0.9), made, [], seen.append, tmp_path, PLAN)
    strict = VotingPlan(samples=8, threshold=1.0, questions=5)
    silent = fake(made, fail_after=0)
    report = run_stage(silent, made, [], seen.append, tmp_path, strict)
    labels = read_labels(tmp_path, asked_of(silent, strict)).values()
    unanimous = {row.record_id for row in labels if row.vote.histogram[0][1] == 8}
    assert {record.record_id for record in seen[1]} == unanimous
    assert 0 < report.kept < len(seen[0])


def test_two_processes_share_the_questions(tmp_path):
    made = questions(21)
    models = [fake(made), fake(made)]
    for rank, model in enumerate(models):
        label_questions(model, made, tmp_path, PLAN, rank=rank, world=2)
    assert len(read_labels(tmp_path, asked_of(models[0], PLAN))) == 21
    assert [len(path.read_text().splitlines()) for path in sorted(tmp_path.glob("*.jsonl"))] == [11, 10]


def test_votes_of_other_settings_or_broken_lines_are_refused(tmp_path):
    made = questions(6)
    label_questions(fake(made), made, tmp_path, PLAN)
    with pytest.raises(UserFacing, match="temperature"):
        label_questions(fake(made), made, tmp_path, VotingPlan(samples=8, questions=5, temperature=1.1))
    path = tmp_path / "labels-000.jsonl"
    path.write_text('{"record_id": 1}\n' + path.read_text())
    with pytest.raises(UserFacing, match="Line 1"):
        label_questions(fake(made), made, tmp_path, PLAN)


def test_no_sure_label_is_said_and_nothing_is_trained(tmp_path):
    made, seen = questions(6), []
    with pytest.raises(UserFacing, match="threshold"):
        run_stage(
            fake(made, accuracy=0.2), made, [], seen.append, tmp_path, VotingPlan(samples=30, threshold=1)
        )
    assert seen == []


@pytest.mark.parametrize("change", [{"samples": 0}, {"temperature": 0}, {"threshold": 1.2}, {"questions": 0}])
def test_plans_that_make_no_sense_are_refused(tmp_path, change):
    with pytest.raises(UserFacing):
        label_questions(fake([]), [], tmp_path, VotingPlan(**change))


def test_the_likeliest_full_trace_of_a_winner_is_taken():
    def answer(text, logprob, tokens=2):
        return Answer(tuple(range(tokens)), text, logprobs=(logprob,) * tokens, finish="stop")

    right, wrong = (f"<think>The image shows {w}.</think><answer>{w}</answer>" for w in ("mass", "none"))
    answers = [
        answer(right, -0.5),
        answer(f"{right} ", -0.2, tokens=9),  # the mean counts: the sum is the lowest of all
        answer(wrong, -0.01),
        answer("mass", -0.001),  # no trace
    ]
    vote = majority_vote(["mass", "mass", "none", "mass"])
    assert best_trace(answers, vote, ("mass", "none")) == right
    assert best_trace(answers[3:], majority_vote(["mass"]), ("mass", "none")) == ""
    assert best_trace(answers, majority_vote(["mass", "none", None, None]), ()) == ""


@pytest.mark.parametrize(
    ("images", "samples", "at_once"),
    [(True, 3, 2), (False, 1, 1), (False, 3, 2)],
)
def test_a_real_model_is_asked_with_and_without_pictures(tmp_path, images, samples, at_once):
    model = load_tiny(save_tiny(tmp_path / "model"))
    made = list(synthesise(3, 0.5, seed=1, images=images, size=48))
    plan = VotingPlan(samples=samples, questions=at_once, max_new_tokens=4)
    label_questions(model, made, tmp_path / "votes", plan)
    labels = read_labels(tmp_path / "votes", asked_of(model, plan))
    assert list(labels) == [item.record.record_id for item in made]
    assert all(row.vote.samples == samples and bool(row.image) == images for row in labels.values())
