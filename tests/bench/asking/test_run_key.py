"""The run key: change any part of it, and it is another answer; change nothing, and it is the same."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import CLIPImageProcessor

from tests.bench.fakes import FakeModel, sees_side, sided_items
from tests.tiny import load_tiny, save_tiny
from workbench.bench.asking import plan, run_key
from workbench.bench.asking.run_key import adapter_of, image_budget, item_hash, model_facts, setup_of
from workbench.bench.asking.runner import run_bench
from workbench.bench.judging.rule_judge import RubricRuleJudge
from workbench.bench.questions.items import ItemSet
from workbench.bench.store.results import known_keys, read_results, read_run
from workbench.models.answer import Decoding
from workbench.models.catalogue import ModelCard
from workbench.models.templates import BARE, Template


class Stating(FakeModel):
    """A model that states everything that the key holds."""

    def __init__(self) -> None:
        super().__init__("tuned", sees_side)
        self.card, self.dtype, self.adapter = ModelCard("tuned", "Tuned", "there"), "float32", "lora:1"
        self.image_budget = {"size": {"height": 24}, "max_pixels": 100}


def changed_model(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(run: dict[str, Any]) -> None:
        vars(run["model"]).update(changes)

    return change


def changed_items(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(run: dict[str, Any]) -> None:
        run["items"] = replace(run["items"], items=tuple(replace(i, **changes) for i in run["items"].items))

    return change


def changed_settings(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda run: run["settings"].update(changes)


def other_picture(run: dict[str, Any]) -> None:
    shutil.copyfile(run["folder"] / "1.png", run["folder"] / "0.png")


def template(run: dict[str, Any]) -> None:
    run["model"].card = replace(
        run["model"].card, templates={"trace": Template("{question}!"), "short": BARE}
    )


class OtherJudge(RubricRuleJudge):
    id = "other"


CHANGES = {
    "revision": changed_model(revision="2"),
    "adapter": changed_model(adapter="lora:2"),
    "number format": changed_model(dtype="float16"),
    "image budget": changed_model(image_budget={"size": {"height": 24}, "max_pixels": 200}),
    "model": changed_model(name="another"),
    "prompt template": template,
    "prompt mode": changed_settings(mode="short"),
    "answer length": changed_settings(decoding=Decoding(12)),
    "temperature": changed_settings(decoding=Decoding(temperature=0.1)),
    "condition": changed_settings(conditions=("blank",)),
    "judge": changed_settings(judge=OtherJudge()),
    "question": changed_items(question="Where?"),
    "options": changed_items(options=("right", "left"), answer_letter=None),
    "gold answer": changed_items(answer="right"),
    "rubric": changed_items(units=()),
    "picture": other_picture,
}


@pytest.fixture
def run(tmp_path: Path) -> dict[str, Any]:
    items = sided_items(tmp_path / "items", "LR")
    only = ItemSet(items.name, items.items[:1], {}, items.path)
    return {"items": only, "model": Stating(), "settings": {}, "folder": tmp_path / "items"}


def answer(run: dict[str, Any], out: Path) -> set[str]:
    return known_keys(run_bench(run["items"], [run["model"]], out, **run["settings"]))


def test_nothing_changed_is_the_same_answer(run: dict[str, Any], tmp_path: Path) -> None:
    before = answer(run, tmp_path / "one")
    run["model"] = Stating()
    assert answer(run, tmp_path / "two") == before and len(before) == 1


@pytest.mark.parametrize("part", CHANGES)
def test_one_part_changed_is_another_answer(run: dict[str, Any], tmp_path: Path, part: str) -> None:
    before = answer(run, tmp_path / "out")
    CHANGES[part](run)
    assert len(answer(run, tmp_path / "out")) == len(before) + 1


def test_the_code_version_is_part_of_the_key(
    run: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answer(run, tmp_path / "out")
    monkeypatch.setattr(run_key, "CODE", "another")
    assert len(answer(run, tmp_path / "out") - before) == 1


@pytest.mark.parametrize(
    "change",
    [{"samples": 3}, {"sampling": Decoding(256, 0.8)}, {"sampling": Decoding(256, 0.7, seed=1)}],
)
def test_sampling_is_part_of_the_key_of_samples_only(
    run: dict[str, Any], tmp_path: Path, change: dict[str, Any]
) -> None:
    run["settings"] = {"conditions": ("image", "sampled"), "samples": 2}
    before = answer(run, tmp_path / "out")
    run["settings"] |= change
    answer(run, tmp_path / "out")
    conditions = [line.condition for line in read_results(tmp_path / "out")]
    assert len(before) == 3 and conditions.count("image") == 1
    assert conditions.count("sampled") == 2 + change.get("samples", 2)


def test_batch_size_and_device_are_no_part(run: dict[str, Any], tmp_path: Path) -> None:
    before = answer(run, tmp_path / "out")
    run["settings"]["batch_size"], run["model"].device = 1, "another"
    assert answer(run, tmp_path / "out") == before


def test_run_json_states_what_the_key_holds(run: dict[str, Any], tmp_path: Path) -> None:
    answer(run, tmp_path / "out")
    found = read_run(tmp_path / "out")
    described = found["models"]["tuned"]
    assert found["code"] == run_key.CODE and found["items"]["source"] == str(run["items"].path.resolve())
    assert described["adapter"] == "lora:1" and described["image_budget"] == run["model"].image_budget
    assert (described["samples"], described["sampling"]) == (0, None)
    (line,) = read_results(tmp_path / "out")
    assert line.setup == described["setup"] == setup_of(model_facts(run["model"]))


def test_the_bundled_set_is_named() -> None:
    from workbench.bench.questions.items import load_items

    found = load_items("phantoms", 1)
    assert found.source == "phantoms" and load_items(found.path, 1).source == "phantoms"


def test_a_processors_size_settings_are_the_budget() -> None:
    def budget(**settings: Any) -> dict[str, Any]:
        processor = SimpleNamespace(image_processor=CLIPImageProcessor(**settings))
        return image_budget(SimpleNamespace(processor=processor))

    small = budget(size={"height": 24, "width": 24}, crop_size={"height": 24, "width": 24})
    assert small["size"] == {"height": 24, "width": 24} and small == budget(
        size={"height": 24, "width": 24}, crop_size={"height": 24, "width": 24}
    )
    assert small != budget(size={"height": 48, "width": 48}, crop_size={"height": 24, "width": 24})
    assert small != budget(
        size={"height": 24, "width": 24}, crop_size={"height": 24, "width": 24}, do_normalize=False
    )
    assert image_budget(SimpleNamespace()) == {}


def test_an_adapter_is_known_by_its_weights(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    import torch

    loaded = load_tiny(save_tiny(tmp_path / "tiny"))
    plain = setup_of(model_facts(loaded))
    assert adapter_of(loaded) == "" and image_budget(loaded)["size"]
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    peft.get_peft_model(loaded.model, config)
    first = adapter_of(loaded)
    assert first.startswith("default:") and first == adapter_of(loaded)
    assert setup_of(model_facts(loaded)) != plain
    with torch.no_grad():
        next(p for name, p in loaded.model.named_parameters() if "lora_A" in name).add_(1e-3)
    assert adapter_of(loaded) != first


def test_facts_are_taken_once_a_run(
    run: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(plan, "model_facts", lambda model: calls.append(model) or model_facts(model))
    answer(run, tmp_path / "out")
    assert len(calls) == 1


def test_further_gold_answers_change_the_key_and_none_leaves_it(tmp_path: Path) -> None:
    """The hash of an item with one gold answer is what it was before an item could have several."""
    item = sided_items(tmp_path, "L").items[0]
    content = [item.item_id, item.question, item.options, item.answer, [vars(unit) for unit in item.units]]
    assert item_hash(item, item.options) == run_key._digest(content)
    assert item_hash(replace(item, alternatives=("x",)), item.options) != item_hash(item, item.options)


def test_a_model_that_does_not_know_its_revision_is_never_the_same(tmp_path: Path) -> None:
    for unknown in ("", "unknown", "None", None):
        facts = {"name": "m", "revision": unknown}
        assert setup_of(facts) != setup_of(facts)
    assert setup_of({"name": "m", "revision": "1"}) == setup_of({"name": "m", "revision": "1"})
