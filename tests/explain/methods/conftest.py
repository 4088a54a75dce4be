"""Maps by one call, a planted model that is not saturated, and attributions as a method gets them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import LlavaForConditionalGeneration

from tests.explain.cases import Box, case_of, token_spans
from tests.tiny import load_tiny, plant
from workbench.explain import Attribution, HeatMap, explain_spans
from workbench.explain.methods.tiers import FEATURES
from workbench.imaging.medical_image import MedicalImage
from workbench.models.session import LoadedModel


def attribution_of(
    model: LoadedModel, image: MedicalImage | None, ids: tuple[int, ...], *groups: tuple[int, ...]
) -> Attribution:
    """What a method gets: an answer of given ids, and a span for each group of its tokens."""
    return Attribution(case_of(model, image, ids), tuple(token_spans(*groups)))


@pytest.fixture
def ask() -> Callable[..., list[HeatMap]]:
    """Maps of some spans of an answer to one question about a picture; fails on a refusal."""

    def run(model, picture, ids, groups, name, **params):
        found = explain_spans(case_of(model, picture, ids), token_spans(*groups), name, params)
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
