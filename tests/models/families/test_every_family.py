"""What every family must satisfy, whatever it makes of a picture."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import CROPS, TEXT, TILES, make
from tests.tiny import picture
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Question
from workbench.models.session import LoadedModel

Pictures = Sequence[MedicalImage | None]


@dataclass(frozen=True)
class Case:
    """Pictures of one family's tests: asked one after another, probed, and asked together."""

    asked: Pictures
    probed: MedicalImage | None
    together: tuple[Pictures, ...]


WIDE = picture(90, 50)
_TILES = Case((WIDE, picture(40, 100), None), WIDE, ((WIDE, picture(40, 100, 1), None), (None, None)))
_ONEVISION = Case(_TILES.asked, WIDE, ((WIDE, picture(104, 52, 1), None), (None, None)))
_QWEN = Case(
    (picture(60, 30), None, picture(33, 70, 1)),
    picture(33, 70),
    ((picture(60, 30), picture(33, 70, 1), picture(48, 48, 2)), (None, picture(60, 30), None)),
)
_GEMMA = Case(
    (WIDE, None, picture(45, 160, 1)),
    picture(45, 160),
    ((WIDE, picture(45, 160, 1), picture(64, 64, 2)), (None, WIDE, None)),
)
_TEXT = Case((None,), None, ((None, None, None),))
CASES = (
    dict.fromkeys(TILES, _TILES)
    | {"llava_onevision": _ONEVISION}
    | dict.fromkeys(tiny.QWEN, _QWEN)
    | dict.fromkeys(("gemma3", CROPS), _GEMMA)
    | dict.fromkeys(TEXT, _TEXT)
)


@pytest.fixture(scope="module", params=CASES)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(kind: str, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return make(kind, tmp_path_factory.mktemp(kind) / "model")


@pytest.fixture(scope="module")
def case(kind: str) -> Case:
    return CASES[kind]


def answer_to(model: LoadedModel, image: MedicalImage | None) -> Answer:
    return model.generate(model.prepare(tiny.ASK, image), tiny.GREEDY)


def test_forcing_equals_generation_and_nothing_leaks(model: LoadedModel, case: Case) -> None:
    """Teacher forcing gives generation's scores, also after other pictures have gone through the model."""
    prompts = [model.prepare(tiny.ASK, image) for image in case.asked]
    answers = [model.generate(prompt, tiny.GREEDY) for prompt in prompts]
    first = [model.teacher_force(p, a.ids).logprobs for p, a in zip(prompts, answers, strict=True)]
    for prompt, answer, earlier in zip(reversed(prompts), reversed(answers), reversed(first), strict=True):
        assert np.abs(earlier - answer.logprobs).max() < 1e-4
        assert np.array_equal(model.teacher_force(prompt, answer.ids).logprobs, earlier)
        again = model.generate(prompt, tiny.GREEDY)
        assert again.ids == answer.ids
        assert np.allclose(again.logprobs, answer.logprobs, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind not in TEXT], indirect=True)
def test_the_picture_changes_the_scores(model: LoadedModel, case: Case) -> None:
    image = case.asked[0]
    other = picture(image.width, image.height, seed=1)
    first, second = (answer_to(model, shown).logprobs for shown in (image, other))
    assert not np.allclose(first[:1], second[:1], atol=1e-4)


def test_extension(model: LoadedModel, case: Case) -> None:
    """Extending by a then b is extending by a + b; the prompt's own inputs stay as they were."""
    prompt = model.prepare(tiny.ASK, case.asked[0])
    before = {key: value.clone() for key, value in prompt.inputs.items()}
    ids = torch.tensor([20, 21, 22, 23, 24])
    once = model.family.extend(prompt.inputs, ids)
    twice = model.family.extend(model.family.extend(prompt.inputs, ids[:2]), ids[2:])
    assert once.keys() == twice.keys() == before.keys()
    for key, value in once.items():
        assert torch.equal(value, twice[key])
        if before[key].shape == before["input_ids"].shape:
            assert value.shape[1] == prompt.length + 5
            assert torch.equal(value[:, : prompt.length], before[key])
        else:
            assert torch.equal(value, before[key])
        assert torch.equal(prompt.inputs[key], before[key])
    assert once["input_ids"][0, prompt.length :].tolist() == ids.tolist()


def with_stock_kernel(model: LoadedModel, kernel: str) -> torch.nn.Module:
    """The same weights with a stock attention kernel in the text decoder."""
    stock = copy.deepcopy(model.model)
    nested = getattr(stock.config, "text_config", None) is not None
    stock.set_attn_implementation({"text_config": kernel} if nested else kernel)
    return stock


def test_probe(model: LoadedModel, case: Case) -> None:
    """The probe leaves logits bit-identical and its rows are those of eager attention, in every layer."""
    prompt = model.prepare(tiny.ASK, case.probed)
    ids = answer_to(model, case.probed).ids
    inputs = model.family.extend(prompt.inputs, torch.tensor(ids))
    with torch.inference_mode():
        plain = with_stock_kernel(model, "sdpa")(**inputs).logits
        assert torch.equal(model.model(**inputs).logits, plain)
        maps = with_stock_kernel(model, "eager")(**inputs, output_attentions=True).attentions
    columns = prompt.image_positions if case.probed is not None else np.arange(prompt.length)
    collector = model.teacher_force(prompt, ids, collect=True, columns=columns).collector
    assert sorted(collector.layers) == list(range(len(maps)))
    rows = slice(prompt.length - 1, prompt.length - 1 + len(ids))
    for index, layer in collector.layers.items():
        assert torch.allclose(layer.attention, maps[index][0][:, rows][:, :, columns], atol=1e-4)


def test_batches(model: LoadedModel, case: Case) -> None:
    """Prompts of unequal length and pictures of unequal shape, generated together and one at a time."""
    texts = ("Hi", "Is there evidence of a nodule?", "left right upper lower zone")
    for images in case.together:
        prompts = [model.prepare(Question(text), image) for text, image in zip(texts, images, strict=False)]
        for prompt, answer in zip(prompts, model.generate_batch(prompts, tiny.GREEDY), strict=True):
            alone = model.generate(prompt, tiny.GREEDY)
            assert answer.ids == alone.ids
            assert np.allclose(answer.logprobs, alone.logprobs, atol=1e-4)


def test_decoder_parts(model: LoadedModel, case: Case) -> None:
    """The parts are the model's own: norm by its stated gain, then unembedding, gives the logits."""
    prompt, parts = model.prepare(tiny.ASK, case.asked[0]), model.decoder
    ids = answer_to(model, case.asked[0]).ids
    forced = model.teacher_force(prompt, ids)
    rms = (forced.hidden.pow(2).mean(-1, keepdim=True) + parts.norm_epsilon).sqrt()
    logits = forced.hidden / rms * parts.norm_gain @ parts.unembedding.weight.T
    chosen = logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]
    assert np.abs(chosen.detach().numpy() - forced.logprobs).max() < 1e-4
    assert len(parts.layers) == 3
    assert parts.attention(1) is parts.layers[1].self_attn
