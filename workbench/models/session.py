"""A model that is loaded and ready: prepare a question, stream an answer, teacher-force it."""

import contextvars
import gc
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import StoppingCriteriaList
from transformers.generation.logits_process import LogitsProcessorList

from workbench.errors import UserFacing
from workbench.models.answer import Answer, Decoding, Finish, Prompt, Question
from workbench.models.catalogue import ModelCard
from workbench.models.checkpoints.adapters import take_out
from workbench.models.checkpoints.pixel_cap import shown_note
from workbench.models.conversation import Images, as_pictures, conversation
from workbench.models.families import DecoderParts, Family, has_vision
from workbench.models.families.base import single_picture
from workbench.models.families.several import picture_boxes, picture_parts
from workbench.models.forced import ForcedPass, forced_pass
from workbench.models.generation import (
    GiveWay,
    IdStreamer,
    LogProbRecorder,
    OffsetDecoder,
    StopFlag,
    generate_arguments,
)
from workbench.models.options import option_probabilities
from workbench.models.prompts import neutral, prompt_inputs, render_question
from workbench.models.question_tokens import QuestionTokens, earlier_tokens, question_tokens
from workbench.models.sharing.sides import SharedWeights, Side
from workbench.models.sharing.unloaded import Unloaded


class LoadedModel:
    """Weights, processor and family adapter behind one lock.

    The weights are frozen and in eval mode; explaining runs the same kernels as answering. A base and the
    adapters on it are models of their own that share `weights`: whatever runs them does so inside of `lock`,
    which switches this model's adapter on. `adapter` is "name:digest" of that adapter, "" without one.
    """

    def __init__(
        self,
        card: ModelCard,
        model: Any,
        processor: Any,
        family: Family,
        revision: str,
        *,
        weights: SharedWeights | None = None,
        side: str | None = None,
        adapter: str = "",
    ) -> None:
        self.card, self.model, self.processor = card, model, processor
        self.family, self.revision, self.adapter = family, revision, adapter
        self.tokenizer = processor.tokenizer
        self.folder: Path | None = None  # where the weights were read from
        self.weights = weights or SharedWeights(model)
        self.weights.users += 1
        self.lock = Side(self.weights, side)

    def with_adapter(self, card: ModelCard, side: str, adapter: str, revision: str) -> "LoadedModel":
        """The model that an adapter on these weights makes of this one; see `adapters.put_on`.

        Its revision names both: what lies below changes its answers as much as the adapter does.
        """
        both = (self.revision, revision)
        joined = "unknown" if "unknown" in both else "+".join(both)
        return LoadedModel(
            card, self.model, self.processor, self.family, joined,
            weights=self.weights, side=side, adapter=adapter,
        )  # fmt: skip

    @property
    def loaded(self) -> bool:
        """Whether the weights are there; False after `unload`."""
        return not isinstance(self.model, Unloaded)

    @property
    def shared(self) -> bool:
        """Whether another model runs the same weights."""
        return self.weights.users > 1

    def unload(self) -> None:
        """Give the memory back, once what runs now has ended; a second call does nothing.

        What was answered stays readable; whatever needs the weights raises UserFacing from now on. Weights
        that another model runs as well stay with it; an adapter's own are taken out.
        """
        with self.lock:
            if not self.loaded:
                return
            model, self.model = self.model, Unloaded.of(self)
            self.weights.users -= 1
            if self.weights.users == 0:
                self.weights.drop()
            elif self.lock.adapter is not None:
                take_out(model, self.lock.adapter)
                self.weights.detach(self.lock.adapter)
        del model
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def label(self) -> str:
        return self.card.title

    @property
    def note(self) -> str:
        """A sentence that whoever reads this model's answers must know, empty as a rule."""
        return self.card.note

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype

    @property
    def parameters(self) -> int:
        """Numbers that the model runs with: the base's and, if it has one, its adapter's."""
        sides = {None, self.lock.adapter}
        return sum(p.numel() for side in sides for p in self._own_parameters(side))

    @property
    def memory_bytes(self) -> int:
        """Bytes of the weights that this model brings along: an adapter's alone where the base is shared."""
        sides = {self.lock.adapter} if self.shared else {None, self.lock.adapter}
        return sum(p.numel() * p.element_size() for side in sides for p in self._own_parameters(side))

    def _own_parameters(self, side: str | None) -> Iterable[torch.nn.Parameter]:
        return self.weights.own_parameters(side) if self.loaded else ()

    @property
    def decoder(self) -> DecoderParts:
        return self.family.decoder(self.model)

    @property
    def takes_image(self) -> bool:
        """Whether the model has a vision part; one without refuses pictures."""
        return has_vision(self.model.config)

    @property
    def can_backpropagate(self) -> bool:
        """Whether gradients can be taken: not through quantised weights, whose kernels round."""
        if not self.loaded:
            return False
        quantised = getattr(self.model, "is_quantized", False)
        return not quantised and all(p.is_floating_point() for p in self.model.parameters())

    def prepare(self, question: Question, images: Images) -> Prompt:
        """Turn a question and its images into model inputs and the geometry of the image tokens.

        `images` is None, one picture, or all pictures of the conversation in order: those of the question's
        `history` come first. Raises UserFacing for a picture given to a text-only model, and for several
        pictures given to a family that takes one.
        """
        pictures = as_pictures(images)
        if pictures and not self.takes_image:
            raise UserFacing(
                f"{self.label} only reads text: it has no part that looks at pictures.",
                "Ask without the picture (--no-image on the command line), or choose a model that takes one.",
            )
        template = self.card.templates[question.mode]
        turns = conversation(
            question, pictures, self._user_text, lambda text: neutral(text, self.tokenizer), template.system
        )
        inputs = prompt_inputs(self.processor, turns, plain=template.plain)
        inputs = {key: self._place(value) for key, value in inputs.items()}
        config = self.model.config
        if not pictures:
            return Prompt(question, inputs, np.zeros(0, np.int64), np.zeros((0, 4), np.float32), None)
        sizes = tuple((picture.width, picture.height) for picture in pictures)
        boxes, picture_of = picture_boxes(self.family, sizes, inputs, self.processor, config)
        positions = self.family.image_positions(inputs, config)
        return Prompt(question, inputs, positions, boxes, sizes[0], picture_of, sizes)

    def _user_text(self, question: Question) -> str:
        """The text of a user turn, in the card's template."""
        return neutral(render_question(question, self.card.templates[question.mode]), self.tokenizer)

    def question_tokens(self, prompt: Prompt) -> QuestionTokens:
        """The tokens of the prompt that hold the question, with their characters."""
        return question_tokens(prompt, self.tokenizer, self.card.templates[prompt.question.mode])

    def earlier_tokens(self, prompt: Prompt) -> np.ndarray:
        """Places of the text tokens of the turns before the question, int64 `[E]`."""
        return earlier_tokens(prompt, self.tokenizer, self.card.templates[prompt.question.mode])

    def _place(self, value: torch.Tensor) -> torch.Tensor:
        value = value.to(self.device)
        return value.to(self.dtype) if value.is_floating_point() else value

    def seen(self, prompt: Prompt, picture: int = 0) -> np.ndarray | None:
        """One whole picture as the vision tower was shown it, uint8 RGB `[h, w, 3]`; None if it wasn't."""
        inputs, seen = prompt.inputs, getattr(self.family, "seen", None)
        if len(prompt.image_sizes) > 1:
            parts = picture_parts(self.family, prompt.image_sizes, inputs, self.processor, self.model.config)
            inputs = parts[picture]
        if seen is None:
            return single_picture(inputs, self.processor)
        return seen(inputs, self.processor, self.model.config)

    def shown_note(self, prompt: Prompt) -> str:
        """A sentence where the picture was shown smaller than it is, else ""."""
        return shown_note(prompt, self.model.config)

    def stream(
        self, prompt: Prompt, decoding: Decoding | None = None, stop: threading.Event | None = None
    ) -> Iterator[Answer]:
        """Yield the growing answer token by token; the last one has `finish != "running"`.

        Setting `stop`, or closing the iterator, ends the generation at the next token; `stop` itself is only
        read, so that several streams may share it.
        """
        decoding, stop, closed = decoding or Decoding(), stop or threading.Event(), threading.Event()
        recorder = LogProbRecorder(prompt.length)
        streamer = IdStreamer(recorder)
        worker = threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._run_stream, prompt, decoding, StopFlag(stop, closed), recorder, streamer),
            daemon=True,
        )
        began = time.monotonic()
        decoder = OffsetDecoder(self.tokenizer)
        answer = Answer(decoding=decoding)
        worker.start()
        try:
            while (item := streamer.items.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                decoder.add(item[0])
                answer = Answer(
                    (*answer.ids, item[0]),
                    decoder.text,
                    tuple(decoder.offsets),
                    (*answer.logprobs, item[1]),
                    "running",
                    time.monotonic() - began,
                    decoding,
                )
                yield answer
            finish = self._finish(answer.ids, decoding, stop)
            yield replace(answer, finish=finish, seconds=time.monotonic() - began)
        finally:
            closed.set()
            worker.join()

    def _run_stream(
        self,
        prompt: Prompt,
        decoding: Decoding,
        stop: StopFlag,
        recorder: LogProbRecorder,
        streamer: IdStreamer,
    ) -> None:
        try:
            with self.lock:
                self._generate(prompt.inputs, decoding, stop, recorder, streamer)
        except Exception as error:  # noqa: BLE001 - handed over to the thread that reads the stream
            streamer.items.put(error)

    def _generate(
        self,
        inputs: dict[str, torch.Tensor],
        decoding: Decoding,
        stop: StopFlag,
        recorder: LogProbRecorder,
        streamer: IdStreamer | None = None,
    ) -> torch.Tensor:
        criteria = StoppingCriteriaList([stop])
        if decoding.temperature == 0:  # others could draw from the random numbers of a sampled answer
            criteria.append(GiveWay(self.lock.give_way))
        with torch.inference_mode(), self._seeded(decoding):
            sequences = self.model.generate(
                **inputs,
                **generate_arguments(decoding),
                logits_processor=LogitsProcessorList([recorder]),
                stopping_criteria=criteria,
                streamer=streamer,
            )
        recorder.settle(sequences)
        return sequences

    @contextmanager
    def _seeded(self, decoding: Decoding) -> Iterator[None]:
        """Sampling with the decoding's seed that leaves the global random state as it was."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices, enabled=decoding.temperature > 0):
            if decoding.temperature > 0:
                torch.manual_seed(decoding.seed)
            yield

    def _finish(self, ids: Sequence[int], decoding: Decoding, stop: threading.Event) -> Finish:
        if ids and ids[-1] in self._end_ids():
            return "stop"
        if stop.is_set():
            return "cancelled"
        return "length"

    def _end_ids(self) -> set[int]:
        end = self.model.generation_config.eos_token_id
        return set(end if isinstance(end, list) else [end]) - {None}

    def generate(self, prompt: Prompt, decoding: Decoding | None = None) -> Answer:
        """Generate without streaming."""
        return self.generate_batch([prompt], decoding)[0]

    def generate_batch(self, prompts: Sequence[Prompt], decoding: Decoding | None = None) -> list[Answer]:
        """Generate for several prompts in one left-padded batch; answers in the order of the prompts."""
        decoding = decoding or Decoding()
        if not prompts:
            return []
        pad = self.tokenizer.pad_token_id or 0
        inputs = prompts[0].inputs
        if len(prompts) > 1:
            inputs = self.family.collate([prompt.inputs for prompt in prompts], pad)
        length = inputs["input_ids"].shape[1]
        recorder, stop = LogProbRecorder(length), threading.Event()
        began = time.monotonic()
        with self.lock:
            sequences = self._generate(inputs, decoding, StopFlag(stop), recorder)
        seconds = (time.monotonic() - began) / len(prompts)
        answers = []
        for row, logprobs in zip(sequences[:, length:].tolist(), recorder.chosen, strict=True):
            ids = self._until_end(row)
            decoder = OffsetDecoder(self.tokenizer)
            for token in ids:
                decoder.add(token)
            finish = self._finish(ids, decoding, stop)
            offsets = tuple(decoder.offsets)
            answers.append(
                Answer(
                    tuple(ids), decoder.text, offsets, tuple(logprobs[: len(ids)]), finish, seconds, decoding
                )
            )
        return answers

    def _until_end(self, ids: list[int]) -> list[int]:
        ends = self._end_ids()
        for position, token in enumerate(ids):
            if token in ends:
                return ids[: position + 1]
        return ids

    def teacher_force(
        self, prompt: Prompt, ids: Sequence[int], *, collect: bool = False, columns: np.ndarray | None = None
    ) -> ForcedPass:
        """One pass over prompt + answer ids; equals generation's scores (1e-4 in float32).

        With `collect`, attention rows, values and head outputs are kept at the key `columns` int64 `[P]`
        (the image tokens, unless others are named, such as the question's).
        Raises ValueError for an empty answer, UserFacing for one that holds an image placeholder.
        """
        return forced_pass(self, prompt, ids, collect=collect, columns=columns)

    def option_probabilities(
        self,
        prompt: Prompt,
        answer: Answer,
        answer_start_token: int,
        options: Sequence[str],
        *,
        letters: bool,
    ) -> list[float]:
        """See `workbench.models.options.option_probabilities`."""
        return option_probabilities(self, prompt, answer, answer_start_token, options, letters=letters)
