"""Every family by its hub id: loaded, asked, explained, benchmarked, and the same again without a network."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import constants
from PIL import Image

import workbench as wb
from tests.hub.checkpoints import CHECKPOINTS, HEIGHT, WIDTH
from tests.hub.server import Hub, pointed_at, serving_hub
from tests.tiny import picture
from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.items import ItemSet, load_items
from workbench.bench.store.results import read_results
from workbench.explain import HeatMap
from workbench.models.answer import Decoding
from workbench.models.session import LoadedModel
from workbench.settings import Settings

CPU = Settings(device="cpu")
METHODS = ("attention_mean", "logit_attribution", "input_gradient")
QUESTION = "Is there evidence of a nodule?"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with every checkpoint as `their/NAME`; an adapter comes after its base."""
    place = tmp_path_factory.mktemp("hub")
    with serving_hub() as made, pointed_at(made, place / "cache"):
        for name, checkpoint in CHECKPOINTS.items():
            made.repository(f"their/{name}", checkpoint.save(place / name))
        yield made


@pytest.fixture(scope="module", params=CHECKPOINTS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(hub: Hub, name: str) -> LoadedModel:
    return wb.load_model(f"their/{name}", settings=CPU)


def shown(name: str) -> Any:
    """The picture, none for a model that only reads."""
    return picture(WIDTH, HEIGHT) if CHECKPOINTS[name].tokens else None


def items(folder: Path, pictures: bool) -> ItemSet:
    """Three questions, each on a picture of its own or without any."""
    folder.mkdir()
    lines = []
    for number in range(3):
        grey = np.full((HEIGHT, WIDTH, 3), 60 * number, np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.png")
        line = {"item_id": str(number), "question": QUESTION, "options": ["yes", "no"], "answer": "yes"}
        lines.append(line | ({"image_path": f"{number}.png"} if pictures else {}))
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return load_items(folder / "items.jsonl")


def test_it_is_at_its_commit_and_sees_as_many_tokens_as_the_real_one(hub: Hub, name: str, model) -> None:
    names = filter(None, (CHECKPOINTS[name].base, name))
    commits = [hub.repositories[f"their/{one}"].refs["main"] for one in names]
    assert model.revision == "+".join(commits)
    case = wb.ask(model, shown(name), QUESTION, max_new_tokens=6, temperature=1.0)
    assert len(case.prompt.image_positions) == CHECKPOINTS[name].tokens
    assert case.answer.ids


def test_it_is_explained(name: str, model: LoadedModel) -> None:
    if not CHECKPOINTS[name].tokens:
        pytest.skip("there is no picture to map")
    case = wb.ask(model, shown(name), QUESTION, max_new_tokens=6, temperature=1.0)
    for method in METHODS:
        found = case.explain(method, span="all")
        assert isinstance(found, HeatMap), (method, found)
        assert len(found.values) == CHECKPOINTS[name].tokens and np.isfinite(found.values).all()


def test_three_items_are_answered_and_not_asked_again(name: str, model: LoadedModel, tmp_path: Path) -> None:
    asked = items(tmp_path / "items", bool(CHECKPOINTS[name].tokens))
    for _ in range(2):
        run_bench(asked, [model], tmp_path / "out", decoding=Decoding(max_new_tokens=4))
        lines = read_results(tmp_path / "out")
        assert [line.revision for line in lines] == [model.revision] * 3
        assert [line.error for line in lines] == [None] * 3


def test_without_a_network_it_is_the_same(name: str, model: LoadedModel, monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    again = wb.load_model(f"their/{name}", settings=CPU)
    assert again.revision == model.revision
    answers = [
        wb.ask(one, shown(name), QUESTION, max_new_tokens=4, temperature=1.0) for one in (model, again)
    ]
    assert answers[0].answer.ids == answers[1].answer.ids


def test_an_adapter_answers_otherwise_than_its_base(hub: Hub) -> None:
    base, tuned = wb.load_pair("their/qwen2.5-vl", "their/qwen2.5-vl-lora", settings=CPU)
    assert base.model is tuned.model
    case = wb.ask(tuned, shown("qwen2.5-vl"), QUESTION, max_new_tokens=4)
    prompt = base.prepare(case.prompt.question, picture(WIDTH, HEIGHT))
    plain, other = (one.teacher_force(prompt, case.answer.ids).logprobs for one in (base, tuned))
    assert np.abs(plain - other).max() > 1e-3
