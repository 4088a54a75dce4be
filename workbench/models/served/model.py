"""Any OpenAI-compatible server (vLLM, TGI, llama.cpp …) as a model: asked like any other, without weights."""

import base64
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import numpy as np

from workbench.imaging.medical_image import MedicalImage
from workbench.imaging.overlay import encode_png
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.catalogue import ModelCard
from workbench.models.conversation import Images, as_pictures, asked_turns
from workbench.models.prompts import LETTERS, render_question
from workbench.models.served.elsewhere import WeightsElsewhere
from workbench.models.served.faults import EndpointDown, NoAnswer
from workbench.models.served.reply import ChatReply
from workbench.models.served.server import ChatServer, Flag, Waiting

TOP = 20  # likeliest tokens asked for where there are options to compare: as many as vLLM and OpenAI give

Message = dict[str, Any]


class ServedModel:
    """A model on a server, with what a column, `run_bench` and the interventions that ask again need.

    `revision` is what the person states about the served weights: a server does not say. Pictures are sent as
    they are shown to local models, as lossless PNG inside the request. The prompts of a batch are asked
    `concurrency` at a time, each with a decoding, and so a seed, of its own where one is given for each;
    whether a server heeds seeds is its own affair. Answers carry no token ids (see `Answer`); whatever needs
    the weights raises WeightsElsewhere.
    """

    device = "endpoint"
    own_decodings = True
    image_budget: Mapping[str, Any] = {"sent": "PNG of the whole picture"}

    def __init__(
        self,
        server: ChatServer,
        *,
        name: str = "",
        revision: str = "",
        concurrency: int = 8,
        card: ModelCard | None = None,
    ) -> None:
        self.server, self.concurrency = server, concurrency
        self.revision = revision or f"not stated by {server.public_url}"
        self.name = name or server.model
        self.label = f"{server.model} at {server.public_url}"
        self.card = card or ModelCard(self.name, self.label, server.public_url)
        self.lock = threading.RLock()
        self._outcomes: dict[int, tuple[Prompt, ChatReply | Exception]] = {}

    @property
    def served_at(self) -> str:
        """Host and port of the server: what tells a served model from a loaded one."""
        return self.server.host

    @property
    def note(self) -> str:
        """A sentence that whoever reads this model's answers must know, empty as a rule."""
        return self.card.note

    @property
    def takes_image(self) -> bool:
        """Whether its card says that it takes pictures; a server that takes none refuses the question."""
        return self.card.takes_image

    def prepare(self, question: Question, images: Images) -> Prompt:
        """The turns of the conversation as messages; there are no image tokens to speak of."""
        pictures = as_pictures(images)
        sizes = tuple((picture.width, picture.height) for picture in pictures)
        none = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
        size = sizes[0] if sizes else None
        return Prompt(question, {"messages": self._messages(question, pictures)}, *none, size, none[0], sizes)

    def _messages(self, question: Question, pictures: Sequence[MedicalImage]) -> list[Message]:
        """The system turn, if any, then in each turn its pictures and the question in the card's template."""
        template = self.card.templates[question.mode]
        messages: list[Message] = [{"role": "system", "content": template.system}] if template.system else []
        start = 0
        for asked, answer, count in asked_turns(question):
            end = len(pictures) if count is None else start + count
            text = render_question(asked, self.card.templates[asked.mode])
            shown = [{"type": "image_url", "image_url": {"url": picture_url(p)}} for p in pictures[start:end]]
            content = [*shown, {"type": "text", "text": text}] if shown else text
            messages.append({"role": "user", "content": content})
            if answer is not None:
                messages.append({"role": "assistant", "content": answer})
            start = end
        return messages

    def shown_note(self, prompt: Prompt) -> str:
        """Nothing: what size the server shows a picture at, it does not say."""
        return ""

    def unload(self) -> None:
        """Nothing to free: the weights are elsewhere."""

    def seen(self, prompt: Prompt) -> None:
        """What the vision tower was shown: the server does not say."""
        return None

    def stream(
        self, prompt: Prompt, decoding: Decoding | None = None, stop: Flag | None = None
    ) -> Iterator[Answer]:
        """Yield the growing answer as it arrives; the last one has `finish != "running"`.

        While nothing comes, `note` says what is waited for. Setting `stop`, or closing the iterator, closes
        the connection. Raises NoAnswer and EndpointDown.
        """
        decoding = decoding or Decoding()
        self.server.reopen()
        answer = Answer(decoding=decoding)
        sampling = _sampling(prompt, decoding)
        for event in self.server.stream(prompt.inputs["messages"], stop=stop, **sampling):
            if isinstance(event, Waiting):
                yield Answer(**{**vars(answer), "note": event.sentence})
            else:
                answer = _answer(event, decoding)
                yield answer

    def generate(self, prompt: Prompt, decoding: Decoding | None = None) -> Answer:
        """Generate without streaming."""
        return self.generate_batch([prompt], decoding)[0]

    def generate_batch(
        self, prompts: Sequence[Prompt], decoding: Decoding | Sequence[Decoding] | None = None
    ) -> list[Answer]:
        """Answers in the order of the prompts; `decoding` is one for all of them or one for each.

        Raises EndpointDown when the server can't be used for now, and NoAnswer when it answers but not to one
        of the prompts. What was answered before that is kept for the next call, so that asking the same
        prompts one by one costs no second request. An answer that stayed cut after all tries is given so.
        """
        one = decoding or Decoding()
        decodings = [one] * len(prompts) if isinstance(one, Decoding) else list(one)
        self.server.reopen()
        kept = [self._outcomes.pop(id(prompt), None) for prompt in prompts]
        asked = [
            pair for pair, known in zip(zip(prompts, decodings, strict=True), kept, strict=True) if not known
        ]
        with ThreadPoolExecutor(max(1, min(self.concurrency, len(asked)))) as pool:
            fresh = pool.map(lambda pair: self._asked(*pair), asked)
            outcomes = [known[1] if known is not None else next(fresh) for known in kept]
        faults = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if faults and len(prompts) > 1:
            # The prompts are held too: an id alone could come to name another object.
            self._outcomes = {id(p): (p, found) for p, found in zip(prompts, outcomes, strict=True)}
        if faults:
            raise next((fault for fault in faults if isinstance(fault, EndpointDown)), faults[0])
        replies = zip(outcomes, decodings, strict=True)
        return [_answer(reply, decoding) for reply, decoding in replies if isinstance(reply, ChatReply)]

    def _asked(self, prompt: Prompt, decoding: Decoding) -> ChatReply | Exception:
        try:
            return self.server.ask(prompt.inputs["messages"], **_sampling(prompt, decoding))
        except (EndpointDown, NoAnswer) as fault:
            return fault

    def option_probabilities(
        self,
        prompt: Prompt,
        answer: Answer,
        answer_start_token: int,
        options: Sequence[str],
        *,
        letters: bool,
    ) -> list[float] | None:
        """Probability of each option's letter in place of the given one, over the options.

        None unless the server told log p of every option's letter there, written as the given one is: what is
        not among the likeliest tokens is not known, and texts of several tokens can't be compared.
        """
        if not letters or answer_start_token >= len(answer.top_logprobs):
            return None
        start, end = answer.offsets[answer_start_token]
        given, likeliest = answer.text[start:end], answer.top_logprobs[answer_start_token]
        letter = given.strip()
        if letter not in LETTERS[: len(options)] or len(letter) != 1:
            return None
        found = [likeliest.get(given.replace(letter, other)) for other in LETTERS[: len(options)]]
        known = np.array([value for value in found if value is not None], np.float64)
        if len(known) < len(options):
            return None
        weights = np.exp(known - known.max())
        return (weights / weights.sum()).tolist()

    def teacher_force(self, *_: Any, **__: Any) -> NoReturn:
        """Raises WeightsElsewhere."""
        raise self._elsewhere

    def question_tokens(self, *_: Any) -> NoReturn:
        """Raises WeightsElsewhere."""
        raise self._elsewhere

    @property
    def tokenizer(self) -> NoReturn:
        """Raises WeightsElsewhere."""
        raise self._elsewhere

    @property
    def family(self) -> NoReturn:
        """Raises WeightsElsewhere."""
        raise self._elsewhere

    @property
    def decoder(self) -> NoReturn:
        """Raises WeightsElsewhere."""
        raise self._elsewhere

    @property
    def _elsewhere(self) -> WeightsElsewhere:
        return WeightsElsewhere(self.label, self.served_at)


def picture_url(image: MedicalImage) -> str:
    """A data URL holding the picture as PNG."""
    return "data:image/png;base64," + base64.b64encode(encode_png(image.pixels)).decode("ascii")


def _sampling(prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
    return {
        "max_tokens": decoding.max_new_tokens, "temperature": decoding.temperature, "top_p": decoding.top_p,
        "seed": decoding.seed, "logprobs": True, "top": TOP if len(prompt.question.options) > 1 else 0,
    }  # fmt: skip


def _answer(reply: ChatReply, decoding: Decoding) -> Answer:
    return Answer(
        text=reply.text, offsets=reply.offsets, logprobs=reply.logprobs, finish=reply.finish,
        seconds=reply.seconds, decoding=decoding, top_logprobs=reply.top_logprobs, note=reply.note,
    )  # fmt: skip
