"""Which tokens of a prompt hold the question, and which of its characters each of them holds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.models.answer import Prompt
from workbench.models.generation import OffsetDecoder
from workbench.models.prompts import neutral, question_block
from workbench.models.templates import Template


@dataclass(frozen=True)
class QuestionTokens:
    """The tokens of a prompt that hold the question and its lettered options.

    `positions` int64 `[Q]` are their places in `input_ids`; `offsets[i]` is the (start, end) range of token
    i's characters in `text`. Tokens on the border with the template are cut to the question's characters;
    a token that holds only the first bytes of a character has an empty range at that character.
    """

    text: str
    positions: np.ndarray
    offsets: tuple[tuple[int, int], ...]


def question_tokens(prompt: Prompt, tokenizer: Any, template: Template) -> QuestionTokens:
    """Find the question in a prompt that was made with `template`, after its image tokens.

    Without any position when the tokenizer doesn't give back the question's text as it was asked.
    """
    text = neutral(question_block(prompt.question, template), tokenizer)
    first = int(prompt.image_positions[-1]) + 1 if len(prompt.image_positions) else 0
    decoder = OffsetDecoder(tokenizer)
    ids = prompt.inputs["input_ids"][0, first:].tolist()
    for token in ids:
        decoder.add(token)
    # The same words may have been asked before: the last ones are the question.
    find = decoder.text.rfind if prompt.question.history else decoder.text.find
    begin = find(text) if text else -1
    if begin < 0:
        return QuestionTokens(text, np.zeros(0, np.int64), ())
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    finish, inside = begin + len(text), []
    for place, (token, (start, end)) in enumerate(zip(ids, decoder.offsets, strict=True)):
        opens = start == end == begin and token not in special  # the first bytes of the first character
        if start < finish and (end > begin or opens):
            inside.append((first + place, max(start, begin) - begin, min(end, finish) - begin))
    positions = np.array([place for place, _, _ in inside], np.int64)
    return QuestionTokens(text, positions, tuple((start, end) for _, start, end in inside))


def earlier_tokens(prompt: Prompt, tokenizer: Any, template: Template) -> np.ndarray:
    """Places of the text tokens of earlier turns, their questions and answers, int64 `[E]`; often none.

    They begin with the first question (a system turn before it is none of them) and end with the last earlier
    answer; where the chat template changed that answer, so that it isn't found, with the token before the
    question.
    """
    if not prompt.question.history:
        return np.zeros(0, np.int64)
    asked = question_tokens(prompt, tokenizer, template).positions
    before = int(asked[0]) if len(asked) else prompt.length
    places = np.setdiff1d(np.arange(before), prompt.image_positions)
    decoder = OffsetDecoder(tokenizer)
    for token in prompt.inputs["input_ids"][0, places].tolist():
        decoder.add(token)
    history = prompt.question.history
    start = max(decoder.text.find(neutral(history[0].text.strip(), tokenizer)), 0)
    answer = neutral(history[-1].answer, tokenizer).strip()
    found = decoder.text.rfind(answer) if answer else -1
    end = found + len(answer) if found >= 0 else len(decoder.text)
    inside = [p for p, (a, b) in zip(places, decoder.offsets, strict=True) if a < end and b > start]
    return np.array(inside, np.int64)
