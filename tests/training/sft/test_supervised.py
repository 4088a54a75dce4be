"""Fine-tuning: the same update on one process or two, whole after a kill, and LoRA leaves the base alone."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.tiny import save_tiny
from tests.training.sft.test_collate import FAMILIES, processor_of, rows, save_family, save_picture
from tests.waiting import HANG_SECONDS
from workbench.errors import UserFacing
from workbench.models.templates import DEFAULT_TEMPLATES
from workbench.training.sft import cli as sft_cli
from workbench.training.sft.cli import LoraSpec, find_model, load_trainable, parse_lora, parse_source
from workbench.training.sft.collate import IGNORE, Collator
from workbench.training.sft.records import Record
from workbench.training.sft.supervised import (
    Checkpoints,
    Progress,
    Trainer,
    TuningPlan,
    order,
    shares,
    summed_loss,
)

ENTRY = "import sys; from workbench.training.sft.cli import main; sys.exit(main(sys.argv[1:]))"
# The power goes out while the second checkpoint is written.
KILLED = (
    """
import os, signal
from workbench.training.sft import supervised
save, saved = supervised.save_file, []
def save_file(*given):
    saved.append(save(*given))
    if len(saved) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
supervised.save_file = save_file
"""
    + ENTRY
)


def write_data(folder: Path) -> Path:
    """A SLAKE-like set of nine questions on three pictures, answers of one to many tokens."""
    folder.mkdir(parents=True)
    for name, width, height in (("a", 60, 40), ("b", 30, 80), ("c", 60, 40)):
        save_picture(folder / f"{name}.png", width, height, 20 * len(name) + width)
    answers = ("yes", "no", "a small round spot in the left upper zone", "the lung", "yes", "it is not seen")
    lines = [
        {
            "img_name": f"{'abc'[n % 3]}.png",
            "question": f"Is there a nodule {n}?",
            "answer": answers[n % 6],
            "modality": "CT",
            "qid": n,
        }
        for n in range(9)
    ]
    (folder / "train.json").write_text(json.dumps(lines))
    return folder


def write_texts(path: Path) -> Path:
    """Three questions without an image in the layout of medix-rl-data."""
    lines = [
        {"id": f"t{n}", "image": [], "problem": f"Is {n} even?", "solution": f"<OTHER> {'yes ' * (n + 1)}"}
        for n in range(3)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def command(model: Path, data: Path, out: Path, *texts: Path, **more: object) -> list[str]:
    arguments = ["--model", str(model), "--data", f"slake:{data}", "--out", str(out), "--json"]
    arguments += [word for path in texts for word in ("--data", f"medix:{path}")]
    for name, value in more.items():
        arguments += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return arguments


def start(
    arguments: list[str], rank: int = 0, world: int = 1, port: int = 0, entry: str = ENTRY
) -> subprocess.Popen[str]:
    """One training process, with the environment that torchrun would give it."""
    environ = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    if world > 1:
        places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
        places |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environ |= {key: str(value) for key, value in places.items()}
    return subprocess.Popen(
        [sys.executable, "-c", entry, *arguments],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        _, errors = process.communicate(timeout=HANG_SECONDS)
        assert process.returncode == 0, errors[-2000:]


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_here(model: Path, records: list[Record], plan: TuningPlan, out: Path, lora: str = "") -> Trainer:
    origin = find_model(str(model), sft_cli.Settings())
    net, processor = load_trainable(origin, parse_lora(lora) if lora else None, plan.seed)
    trainer = Trainer(net, Collator(processor), records, plan, out)
    trainer.run()
    return trainer


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_take_the_steps_of_one(family: str, tmp_path: Path) -> None:
    model, data = save_family(tmp_path / "model", family), write_data(tmp_path / "data")
    texts = write_texts(tmp_path / "texts.jsonl")
    # With this seed the first step ends in a round without images after one with images.
    assert order(12, 2, 0)[:4].tolist() == [2, 0, 9, 10]
    common = {"steps": 3, "rate": 1e-4, "warm_up": 1, "seed": 2}
    alone, both, port = tmp_path / "alone", tmp_path / "both", free_port()
    assert sft_cli.main(command(model, data, alone, texts, batch=4, **common)) == 0
    arguments = command(model, data, both, texts, batch=1, accumulate=2, **common)
    finish([start(arguments, rank, 2, port) for rank in range(2)])
    assert len(losses(alone)) == 3
    assert losses(both) == pytest.approx(losses(alone), abs=1e-5)
    before, one, two = weights(model), weights(alone / "model"), weights(both / "model")
    assert largest_difference(before, one) > 1e-4
    assert largest_difference(one, two) < 1e-5


@pytest.mark.slow
def test_a_killed_run_goes_on_where_its_last_checkpoint_stood(tmp_path: Path) -> None:
    model, data = save_family(tmp_path / "model", "llava"), write_data(tmp_path / "data")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    common = {"steps": 20, "rate": 1e-3, "batch": 2, "save_every": 5, "lora": "r=4"}
    assert sft_cli.main(command(model, data, whole, **common)) == 0
    process = start(command(model, data, broken, **common), entry=KILLED)
    assert process.wait(HANG_SECONDS) == -signal.SIGKILL, process.stderr.read()
    process.communicate()
    reached = len(losses(broken))
    kept = int(Checkpoints(broken / "checkpoints").latest().name.split("-")[1])
    assert kept == 5 and 5 <= reached <= 10  # of the second checkpoint there is nothing
    assert sft_cli.main(command(model, data, broken, **common)) == 0
    assert losses(broken)[reached:] == pytest.approx(losses(whole)[kept:], abs=1e-6)
    one, two = (load_file(out / "adapter" / "adapter_model.safetensors") for out in (whole, broken))
    assert largest_difference(one, two) < 1e-6
    assert max(float(value.abs().max()) for name, value in one.items() if "lora_B" in name) > 1e-4


def test_splitting_a_batch_into_accumulated_ones_changes_nothing(tmp_path: Path) -> None:
    model, records = save_tiny(tmp_path / "model"), rows(tmp_path)
    common = {"steps": 2, "peak_rate": 1e-4, "warm_up": 1}
    one = run_here(model, records, TuningPlan(batch=3, **common), tmp_path / "one").plain.state_dict()
    more = run_here(model, records, TuningPlan(accumulate=3, **common), tmp_path / "more").plain.state_dict()
    assert largest_difference(one, more) < 1e-6
    assert largest_difference(one, load_trained_start(model)) > 5e-5


def load_trained_start(model: Path) -> dict[str, torch.Tensor]:
    net, _ = load_trainable(find_model(str(model), sft_cli.Settings()), None, 0)
    return net.state_dict()


def test_the_loss_is_the_mean_over_target_tokens(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "model")
    net, processor = load_trainable(find_model(str(model), sft_cli.Settings()), None, 0)
    batch = Collator(processor)(rows(tmp_path))
    with torch.no_grad():
        theirs = net(**batch).loss
        count = (batch["labels"] != IGNORE).sum()
        for slices in (True, False):
            torch.testing.assert_close(summed_loss(net, batch, slices) / count, theirs, rtol=0, atol=1e-5)


def test_training_lowers_the_loss_of_its_records(tmp_path: Path) -> None:
    reports: list[Progress] = []
    net, processor = load_trainable(
        find_model(str(save_tiny(tmp_path / "model")), sft_cli.Settings()), None, 0
    )
    plan = TuningPlan(steps=60, peak_rate=5e-3, warm_up=2, batch=3)
    Trainer(net, Collator(processor), rows(tmp_path), plan, tmp_path / "out", reports.append).run()
    assert reports[-1].loss < 0.5 * reports[0].loss
    assert [report.step for report in reports] == list(range(1, 61))
    assert reports[-1].seconds_left == 0.0 and reports[0].tokens_per_second > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_lora_trains_the_adapter_and_leaves_the_base_alone(family: str, tmp_path: Path) -> None:
    model = save_family(tmp_path / "model", family)
    plan = TuningPlan(steps=2, peak_rate=1e-2, warm_up=1, batch=3, recompute=family != "llava")
    trainer = run_here(model, rows(tmp_path), plan, tmp_path / "out", "r=2,dropout=0")
    net = trainer.plain
    names = {name for name, p in net.named_parameters() if p.requires_grad}
    assert names and all("lora_" in name for name in names)
    assert any(float(p.detach().abs().max()) > 0 for name, p in net.named_parameters() if "lora_B" in name)
    written = sft_cli.save_result(
        net, processor_of(model), tmp_path / "saved", torch.float32, DEFAULT_TEMPLATES, merge=False
    )
    assert set(written) == {"adapter"}
    base = net.unload().state_dict()
    untouched = load_trained_start(model)
    assert base.keys() == untouched.keys()
    assert all(torch.equal(base[name], untouched[name]) for name in base)


def test_the_command_saves_an_adapter_and_a_merged_model_that_answer_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    model, data, out = save_tiny(tmp_path / "model"), write_data(tmp_path / "data"), tmp_path / "out"
    arguments = command(model, data, out, steps=3, batch=2, rate=1e-2, lora="r=2", merge=True)
    assert sft_cli.main(arguments) == 0
    shown = capsys.readouterr()
    outcome = json.loads(shown.out)
    assert (outcome["steps"], outcome["records"], outcome["left_out"]) == (3, 9, 0)
    assert "step 3 of 3, loss " in shown.err and "tokens/s" in shown.err
    batch = Collator(processor_of(outcome["model"]))(rows(tmp_path))
    batch.pop("labels")
    base = AutoModelForImageTextToText.from_pretrained(model)
    merged = AutoModelForImageTextToText.from_pretrained(outcome["model"])
    with torch.no_grad():
        plain = base(**batch).logits
        adapted = PeftModel.from_pretrained(base, outcome["adapter"])(**batch).logits
        torch.testing.assert_close(merged(**batch).logits, adapted, rtol=0, atol=1e-4)
    assert float((adapted - plain).abs().max()) > 1e-2


def test_a_run_is_not_resumed_with_other_data(tmp_path: Path) -> None:
    model, records = save_tiny(tmp_path / "model"), rows(tmp_path)
    plan = TuningPlan(steps=1, peak_rate=1e-4)
    run_here(model, records, plan, tmp_path / "out")
    with pytest.raises(UserFacing, match="another data"):
        run_here(model, records[:2], plan, tmp_path / "out")


def test_the_clock_ends_a_run_early(tmp_path: Path) -> None:
    plan = TuningPlan(steps=10_000, peak_rate=1e-4, max_minutes=0.01)
    trainer = run_here(save_tiny(tmp_path / "model"), rows(tmp_path), plan, tmp_path / "out")
    assert 1 <= trainer.place.step < 10_000
    assert Checkpoints(tmp_path / "out" / "checkpoints").latest().name == f"step-{trainer.place.step:08d}"


def test_the_shares_of_two_processes_make_up_the_batches_of_one() -> None:
    one = shares(5, TuningPlan(1, 1.0, batch=4, seed=3), 0, 1, 0)
    two = [shares(5, TuningPlan(1, 1.0, batch=2, seed=3), rank, 2, 0) for rank in range(2)]
    run = []
    for _ in range(5):
        batch = next(one)
        assert next(two[0]) + next(two[1]) == batch
        run += batch
    assert run == [int(index) for epoch in range(4) for index in order(5, 3, epoch)]
    resumed = shares(5, TuningPlan(1, 1.0, batch=4, seed=3), 0, 1, 8)
    assert next(resumed) == run[8:12]


def test_orders_differ_by_epoch_and_by_seed_alone() -> None:
    assert np.array_equal(order(50, 1, 2), order(50, 1, 2))
    assert sorted(order(50, 1, 2)) == list(range(50))
    assert not np.array_equal(order(50, 1, 2), order(50, 1, 3))
    assert not np.array_equal(order(50, 1, 2), order(50, 2, 2))


def test_lora_settings_are_read_from_one_word() -> None:
    assert parse_lora("r=8") == LoraSpec(8, 16, 0.05, "all-linear")
    assert parse_lora("r=4,alpha=32,dropout=0,targets=q_proj+v_proj") == LoraSpec(4, 32, 0.0, "q_proj+v_proj")
    for text in ("r=x", "rank=8", "r=0", "dropout=1"):
        with pytest.raises(UserFacing, match="--lora"):
            parse_lora(text)


def test_arguments_out_of_range_are_told(tmp_path: Path) -> None:
    assert parse_source("medix:owner/name@1") == ("medix", "owner/name@1")
    for text in ("data/slake", "other:x", "slake:"):
        with pytest.raises(UserFacing, match="does not say what it is"):
            parse_source(text)
    with pytest.raises(UserFacing, match="--steps"):
        sft_cli.main(command(tmp_path, tmp_path, tmp_path, steps=0))
    with pytest.raises(UserFacing, match="--merge"):
        sft_cli.main(command(tmp_path, tmp_path, tmp_path, merge=True))
    with pytest.raises(UserFacing, match="no model named"):
        find_model("nowhere", sft_cli.Settings())


def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    torch.save(weights(folder), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserFacing, match="pickle files only"):
        find_model(str(folder), sft_cli.Settings())


def test_a_progress_line_says_how_far_and_how_long() -> None:
    line = Progress(20, 500, 1.31416, 811.6, 359.0).line()
    assert line == "step 20 of 500, loss 1.3142, 812 tokens/s, 6 min left"
    assert Progress(499, 500, 1.0, 5.0, 2.2).line().endswith("3 s left")
