"""`train reinforce` and `train rare` run from the command line to saved weights that load again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.models.families import tiny_configs
from tests.tiny import save_tiny
from tests.training.sft.test_collate import save_family
from workbench.errors import UserFacing
from workbench.models.catalogue import ModelCard
from workbench.models.loading import load_model
from workbench.models.templates import Template
from workbench.settings import Settings
from workbench.training.cli import main
from workbench.training.rl.cli import asks_for_thinking, longest_rollout, share_of_phantoms
from workbench.training.sft.cli import find_model, load_trainable
from workbench.training.sft.collate import Collator
from workbench.training.sft.records import Record
from workbench.training.sft.supervised import Trainer, TuningPlan


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp("pair") / "tuned"))


@pytest.fixture
def manifest(tmp_path):
    Image.fromarray(np.full((24, 24, 3), 90, np.uint8)).save(tmp_path / "a.png")
    question = {"question": "Is this a CT?", "answer": "Yes", "answer_type": "closed",
                "question_type": "Modality", "options": ["Yes", "No"], "qid": "q"}  # fmt: skip
    line = {"id": "a", "file": "a.png", "modality": "CT", "body_part": "chest", "width": 24, "height": 24,
            "qa": [question], "regions": [], "mask": None}  # fmt: skip
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    return f"manifest:{tmp_path}"


def _differs(first: str, second: str) -> bool:
    one, two = (load_model(ref).model.state_dict() for ref in (first, second))
    return any(not one[name].equal(two[name]) for name in one)


def test_reinforce_writes_a_model(model, manifest, tmp_path, capsys):
    out = tmp_path / "out"
    argv = ["reinforce", "--model", model, "--data", manifest, "--steps", "1", "--prompts", "2"]
    assert main([*argv, "--answers", "2", "--max-new-tokens", "8", "--out", str(out), "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["steps"] == 1
    assert load_model(outcome["model"]).revision
    assert "total" in json.loads((out / "log.jsonl").read_text().splitlines()[0])


def test_reinforce_with_an_adapter_leaves_the_base_weights_alone(model, manifest, tmp_path, capsys):
    out = tmp_path / "out"
    argv = ["reinforce", "--model", model, "--data", manifest, "--steps", "1", "--prompts", "2"]
    argv += ["--answers", "2", "--max-new-tokens", "8"]
    argv += ["--lora", "r=2,targets=q_proj+v_proj", "--out", str(out), "--json"]
    assert main(argv) == 0
    outcome = json.loads(capsys.readouterr().out)
    adapter = (out / "adapter" / "adapter_config.json").read_text()
    assert json.loads(adapter)["r"] == 2 and outcome["adapter"] == str(out / "adapter")
    adapted = load_model(outcome["adapter"])
    assert adapted.adapter.startswith("adapter:") and adapted.weights.users == 1
    with pytest.raises(UserFacing, match="is an adapter"):
        main(["reinforce", "--model", outcome["adapter"], "--data", manifest, "--out", str(tmp_path / "no")])
    before, after = (load_model(ref).model.state_dict() for ref in (model, outcome["model"]))
    assert before.keys() == after.keys()
    changed = {name for name in before if not before[name].equal(after[name])}
    assert all("q_proj" in name or "v_proj" in name for name in changed)


def test_rare_learns_its_own_labels_then_supervised_ones(manifest, tmp_path, capsys):
    out = tmp_path / "out"
    argv = ["rare", "--model", "tuned", "--data", manifest, "--questions", "4", "--samples", "2"]
    argv += ["--steps", "1", "--batch", "1", "--rate", "1e-3", "--out", str(out), "--json"]
    assert main(argv) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["report"]["supervised"] == 1
    assert 1 <= outcome["report"]["kept"] <= 4
    assert _differs("tuned", outcome["model"])


def test_rare_says_when_no_label_is_sure(model, manifest, tmp_path):
    argv = ["rare", "--model", model, "--data", manifest, "--questions", "2", "--samples", "1", "--text"]
    with pytest.raises(UserFacing, match="None of 2 answers"):
        main([*argv, "--out", str(tmp_path / "out")])


def test_a_text_only_checkpoint_trains_without_pictures(tmp_path):
    origin = find_model(str(tiny_configs.save_text(tmp_path / "model", "qwen3")), Settings())
    model, processor = load_trainable(origin, None, seed=0)
    records = [Record(f"r{n}", "Is aspirin a drug?", "yes", options=("yes", "no")) for n in range(2)]
    plan = TuningPlan(2, 1e-2, warm_up=1, batch=2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    losses: list[float] = []
    trainer = Trainer(
        model, Collator(processor), records, plan, tmp_path / "out", lambda p: losses.append(p.loss)
    )
    assert trainer.run().step == 2
    assert losses[1] < losses[0]
    assert any(not before[name].equal(value) for name, value in trainer.plain.state_dict().items())


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_reinforce_runs_on_other_families(family, manifest, tmp_path, capsys):
    checkpoint = save_family(tmp_path / "model", family)
    argv = ["reinforce", "--model", str(checkpoint), "--data", manifest, "--steps", "1", "--prompts", "1"]
    argv += ["--answers", "2", "--max-new-tokens", "8", "--out", str(tmp_path / "out"), "--json"]
    assert main(argv) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["steps"] == 1 and load_model(outcome["model"]).family.name.startswith("qwen")


def test_medssr_rows_train_a_text_model_by_reinforcement(tmp_path, capsys):
    checkpoint = tiny_configs.save_text(tmp_path / "model", "qwen3")
    rows = [
        {"id": f"q{n}", "question": "Which is a drug?\nA. aspirin\nB. sand", "gold": "A"} for n in range(2)
    ]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    argv = ["reinforce", "--model", str(checkpoint), "--steps", "1", "--prompts", "1", "--answers", "2"]
    argv += ["--max-new-tokens", "4", "--out", str(tmp_path / "out"), "--json"]
    with pytest.raises(UserFacing, match="drawn questions have pictures"):
        main(argv)
    assert main([*argv, "--data", f"medssr:{tmp_path / 'train.json'}"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 1


@pytest.mark.parametrize("command", [["rare", "--text"], ["reinforce"], ["sft"]])
def test_a_text_model_is_given_no_rows_with_pictures(command, manifest, tmp_path):
    checkpoint = tiny_configs.save_text(tmp_path / "model", "qwen3")
    argv = [*command, "--model", str(checkpoint), "--data", manifest, "--out", str(tmp_path / "out")]
    with pytest.raises(UserFacing, match="text only, and 1 of 1 training rows have a picture"):
        main(argv)
    assert not (tmp_path / "out" / "labels").exists()


def test_the_longest_rollout_follows_the_card_and_the_spelling_its_prompt():
    ours, other = ModelCard("a", "a", "a", max_new_tokens=256), ModelCard("b", "b", "b", max_new_tokens=2048)
    assert (longest_rollout(ours), longest_rollout(other)) == (160, 2048)
    asked = {"trace": Template("{question}\nReason in <thinking> tags.")}
    assert asks_for_thinking(replace(other, templates=asked)) and not asks_for_thinking(ours)


def test_rows_that_are_given_are_asked_alone():
    assert [share_of_phantoms(*case) for case in ((None, 0), (None, 5), (0.5, 5), (1.0, 0))] == [1, 0, 0.5, 1]
    for given, records, words in ((0.5, 0, "no questions but drawn ones"), (1.5, 5, "can't be 1.5")):
        with pytest.raises(UserFacing, match=words):
            share_of_phantoms(given, records)
