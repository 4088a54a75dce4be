"""Stand-ins for the models, so that the page can be tested without weights and made to misbehave."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.cases.column import Column
from workbench.cases.maps import MapSet
from workbench.errors import UserFacing
from workbench.explain import METHODS, TEXT_METHODS, TextMaps, TextUnit
from workbench.explain.spans import case_spans
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.conversation import Images, as_pictures
from workbench.settings import Settings
from workbench.ui.case.trust import MovedOn, TrustLine
from workbench.ui.services import Engine

TRACE = (
    "<think>The image shows a round bright spot in the right middle zone. A nodule is typically a small "
    "round opacity. Therefore there is a nodule.</think><answer>nodule</answer>"
)
GRID = 4


@dataclass(frozen=True)
class FakeModel:
    """Says `text`, one token every `pause` seconds; it goes no further than a token in `holds` until that
    event is set, or until it is stopped."""

    name: str
    text: str = TRACE
    pause: float = 0.0
    holds: Mapping[int, threading.Event] = field(default_factory=dict)
    revision: str = "fake-1"
    device: str = "cpu"
    dtype: str = "torch.float32"
    memory_bytes: int = 12_000_000
    note: str = ""
    takes_image: bool = True

    @property
    def label(self) -> str:
        return f"Stand-in {self.name}"

    def unload(self) -> None:
        """There is nothing to free."""

    def seen(self, prompt: Prompt, picture: int = 0) -> np.ndarray:
        return np.full((8, 8, 3), 128, np.uint8)


def pieces(text: str) -> list[tuple[int, int]]:
    """Character ranges of stand-in tokens: a word with the space before it."""
    starts = [0] + [at for at, mark in enumerate(text) if mark == " "]
    return [(start, end) for start, end in zip(starts, [*starts[1:], len(text)], strict=True) if end > start]


def fake_prompt(question: Question, images: Images) -> Prompt:
    """A prompt whose image tokens are a GRID x GRID grid over each picture, none without one."""
    boxes, pictures = [], as_pictures(images)
    if not pictures:
        return Prompt(question, {}, np.zeros(0, np.int64), np.zeros((0, 4), np.float32), None)
    for image in pictures:
        xs = np.linspace(0, image.width, GRID + 1)
        ys = np.linspace(0, image.height, GRID + 1)
        boxes += [[xs[c], ys[r], xs[c + 1], ys[r + 1]] for r in range(GRID) for c in range(GRID)]
    sizes = tuple((image.width, image.height) for image in pictures)
    of = np.repeat(np.arange(len(pictures)), GRID * GRID)
    return Prompt(question, {}, np.arange(len(of)), np.array(boxes, np.float32), sizes[0], of, sizes)


def fake_run_case(
    model: FakeModel, image: Images, question: Question, decoding: Decoding, stop: threading.Event
) -> Iterator[Column]:
    """Grow the model's text token by token; stops when asked to. Sets `stop` at its end, as models do."""
    blank = Column(model.name, model.label)
    yield blank
    if model.text == "FAIL":
        raise RuntimeError("secret detail of a patient")
    prompt, offsets = fake_prompt(question, image), pieces(model.text)
    for count in range(1, len(offsets) + 1):
        finish = "stop" if count == len(offsets) else "running"
        answer = fake_answer(model.text, offsets[:count], finish, decoding)
        column = replace(blank, status="streaming", case=AnsweredCase.of(model, prompt, image, answer))
        if stop.is_set():
            yield replace(column, status="cancelled", message="Stopped before the end.")
            return
        yield column
        while count in model.holds and not (stop.is_set() or model.holds[count].wait(0.01)):
            pass
        time.sleep(model.pause)
    stop.set()
    others = len(question.options) - 1
    chances = (0.7, *[0.3 / others] * others) if others > 0 else None
    yield replace(column, status="done", case=replace(column.case, option_probabilities=chances))


def fake_answer(text: str, offsets: list[tuple[int, int]], finish: Any, decoding: Decoding) -> Answer:
    """What is written once the tokens at `offsets` are there."""
    shown, count = text[: offsets[-1][1]], len(offsets)
    return Answer(tuple(range(count)), shown, tuple(offsets), (-0.1,) * count, finish, 0.1, decoding)


def fake_maps(case: AnsweredCase, method: str, params: Mapping[str, Any]) -> MapSet:
    """Row r lights patch r; the share is 0.4 everywhere."""
    if case.model.text.startswith("NOMAP"):
        raise UserFacing("This back end exposes no attention.", "Choose another method.")
    spans, boxes = case_spans(case), case.prompt.boxes
    values = np.zeros((len(spans), len(boxes)), np.float32)
    values[np.arange(len(spans)), np.arange(len(spans)) % len(boxes)] = 0.5
    spec = METHODS[method]
    shares = np.full(len(spans), 0.4, np.float32)
    label = spec.label + "".join(f", {name} {value}" for name, value in params.items())
    return MapSet(
        method,
        label,
        spec.unit,
        spec.signed,
        spec.caveat,
        spans,
        values,
        shares,
        boxes,
        None,
        0.01,
        picture_of=case.prompt.picture_of,
    )


def fake_text_maps(case: AnsweredCase, method: str, stop: threading.Event) -> TextMaps:
    """Each word of the question carries every span by 1, 2, 3 … nats."""
    spec, spans = TEXT_METHODS[method], case_spans(case)
    words = case.question.text.split()
    units = tuple(TextUnit("question", word, " ", (at,)) for at, word in enumerate(words))
    values = np.tile(np.arange(1, len(units) + 1, dtype=np.float32), (len(spans), 1))
    about = (method, spec.label, spec.unit, spec.caveat, spans, units)
    return TextMaps(*about, values, np.ones(values.shape, bool), None, 0.01)


def fake_trust(
    case: AnsweredCase, maps: MapSet, key: str, causal: MapSet | None, moved_on: threading.Event
) -> TrustLine:
    """The gap is a hundredth of the row's number, so that no two spans look alike."""
    if moved_on.wait(case.model.pause):
        raise MovedOn
    row = maps.rows[key]
    share = float(maps.image_share[row])
    return TrustLine(
        "localised and causal", "", share, row / 100, 0.001, 0.25, pictures=102, orders=5, seconds=0.1
    )


def fake_engine(
    texts: Mapping[str, str] | None = None,
    pause: float = 0.0,
    broken: bool = False,
    holds: Mapping[int, threading.Event] | None = None,
    text_only: Sequence[str] = (),
) -> Engine:
    """An engine of stand-ins; `texts` is what each role says, `broken` makes loading fail, the roles
    `text_only` take no picture."""

    def load(role: str, settings: Settings, **heard: object) -> FakeModel:
        if broken:
            raise UserFacing(
                "The model folder is incomplete: model.safetensors is missing.", "Copy it again."
            )
        said = (texts or {}).get(role, TRACE)
        return FakeModel(role, said, pause, holds or {}, takes_image=role not in text_only)

    return Engine(
        load=load,
        run_case=fake_run_case,
        case_maps=fake_maps,
        methods=lambda: METHODS,
        text_maps=fake_text_maps,
        measure_trust=fake_trust,
    )
