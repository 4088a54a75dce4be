"""What is asked of a model and what it gives back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

Mode = Literal["trace", "short", "bare"]
Finish = Literal["running", "stop", "length", "cancelled", "cut"]


@dataclass(frozen=True)
class Turn:
    """An earlier turn of a conversation: what was asked, what the model answered, and how many pictures the
    turn brought."""

    text: str
    answer: str
    pictures: int = 0
    options: tuple[str, ...] = ()
    mode: Mode = "trace"


@dataclass(frozen=True)
class Question:
    """A question with optional answer options; `mode` picks the prompt template of the model card.

    "trace" asks for reasoning, "short" for the answer alone, "bare" sends the question as it stands.
    `history` holds the turns before it, oldest first. Their pictures come before the question's own.
    """

    text: str
    options: tuple[str, ...] = ()
    mode: Mode = "trace"
    history: tuple[Turn, ...] = ()

    @property
    def earlier_pictures(self) -> int:
        """How many pictures the earlier turns brought."""
        return sum(turn.pictures for turn in self.history)


@dataclass(frozen=True)
class Decoding:
    """Decoding settings; temperature 0 means greedy, `top_k` 0 draws from all tokens.

    `max_new_tokens` 0 stands for the longest answer of the model's card, until a model is asked. `recover` is
    for whoever reads the answer, not for generation: whether a model whose answer names no option is
    asked again for a letter (`cases.recovery`); None leaves it to the model's kind.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    top_k: int = 0
    recover: bool | None = None

    def record(self) -> dict[str, Any]:
        """The settings for a file. Those that are off and that earlier files don't know are left out, so that
        their answers keep their keys."""
        settings = asdict(self)
        return {name: settings[name] for name in settings if name not in _LATER or settings[name]}


_LATER = ("top_k", "recover")


@dataclass(frozen=True)
class Prompt:
    """One prepared question: model inputs plus the geometry of the images in them.

    `inputs` holds batch-1 tensors as the model takes them. `image_positions` int64 `[P]` are the
    places of the image tokens in `input_ids`; `boxes` float32 `[P, 4]` are their patches as
    x0, y0, x1, y1 in pixels of their own original image (clipped to it; empty boxes are padding).
    `image_sizes` has (width, height) of every picture, in the order of the conversation; `picture_of` int64
    `[P]` is the number of the picture that each image token belongs to. Left out, there is one picture, of
    `image_size`, or none.
    """

    question: Question
    inputs: dict[str, Any]
    image_positions: np.ndarray
    boxes: np.ndarray
    image_size: tuple[int, int] | None  # (width, height) of the first picture
    picture_of: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    image_sizes: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.image_sizes and self.image_size is not None:
            object.__setattr__(self, "image_sizes", (self.image_size,))
        if len(self.picture_of) != len(self.boxes):
            object.__setattr__(self, "picture_of", np.zeros(len(self.boxes), np.int64))

    @property
    def length(self) -> int:
        return int(self.inputs["input_ids"].shape[1])


@dataclass(frozen=True)
class Answer:
    """A generated answer. The ids are the truth; the text is only their decoding.

    `offsets[i]` is the (start, end) character range of token i in `text`; special tokens have empty
    ranges. `logprobs[i]` is log p of token i under the raw (untempered) next-token distribution.
    `recovered_from` is the first token that the recovery pass added, None without one.

    A server sends text and no ids: `ids` is then empty, the text is the truth, and `offsets` are the ranges
    of the pieces in which it came. Where the server gave log probs, the pieces are its tokens, with one of
    `logprobs` each (else empty), and `top_logprobs[i]` are the likeliest tokens in the place of piece i where
    they were asked for. `finish` "cut" is an answer whose end never arrived; `note` says why, or what is
    waited for while nothing comes.
    """

    ids: tuple[int, ...] = ()
    text: str = ""
    offsets: tuple[tuple[int, int], ...] = ()
    logprobs: tuple[float, ...] = ()
    finish: Finish = "running"
    seconds: float = 0.0
    decoding: Decoding = field(default_factory=Decoding)
    top_logprobs: tuple[Mapping[str, float], ...] = ()
    note: str = ""
    recovered_from: int | None = None

    @property
    def recovered(self) -> bool:
        """Whether the option was only got by asking again for a letter."""
        return self.recovered_from is not None
