"""Any OpenAI-compatible server (vLLM, TGI, llama.cpp …) as a model of the benchmark runner."""

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from workbench.bench.asking.chat import ChatReply, ChatServer, EndpointDown, NoAnswer, served_models
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.imaging.overlay import encode_png
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.catalogue import ModelCard
from workbench.models.conversation import Images, as_pictures, asked_turns
from workbench.models.prompts import render_question

__all__ = ["ChatServer", "EndpointDown", "EndpointModel", "NoAnswer", "connect"]

Message = dict[str, Any]


class EndpointModel:
    """A served model with what `run_bench` needs (`conditions.Answerer`).

    `revision` is what the person states about the served weights: a server does not say. Pictures are sent as
    they are shown to local models, as lossless PNG inside the request. The prompts of a batch are asked
    `concurrency` at a time, each with a decoding, and so a seed, of its own where one is given for each;
    whether a server heeds seeds is its own affair. Answers carry no token ids and no probabilities.
    """

    device = "endpoint"
    own_decodings = True
    image_budget: Mapping[str, Any] = {"sent": "PNG of the whole picture"}

    def __init__(
        self,
        server: ChatServer,
        *,
        name: str = "",
        revision: str = "not stated by the server",
        concurrency: int = 8,
        card: ModelCard | None = None,
    ) -> None:
        self.server, self.revision, self.concurrency = server, revision, concurrency
        self.name = name or server.model
        self.label = f"{server.model} at {server.public_url}"
        self.card = card or ModelCard(self.name, self.label, server.public_url)
        self._outcomes: dict[int, tuple[Prompt, ChatReply | Exception]] = {}

    def prepare(self, question: Question, images: Images) -> Prompt:
        """The turns of the conversation: in each its pictures, then the question in the card's template."""
        pictures, messages, start = as_pictures(images), list[Message](), 0
        for asked, answer, count in asked_turns(question):
            end = len(pictures) if count is None else start + count
            text = render_question(asked, self.card.templates[asked.mode])
            shown = [{"type": "image_url", "image_url": {"url": picture_url(p)}} for p in pictures[start:end]]
            content = [*shown, {"type": "text", "text": text}] if shown else text
            messages.append({"role": "user", "content": content})
            if answer is not None:
                messages.append({"role": "assistant", "content": answer})
            start = end
        sizes = tuple((picture.width, picture.height) for picture in pictures)
        none = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
        size = sizes[0] if sizes else None
        return Prompt(question, {"messages": messages}, *none, size, none[0], sizes)

    def generate_batch(
        self, prompts: Sequence[Prompt], decoding: Decoding | Sequence[Decoding] | None = None
    ) -> list[Answer]:
        """Answers in the order of the prompts; `decoding` is one for all of them or one for each.

        Raises EndpointDown when the server can't be used for now, and NoAnswer when it answers but not to one
        of the prompts. What was answered before that is kept for the next call, so that asking the same
        prompts one by one costs no second request.
        """
        one = decoding or Decoding()
        decodings = [one] * len(prompts) if isinstance(one, Decoding) else list(one)
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
            return self.server.ask(
                prompt.inputs["messages"],
                max_tokens=decoding.max_new_tokens,
                temperature=decoding.temperature,
                top_p=decoding.top_p,
                seed=decoding.seed,
            )
        except (EndpointDown, NoAnswer) as fault:
            return fault


def connect(ref: str, key: str | None = None, **settings: Any) -> EndpointModel:
    """The model behind "URL" or "URL#model"; without a model name, the only one that the server offers.

    `settings` go to EndpointModel. Raises UserFacing (EndpointDown where the server can't be reached).
    """
    return EndpointModel(open_server(ref, key), **settings)


def open_server(ref: str, key: str | None = None) -> ChatServer:
    """The server behind "URL" or "URL#model"; raises UserFacing as `connect` does."""
    parts = urlsplit(ref)
    url, model = urlunsplit(parts._replace(fragment="")), parts.fragment
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserFacing(
            f"{ref!r} is no address of a server.", "Give it like http://localhost:8000/v1#model-name."
        )
    if not model:
        offered = served_models(url, key)
        if len(offered) != 1:
            raise UserFacing(
                f"The server offers {len(offered)} models: {', '.join(offered[:5])}.",
                "Name one after a #, like http://localhost:8000/v1#model-name.",
            )
        model = offered[0]
    return ChatServer(url, model, key)


def picture_url(image: MedicalImage) -> str:
    """A data URL holding the picture as PNG."""
    return "data:image/png;base64," + base64.b64encode(encode_png(image.pixels)).decode("ascii")


def _answer(reply: ChatReply, decoding: Decoding) -> Answer:
    finish = "length" if reply.finish == "length" else "stop"
    return Answer(text=reply.text, finish=finish, seconds=reply.seconds, decoding=decoding)
