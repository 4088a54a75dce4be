"""Generation plumbing: recording log probs, streaming ids, stopping, offsets of tokens in the text."""

import queue
import threading
from collections.abc import Callable
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from workbench.models.answer import Decoding


class LogProbRecorder(LogitsProcessor):
    """Keeps the raw next-token log probs of the step in flight, then reads off the chosen tokens.

    `chosen[b]` lists log p of each generated id of row b. Memory is one `[B, V]` row, not one a step.
    """

    def __init__(self, prompt_length: int) -> None:
        self.prompt_length = prompt_length
        self.chosen: list[list[float]] = []
        self._last: torch.Tensor | None = None

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self.settle(input_ids)
        self._last = scores.float().log_softmax(-1)
        return scores

    def settle(self, input_ids: torch.Tensor) -> None:
        """Read log p of the newest ids off the last step's distribution."""
        if self._last is None or input_ids.shape[1] <= self.prompt_length:
            return
        newest = input_ids[:, -1]
        values = self._last.gather(1, newest[:, None])[:, 0].tolist()
        if not self.chosen:
            self.chosen = [[] for _ in values]
        for row, value in zip(self.chosen, values, strict=True):
            row.append(value)
        self._last = None

    def newest(self, token: int) -> float:
        """Log p of `token` under the step in flight (batch 1), before it is settled."""
        return float(self._last[0, token]) if self._last is not None else float("nan")


class StopFlag(StoppingCriteria):
    """Stops every row once any of the events is set."""

    def __init__(self, *stops: threading.Event) -> None:
        self.stops = stops

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: Any) -> torch.Tensor:
        return torch.full(
            (input_ids.shape[0],),
            any(stop.is_set() for stop in self.stops),
            device=input_ids.device,
            dtype=torch.bool,
        )


class GiveWay(StoppingCriteria):
    """Between two tokens, lets whoever waits for the model have a turn; stops nothing."""

    def __init__(self, give_way: Callable[[], object]) -> None:
        self.give_way = give_way

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: Any) -> torch.Tensor:
        self.give_way()
        return torch.zeros(input_ids.shape[0], device=input_ids.device, dtype=torch.bool)


class IdStreamer(BaseStreamer):
    """Puts (id, log p) of each new token on a queue; None marks the end, an exception a failure."""

    def __init__(self, recorder: LogProbRecorder) -> None:
        self.items: queue.Queue[tuple[int, float] | BaseException | None] = queue.Queue()
        self._recorder = recorder
        self._prompt_seen = False

    def put(self, value: torch.Tensor) -> None:
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        token = int(value.reshape(-1)[-1])
        self.items.put((token, self._recorder.newest(token)))

    def end(self) -> None:
        self.items.put(None)


def generate_arguments(decoding: Decoding) -> dict[str, Any]:
    """Arguments of `model.generate` for our decoding record; greedy at temperature 0."""
    arguments: dict[str, Any] = {
        "max_new_tokens": decoding.max_new_tokens,
        "do_sample": decoding.temperature > 0,
    }
    if decoding.temperature > 0:
        # Without top_k 0 transformers cuts to the 50 likeliest tokens, which no decoding record says.
        drawn = {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": decoding.top_k}
        arguments |= drawn
    return arguments


class OffsetDecoder:
    """Decodes a growing id list and says which characters each token added.

    Byte-level tokens that end inside a multi-byte character add nothing until the character is complete;
    the token that completes it gets the whole character. Special tokens get empty ranges.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self.text = ""
        self.offsets: list[tuple[int, int]] = []

    def add(self, token: int) -> None:
        self._ids.append(token)
        decoded = self._tokenizer.decode(
            self._ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        stable = decoded.rstrip("\ufffd")
        start = self.offsets[-1][1] if self.offsets else 0
        end = max(start, len(stable))
        self.text = stable if len(stable) >= start else self.text
        self.offsets.append((start, end))
