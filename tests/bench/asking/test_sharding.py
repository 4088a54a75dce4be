"""One run over several processes: each item once, the same answers as one process gives."""

import os
import sys
from pathlib import Path

import pytest

from tests.bench.fakes import FakeModel, sees_side, sided_items
from tests.tiny import save_tiny
from tests.waiting import finished
from workbench.bench.asking.runner import run_bench
from workbench.bench.asking.sharding import Shard, join_processes, wait_for_all
from workbench.bench.store.results import Result, read_results, read_run
from workbench.cli import main
from workbench.errors import UserFacing

ROOT = Path(__file__).resolve().parents[3]


def by_key(lines: list[Result]) -> dict[str, tuple[str, str, bool | None]]:
    return {line.key: (line.item_id, line.text, line.correct) for line in lines}


@pytest.mark.parametrize("count", [2, 3, 20])
def test_shares_add_up_to_the_whole(tmp_path: Path, count: int) -> None:
    items = sided_items(tmp_path / "items")
    settings = {"conditions": ("image", "shuffled_image", "sampled"), "samples": 2, "batch_size": 2}
    whole = read_results(run_bench(items, [FakeModel("a", sees_side)], tmp_path / "one", **settings))
    asked, totals = 0, []
    for index in range(count):
        model, seen = FakeModel("a", sees_side), []
        run_bench(
            items, [model], tmp_path / "many", shard=Shard(index, count), progress=seen.append, **settings
        )
        asked += len(model.asked)
        totals += [seen[-1].total] if seen else []
        assert not seen or seen[-1].done == seen[-1].total
    assert asked == len(whole) == sum(totals) == 48
    assert by_key(read_results(tmp_path / "many")) == by_key(whole)
    assert len(list((tmp_path / "many").glob("results-*.jsonl"))) == min(count, 12)
    assert read_run(tmp_path / "many") == read_run(tmp_path / "one")


def test_another_number_of_processes_goes_on(tmp_path: Path) -> None:
    items, models = sided_items(tmp_path / "items"), [FakeModel("a", sees_side) for _ in range(4)]
    run_bench(items, models[:1], tmp_path / "out", shard=Shard(0, 2))
    run_bench(items, models[1:2], tmp_path / "out", shard=Shard(2, 3))
    run_bench(items, models[2:3], tmp_path / "out")
    run_bench(items, models[3:], tmp_path / "out", shard=Shard(1, 2))
    assert [len(model.asked) for model in models] == [6, 2, 4, 0]
    assert len(by_key(read_results(tmp_path / "out"))) == len(read_results(tmp_path / "out")) == 12


def test_every_process_refuses_a_folder_of_other_items(tmp_path: Path) -> None:
    run_bench(sided_items(tmp_path / "items"), [FakeModel("a", sees_side)], tmp_path / "out")
    with pytest.raises(UserFacing, match="another folder"):
        run_bench(
            sided_items(tmp_path / "others"), [FakeModel("a", sees_side)], tmp_path / "out", shard=Shard(1, 2)
        )


def test_alone_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    code = (
        "import sys\nfrom workbench.bench.asking.sharding import Shard, join_processes, wait_for_all\n"
        "assert join_processes() == Shard(0, 1) and Shard().main\nwait_for_all(Shard())\n"
        "assert not {'torch', 'accelerate'} & set(sys.modules)"
    )
    assert finished([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    assert join_processes() == Shard() and wait_for_all(Shard()) is None


def test_processes_share_gpus_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from workbench.bench.asking.sharding import _choose_gpu

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for shown, local, chosen in (("", 1, "1"), ("", 2, "0"), ("4,7", 1, "7"), ("4,7", 3, "7")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        _choose_gpu(local)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == chosen
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    _choose_gpu(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,7"


@pytest.mark.slow
def test_two_real_processes_give_the_answers_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sided_items(tmp_path / "items", "LRLLR")
    save_tiny(tmp_path / "tiny")
    flags = "--max-new-tokens 12 --device cpu --condition image --condition sampled --samples 2"
    paths = ["--items", str(tmp_path / "items"), "--model", str(tmp_path / "tiny")]
    run = ["bench", "run", *paths, *flags.split()]
    assert main([*run, "--out", str(tmp_path / "one")]) == 0
    alone = capsys.readouterr()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = finished(
        [*torchrun, "-m", "workbench", *run, "--out", str(tmp_path / "two")],
        cwd=ROOT,
        env=os.environ | {"WORKBENCH_DEBUG": "1"},
    )
    assert done.returncode == 0, done.stderr[-6000:]
    one, two = by_key(read_results(tmp_path / "one")), by_key(read_results(tmp_path / "two"))
    assert one == two and len(one) == 30 and all(text for _, text, _ in one.values())
    files = sorted(path.name for path in (tmp_path / "two").glob("results*"))
    assert files == ["results-00000-of-00002.jsonl", "results-00001-of-00002.jsonl"]
    assert done.stdout.count("Answer accuracy") == alone.out.count("Answer accuracy") == 1  # told once
    assert "process 1 of 2: 15 of 15" in done.stderr and "process 2 of 2: 15 of 15" in done.stderr
    assert "30 of 30 answers" in alone.err
