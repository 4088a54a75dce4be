"""A picture with one painted patch, an answer of given ids, and a planted model that is not saturated."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import LlavaForConditionalGeneration

from tests.tiny import load_tiny, plant
from workbench.cases.answered import AnsweredCase
from workbench.explain import HeatMap, Span, explain_spans
from workbench.explain.methods.tiers import FEATURES
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Question
from workbench.models.session import LoadedModel

Box = tuple[int, int, int, int]


def painted(width: int, height: int, box: Box) -> MedicalImage:
    """Black picture with one white box."""
    pixels = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = box
    pixels[y0:y1, x0:x1] = 255
    return MedicalImage(pixels, "test", "array")


def answer_of(ids: tuple[int, ...]) -> Answer:
    """An answer of given ids, one letter each."""
    return Answer(ids, "x" * len(ids), tuple((i, i + 1) for i in range(len(ids))), (0.0,) * len(ids), "stop")


def token_spans(*groups: tuple[int, ...]) -> list[Span]:
    return [Span("token", str(group), group) for group in groups]


@pytest.fixture
def ask() -> Callable[..., list[HeatMap]]:
    """Maps of some spans of an answer to one question about a picture; fails on a refusal."""

    def run(model, picture, ids, groups, name, **params):
        prompt = model.prepare(Question("left"), picture)
        found = explain_spans(
            AnsweredCase.of(model, prompt, picture, answer_of(ids)), token_spans(*groups), name, params
        )
        assert isinstance(found, list), found
        return found

    return run


@pytest.fixture(scope="session")
def graded(planted: LoadedModel, tmp_path_factory) -> LoadedModel:
    """The planted model with a constant in every patch, so that a patch's brightness outlives the norm.

    Without it each patch has one direction only, which the norm scales to the same length: the model sees
    whether a patch is bright and not how bright, and its gradient is zero.
    """
    folder = tmp_path_factory.mktemp("graded") / "model"
    model = LlavaForConditionalGeneration(planted.model.config)
    plant(model)
    with torch.no_grad():
        model.model.multi_modal_projector.linear_2.bias[2] = 20.0
    model.save_pretrained(folder)
    planted.processor.save_pretrained(folder)
    return load_tiny(folder)


@pytest.fixture(scope="session")
def seeing(planted: LoadedModel, graded: LoadedModel) -> Callable[[int], LoadedModel]:
    """The planted model fit for a tier: where features become their mean, brightness must count, not be on or
    off, or the mean of one bright patch looks as bright as that patch."""
    return lambda tier: graded if tier == FEATURES else planted


def assert_lights_up(found: HeatMap, box: Box, factor: float = 2.0) -> None:
    """The highest patch is the painted one, positive, and clearly above the rest."""
    best = int(found.values.argmax())
    extent = max(found.boxes[:, 2:].max(), 1)
    assert np.abs(found.boxes[best] - np.array(box)).max() <= 0.12 * extent
    assert found.values[best] > factor * np.abs(np.delete(found.values, best)).max()
    assert found.values[best] > 0


PLACES = [(48, 48, (16, 32, 24, 40)), (300, 180, (200, 90, 250, 140)), (180, 300, (40, 200, 90, 250))]
