"""The recovery pass: an answer that names none of its options is asked again for one letter.

As in MedSSR's evaluation (arXiv 2604.11547): the partial answer is fed back, and only the options' letters
may follow. Here the answer is continued with "The answer is", its open thinking closed before, and the
likeliest allowed letter is taken (the logits of every other token are masked). Such an answer is flagged.
"""

from collections.abc import Sequence
from dataclasses import replace
from os.path import commonprefix
from typing import TYPE_CHECKING

import torch

from workbench.models.answer import Answer, Decoding, Prompt
from workbench.models.continuing import continued, joined
from workbench.models.forced import placeholder_in
from workbench.models.prompts import LETTERS
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.traces.grammar import TAG, lay_out
from workbench.traces.read import read_trace
from workbench.traces.trace import Trace

if TYPE_CHECKING:
    from workbench.models.session import LoadedModel

CUE = "\n\nThe answer is"


def is_wanted(model: "LoadedModel", decoding: Decoding) -> bool:
    """Whether answers of this model are recovered: as the decoding says, else those of text-only models.

    Never those of a served model, which can't be held to letters.
    """
    if weights_elsewhere(model) is not None:
        return False
    return not model.takes_image if decoding.recover is None else decoding.recover


def recovered_answer(
    model: "LoadedModel",
    prompt: Prompt,
    answer: Answer,
    options: Sequence[str],
    trace: Trace | None = None,
) -> Answer | None:
    """The answer with a letter of `options` at its end; None where it needs none or can't be given one.

    It needs none without two options, with one that can be read, and when it was stopped by a person. `trace`
    is how the answer was read, where that is not from its own text alone. Two passes over prompt and answer.
    """
    trace = trace or read_trace(answer.text, answer.offsets, tuple(options))
    if len(options) < 2 or trace.answer_letter is not None or answer.finish == "cancelled":
        return None
    head = _without_end(model, answer.ids)
    coded = _coded(model, _closing(answer.text) + CUE, len(options))
    if coded is None or placeholder_in(prompt, head) is not None:
        return None
    shared = len(commonprefix(coded))
    allowed = torch.tensor([ids[shared] for ids in coded], device=model.device)
    inputs = continued(model, prompt, (*head, *coded[0][:shared])).inputs
    with model.lock, torch.inference_mode():
        logits = model.model(**inputs, logits_to_keep=1, use_cache=False).logits[0, -1].float()
    chosen = coded[int(logits[allowed].argmax())]
    ids = (*head, *chosen)
    logprobs = model.teacher_force(prompt, ids).logprobs[len(head) :].tolist()
    written = replace(answer, ids=head, logprobs=answer.logprobs[: len(head)])
    again = joined(model, ids, written)
    return replace(again, logprobs=(*written.logprobs, *logprobs), recovered_from=len(head))


def _without_end(model: "LoadedModel", ids: tuple[int, ...]) -> tuple[int, ...]:
    special = set(model.tokenizer.all_special_ids)
    end = len(ids)
    while end and ids[end - 1] in special:
        end -= 1
    return ids[:end]


def _closing(text: str) -> str:
    """The tag that closes thinking which is still open, "" where none is."""
    if lay_out(text).shape != "open":
        return ""
    names = [tag["think"] for tag in TAG.finditer(text) if tag["think"] and not tag["slash"]]
    return f"\n</{names[-1].lower()}>"


def _coded(model: "LoadedModel", cue: str, options: int) -> list[list[int]] | None:
    """The ids of the cue with each letter, which differ from one id on; None where a tokenizer can't do that.

    Where it merges the space with some letters only, space and letter are coded apart.
    """

    def code(text: str) -> list[int]:
        return model.tokenizer(text, add_special_tokens=False)["input_ids"]

    letters = LETTERS[:options]
    together = [code(f"{cue} {letter}") for letter in letters]
    for coded in (together, [[*code(f"{cue} "), *code(letter)] for letter in letters]):
        shared = len(commonprefix(coded))
        if len({ids[shared] for ids in coded if len(ids) > shared}) == options:
            return coded
    return None
