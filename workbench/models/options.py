"""How likely each answer option is in place of the answer that was given."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import UserFacing
from workbench.models.answer import Answer, Prompt
from workbench.models.prompts import LETTERS

if TYPE_CHECKING:
    from workbench.models.session import LoadedModel


def option_probabilities(
    model: "LoadedModel",
    prompt: Prompt,
    answer: Answer,
    answer_start_token: int,
    options: Sequence[str],
    *,
    letters: bool,
) -> list[float]:
    """Probability of each option in place of the given answer, after the same reasoning.

    Each option's text (its letter, with `letters`) and the token that closes an answer are teacher-forced
    after `answer.ids[:answer_start_token]`; the summed log probs are softmaxed over the options. An option is
    scored as it is worded: where the model writes other words for it ("pleural effusion" for "effusion"), its
    probability is that of the option's words, not of the answer that was given.
    Raises UserFacing when there are no options.
    """
    if not options:
        raise UserFacing("There are no options to compare.", "Give at least two options.")
    head = list(answer.ids[:answer_start_token])
    close = model.tokenizer("</answer>", add_special_tokens=False)["input_ids"][:1]
    texts = [LETTERS[i] for i in range(len(options))] if letters else list(options)
    scores = []
    for text in texts:
        tail = [*model.tokenizer(text, add_special_tokens=False)["input_ids"], *close]
        scores.append(float(model.teacher_force(prompt, head + tail).logprobs[len(head) :].sum()))
    weights = np.exp(np.array(scores) - max(scores))
    return (weights / weights.sum()).tolist()
