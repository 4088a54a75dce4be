"""Several pictures in one prompt, of every family: whose tokens are whose, and where each lies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import CROPS, EVERY, TEXT, make
from tests.models.families.tile_checks import prompt_features
from tests.tiny import picture
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Question, Turn
from workbench.models.session import LoadedModel

WIDE, TALL = picture(90, 50), picture(45, 160, 1)


@pytest.fixture(scope="module", params=(*EVERY, CROPS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(kind: str, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return make(kind, tmp_path_factory.mktemp(kind) / "model")


def test_each_token_belongs_to_the_picture_that_it_reads(model: LoadedModel, kind: str) -> None:
    both = model.prepare(tiny.ASK, (WIDE, TALL))
    assert both.image_sizes == ((90, 50), (45, 160)) and both.image_size == (90, 50)
    assert len(both.picture_of) == len(both.boxes) == len(both.image_positions)
    found = prompt_features(model, both)
    for number, image in enumerate((WIDE, TALL)):
        own = both.picture_of == number
        assert (both.boxes[own] <= np.tile([image.width, image.height], 2)).all()
        changed = [WIDE, TALL]
        changed[number] = MedicalImage(255 - image.pixels, "test", "array")
        other = prompt_features(model, model.prepare(tiny.ASK, changed))
        moved = (found - other).abs().amax(1).numpy() > 1e-6
        shown = ((both.boxes[:, 2:] - both.boxes[:, :2]) > 0).all(1)
        assert moved[own & shown].all() and not moved[~own].any()
        if kind == "llava_onevision":  # it cuts only a single picture into tiles
            continue
        alone = model.prepare(tiny.ASK, image)
        assert np.array_equal(both.boxes[own], alone.boxes)
        assert torch.allclose(found[torch.from_numpy(own)], prompt_features(model, alone), atol=1e-5)


def test_a_painted_corner_of_the_second_picture_changes_the_tokens_over_it(model: LoadedModel) -> None:
    pixels = TALL.pixels.copy()
    pixels[:40, :15] = 255 - pixels[:40, :15]
    one = model.prepare(tiny.ASK, (WIDE, TALL))
    two = model.prepare(tiny.ASK, (WIDE, MedicalImage(pixels, "test", "array")))
    strength = (prompt_features(model, one) - prompt_features(model, two)).abs().sum(1).numpy()
    strongest = int(strength.argmax())
    assert one.picture_of[strongest] == 1
    x0, y0, x1, y1 = one.boxes[strongest]
    assert x0 < 15 and y0 < 40 and x1 > x0 and y1 > y0


def test_forcing_and_batches(model: LoadedModel) -> None:
    follow = Question("Which side?", history=(Turn("Is there evidence of a nodule?", "yes", 1),))
    prompts = [
        model.prepare(tiny.ASK, (WIDE, TALL)), model.prepare(follow, (WIDE, TALL)),
        model.prepare(follow, WIDE),
    ]  # fmt: skip
    for prompt, answer in zip(prompts, model.generate_batch(prompts, tiny.GREEDY), strict=True):
        forced = model.teacher_force(prompt, answer.ids).logprobs
        assert np.abs(forced - answer.logprobs).max() < 1e-3


def test_pictures_stand_in_their_turns(model: LoadedModel) -> None:
    follow = Question("right", history=(Turn("left", "lower", 1),))
    prompt = model.prepare(follow, (WIDE, TALL))
    ids, last = prompt.inputs["input_ids"][0], prompt.image_positions[prompt.picture_of == 0].max()
    first = prompt.image_positions[prompt.picture_of == 1].min()
    between = model.tokenizer.decode(ids[last + 1 : first])
    assert between.index("left") < between.index("lower") and "right" not in between
    assert "right" in model.tokenizer.decode(ids[first:])
    asked = model.question_tokens(prompt)
    assert asked.text == "right" and len(asked.positions) and asked.positions.min() > last
    assert model.seen(prompt, 1) is not None


def test_a_family_that_takes_one_picture_says_so(kind: str, model: LoadedModel) -> None:
    class One:
        name = "one-picture"

        def __getattr__(self, name: str) -> object:
            if name == "pictures":
                raise AttributeError(name)
            return getattr(model.family, name)

    alone = LoadedModel(model.card, model.model, model.processor, One(), model.revision)
    assert len(alone.prepare(tiny.ASK, WIDE).boxes) > 0
    with pytest.raises(UserFacing, match="one picture at a time"):
        alone.prepare(tiny.ASK, (WIDE, TALL))


def test_a_text_only_model_follows_up_without_pictures(tmp_path: Path) -> None:
    model = make(TEXT[0], tmp_path / "model")
    follow = replace(tiny.ASK, history=(Turn("left", "lower"),))
    text = model.tokenizer.decode(model.prepare(follow, None).inputs["input_ids"][0])
    assert text.index("left") < text.index("lower") < text.index("nodule")
    with pytest.raises(UserFacing, match="only reads text"):
        model.prepare(follow, (WIDE, TALL))
