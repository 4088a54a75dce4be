"""Conditions of a run: whose picture is shown, which prompt, how many samples from which seeds."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from workbench.bench.asking.conditions import Donors, seed_of
from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.items import Item, ItemSet, load_items
from workbench.bench.store.results import read_results, read_run
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Prompt, Question


def item(name: str, group: str, modality: str, picture: str | None) -> Item:
    path = Path(picture) if picture else None
    return Item(name, path, "Q", (), "a", None, "open", "", "", modality, "", "", group)


class Sampler(FakeModel):
    """Draws words from one stream a batch, as models that are loaded here do; keeps the seeds of batches."""

    def generate_batch(self, prompts: list[Prompt], decoding: Decoding | None = None) -> list[Answer]:
        self.batches.append(len(prompts))
        self.seeds = [*getattr(self, "seeds", []), decoding.seed]
        words = np.random.default_rng(decoding.seed).integers(0, 1000, len(prompts))
        return [Answer(text=f"word {word}", finish="stop", decoding=decoding) for word in words]


class OwnSeeds(Sampler):
    """A server: each prompt of a batch comes with its own decoding."""

    own_decodings = True

    def generate_batch(self, prompts: list[Prompt], decoding: list[Decoding] | None = None) -> list[Answer]:
        self.batches.append(len(prompts))
        return [Answer(text=f"seed {one.seed}", finish="stop", decoding=one) for one in decoding]


def test_donors_are_of_another_group_and_the_same_modality() -> None:
    items = [
        item(f"{m}{g}{i}", f"{m}{g}", m, f"{m}{g}.png") for m in ("CT", "MR") for g in range(4) for i in "ab"
    ]
    items += [item("lone", "lone", "PET", "lone.png"), item("text", "text", "CT", None)]
    donors = Donors(items)
    for one in items[:-2]:
        (shown,) = donors.pictures_for(one)
        assert shown != one.image_path and shown.name.startswith(one.modality)
        assert (shown,) == Donors(items).pictures_for(one)
    assert donors.pictures_for(items[-2])[0].name != "lone.png"  # no other PET: any other picture
    assert donors.pictures_for(items[-1]) == ()
    assert len({donors.pictures_for(one) for one in items[:8]}) > 1
    assert Donors(items[:2]).pictures_for(items[0]) == ()  # two questions on one picture


def test_another_patients_picture_is_shown_and_the_gold_answer_stays(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "LLRLRR")
    model = FakeModel("tuned", sees_side)
    lines = read_results(run_bench(items, [model], tmp_path / "out", conditions=("image", "shuffled_image")))
    shown = {line.item_id: line for line in lines if line.condition == "shuffled_image"}
    plain = {line.item_id: line for line in lines if line.condition == "image"}
    assert len(shown) == 12 and all(line.correct for line in plain.values())
    donors = Donors(items.items)
    for one in items.items:
        side = "LLRLRR"[int(donors.pictures_for(one)[0].stem)]
        assert shown[one.item_id].answer == {"L": "left", "R": "right"}[side]
        assert shown[one.item_id].gold == plain[one.item_id].gold
        assert shown[one.item_id].image == plain[one.item_id].image == f"{one.item_id[0]}.png"
    assert 0 < sum(line.correct for line in shown.values()) < 12


def test_without_another_picture_the_condition_does_not_apply(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "L")
    seen = []
    out = run_bench(
        items, [FakeModel("a", sees_side)], tmp_path / "out", conditions=("image", "shuffled_image"),
        progress=seen.append,
    )  # fmt: skip
    assert {line.condition for line in read_results(out)} == {"image"} and seen[-1].total == seen[
        -1
    ].done == 2


def test_prompt_modes_are_forced(tmp_path: Path) -> None:
    items, model = sided_items(tmp_path / "items", "LR"), FakeModel("tuned", sees_side)
    names = ("image", "short_prompt", "trace_prompt")
    out = run_bench(items, [model], tmp_path / "out", conditions=names, mode="short")
    modes = defaultdict(set)
    for line in read_results(out):
        modes[line.condition].add((line.mode, line.axes is None))
    assert modes == {
        "image": {("short", True)}, "short_prompt": {("short", True)}, "trace_prompt": {("trace", False)},
    }  # fmt: skip
    assert sorted({question.mode for question, _ in model.asked}) == ["short", "trace"]
    assert all(image.pixels.std() > 0 for _, image in model.asked)
    assert read_run(out)["models"]["tuned"]["mode"] == "short"


def test_samples_have_lines_and_keys_of_their_own(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "LR")
    out = run_bench(
        items, [Sampler("tuned", first_option)], tmp_path / "out", conditions=("image", "sampled"), samples=3,
        sampling=Decoding(32, 0.9, 1.0, 7),
    )  # fmt: skip
    lines = [line for line in read_results(out) if line.condition == "sampled"]
    by_item = defaultdict(list)
    for line in lines:
        by_item[line.item_id].append(line)
        assert line.decoding == {"max_new_tokens": 32, "temperature": 0.9, "top_p": 1.0, "seed": 7}
    assert all([line.sample for line in found] == [0, 1, 2] for found in by_item.values())
    assert all(len({line.text for line in found}) == 3 for found in by_item.values()) and len(lines) == 12
    described = read_run(out)["models"]["tuned"]
    assert described["samples"] == 3 and described["sampling"]["seed"] == 7
    assert described["decoding"]["temperature"] == 0.0
    run_bench(items, [Sampler("tuned", first_option)], out)
    assert read_run(out)["models"]["tuned"]["samples"] == 3


def test_local_samples_depend_on_the_item_alone(tmp_path: Path) -> None:
    few, many = sided_items(tmp_path / "few", "LR"), sided_items(tmp_path / "many", "LRLLR")
    texts = []
    for items, size in ((few, 16), (many, 4)):
        model = Sampler("tuned", first_option)
        out = run_bench(items, [model], tmp_path / f"out{size}", conditions=("sampled",), batch_size=size)
        assert set(model.batches) == {4}
        texts.append({(line.item_id, line.sample): line.text for line in read_results(out)})
    assert texts[0].items() <= texts[1].items() and len(texts[0]) == 16
    assert model.seeds[0] in {seed_of(0, one.item_id, 0) for one in many.items}


def test_a_torn_item_is_drawn_whole_and_only_the_missing_sample_is_written(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "L")
    out = run_bench(items, [Sampler("a", first_option)], tmp_path / "out", conditions=("sampled",))
    whole = {line.key: line for line in read_results(out)}
    path = out / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    again = Sampler("a", first_option)
    run_bench(items, [again], out, conditions=("sampled",))
    assert again.batches == [4] and {line.key: line for line in read_results(out)} == whole
    assert path.read_bytes().count(b"\n") == 8


def test_a_server_gets_a_seed_for_each_sample(tmp_path: Path) -> None:
    items, model = sided_items(tmp_path / "items", "LR"), OwnSeeds("a", first_option)
    lines = read_results(run_bench(items, [model], tmp_path / "out", conditions=("sampled",), samples=2))
    assert model.batches == [8]
    assert {line.text for line in lines} == {
        f"seed {seed_of(0, line.item_id, line.sample)}" for line in lines
    }
    assert len({line.text for line in lines}) == 8


def test_samples_that_fail_together_are_drawn_alone_with_seeds_of_their_own(tmp_path: Path) -> None:
    class Small(Sampler):
        def generate_batch(self, prompts: list[Prompt], decoding: Decoding | None = None) -> list[Answer]:
            if len(prompts) > 1:
                raise RuntimeError("out of memory")
            return super().generate_batch(prompts, decoding)

    items = sided_items(tmp_path / "items", "L")
    lines = read_results(
        run_bench(items, [Small("a", first_option)], tmp_path / "out", conditions=("sampled",))
    )
    assert len({line.text for line in lines}) == 8 and not any(line.error for line in lines)


def test_sampling_that_cannot_be(tmp_path: Path) -> None:
    items, model = sided_items(tmp_path / "items", "L"), Sampler("a", first_option)
    with pytest.raises(UserFacing, match="temperature 0"):
        run_bench(items, [model], tmp_path / "o", conditions=("sampled",), sampling=Decoding())
    with pytest.raises(UserFacing, match="0 samples"):
        run_bench(items, [model], tmp_path / "o", conditions=("sampled",), samples=0)


def test_pictures_outside_the_items_folder_are_named_absolutely(tmp_path: Path) -> None:
    one = sided_items(tmp_path / "items", "L").items[0]
    assert one.image_name(str(tmp_path / "items")) == "0.png"
    assert one.image_name(str(tmp_path / "other")) == str(tmp_path / "items" / "0.png")
    assert replace(one, image_path=None).image_name("x") == ""
    elsewhere = ItemSet("s", (one,), {}, tmp_path / "items" / "items.jsonl")
    assert elsewhere.folder == str(tmp_path / "items") and elsewhere.source.endswith("items.jsonl")


def test_both_prompts_of_one_item_differ_for_the_model(tmp_path: Path) -> None:
    def rule(question: Question, image: MedicalImage | None) -> str:
        return question.mode

    items = sided_items(tmp_path / "items", "L")
    lines = read_results(
        run_bench(items, [FakeModel("a", rule)], tmp_path / "o", conditions=("short_prompt", "trace_prompt"))
    )
    assert {(line.condition, line.text) for line in lines} == {
        ("short_prompt", "short"), ("trace_prompt", "trace"),
    }  # fmt: skip


def test_blank_and_shuffled_change_every_picture_of_an_item(tmp_path: Path) -> None:
    folder = tmp_path / "items"
    plain = sided_items(folder, "LRLR")
    lines = (folder / "items.jsonl").read_text().splitlines()
    several = json.loads(lines[0]) | {"id": "both", "images": ["0.png", "1.png"]}
    (folder / "items.jsonl").write_text("\n".join([*lines, json.dumps(several)]))
    items = load_items(folder)
    assert [path.name for path in items.items[-1].image_paths] == ["0.png", "1.png"]
    shown: dict[str, list[MedicalImage]] = {}

    def keep(question: Question, images: object) -> str:
        if isinstance(images, tuple):
            shown[str(len(shown))] = list(images)
        return "left"

    class Several(FakeModel):
        def prepare(self, question: Question, image: object) -> Prompt:
            first = image[0] if isinstance(image, tuple) else image
            return replace(super().prepare(question, first), inputs={"asked": (question, image)})

    out = run_bench(
        items, [Several("tuned", keep)], tmp_path / "out", conditions=("image", "blank", "shuffled_image")
    )
    real, blank, other = shown.values()
    assert [len(images) for images in (real, blank, other)] == [2, 2, 2]
    assert all((image.pixels == 127).all() for image in blank)
    donated = Donors(items.items).pictures_for(items.items[-1])
    assert len(donated) == 2 and not set(donated) & set(items.items[-1].image_paths)
    keys = {line.key for line in read_results(out)}
    alone = run_bench(plain, [FakeModel("tuned", first_option)], tmp_path / "plain", conditions=("image",))
    assert {line.key for line in read_results(alone)} < keys
