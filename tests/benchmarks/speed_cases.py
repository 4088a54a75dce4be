"""Models and questions that the speed benchmarks measure on, and the clock that they share."""

import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from workbench.cases.answered import AnsweredCase
from workbench.explain import Span, answer_span, step_spans
from workbench.explain.methods.attribution import Attribution
from workbench.imaging import from_array
from workbench.models.answer import Answer, Question
from workbench.models.catalogue import ModelCard
from workbench.models.families import family_for
from workbench.models.loading import load_model
from workbench.models.probe import install
from workbench.models.processors import load_processor
from workbench.models.session import LoadedModel
from workbench.phantoms import draw_phantom
from workbench.settings import Settings
from workbench.training.pair.architecture import Size, build_model, build_processor, train_tokenizer

RUNS = 5
QUESTION = Question("What abnormality is shown?")
TEXTS = ["The image shows a small round bright spot. USER: ASSISTANT: Reason step by step. What abnormality?"]
Row = tuple[str, float, str, str]  # what, value, budget, note


def seconds_once(action: Callable[[], object]) -> float:
    """Wall time of one call; the device has finished by then."""
    began = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def seconds(action: Callable[[], object], runs: int = RUNS) -> float:
    """Median wall time after one warm-up."""
    action()
    return statistics.median(seconds_once(action) for _ in range(runs))


def shipped() -> Attribution:
    """The tuned model's own answer about a phantom, with a span a step and one for the answer."""
    model = load_model("tuned")
    image = from_array(draw_phantom(900_000_002, "chest").pixels)
    prompt = model.prepare(QUESTION, image)
    answer = model.generate(prompt)
    case = AnsweredCase.of(model, prompt, image, answer)
    spans = (*step_spans(case.trace), *filter(None, [answer_span(case.trace, answer)]))
    return Attribution(case, spans)


def random_llava(tokens: int, device: str) -> LoadedModel:
    """A random Llava with `tokens` image tokens: 8 decoder layers of 8 heads, width 256."""
    grid = round(tokens**0.5)
    size = Size(image=8 * grid, patch=8, vision_width=64, vision_layers=1, text_width=256, text_layers=8,
                heads=8, vocabulary=400)  # fmt: skip
    torch.manual_seed(0)
    words = train_tokenizer(TEXTS, size.vocabulary)
    model = build_model(words, size)
    model.config.text_config.max_position_embeddings = 4 * tokens + 1024
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        build_processor(words, size).save_pretrained(folder)
        return load_model(folder, settings=Settings(device=device))


def configured(ref: str, device: str, *, random_weights: bool) -> LoadedModel:
    """The architecture of a folder or hub id, with random weights (nothing but its config and processor is
    read) or its own. Weights do not matter for speed."""
    if not random_weights:
        return load_model(ref, settings=Settings(device=device))
    config = AutoConfig.from_pretrained(ref)
    family, processor = family_for(config), load_processor(ref, config)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    model.eval().requires_grad_(False)
    install(model)
    return LoadedModel(ModelCard(ref, ref, ref), model, processor, family, "random weights")


def random_case(model: LoadedModel, answer: int, side: int) -> Attribution:
    """A random picture of `side` × `side` pixels and an answer of arbitrary ids, explained as a whole."""
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    ids = tuple(20 + i % 100 for i in range(answer))
    offsets = tuple((i, i + 1) for i in range(answer))
    given = Answer(ids, "x" * answer, offsets, (0.0,) * answer, "length")
    image = from_array(pixels)
    case = AnsweredCase.of(model, model.prepare(QUESTION, image), image, given)
    return Attribution(case, (Span("all", "all", tuple(range(answer))),))
