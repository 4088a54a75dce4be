"""Teacher forcing: one pass over a prompt and an answer that is already known."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from workbench.errors import UserFacing
from workbench.models.answer import Prompt
from workbench.models.probe import RowCollector, collecting

if TYPE_CHECKING:
    from workbench.models.session import LoadedModel


@dataclass(frozen=True)
class ForcedPass:
    """One teacher-forced pass over an answer.

    `logprobs` and `entropy` (nats) float32 `[T]`, row t−1 predicting token t; `hidden` float32 `[T, d]` is
    the input of the final norm at the predicting rows; `collector` holds attention rows when asked for.
    """

    logprobs: np.ndarray
    entropy: np.ndarray
    hidden: torch.Tensor
    collector: RowCollector | None


def placeholder_in(prompt: Prompt, ids: Sequence[int]) -> int | None:
    """Index in `ids` of the first token that would be read as a place for the prompt's picture, if any."""
    image_tokens = set(prompt.inputs["input_ids"][0].tolist()[place] for place in prompt.image_positions)
    return next((index for index, token in enumerate(ids) if token in image_tokens), None)


def require_no_placeholder(model: "LoadedModel", prompt: Prompt, ids: Sequence[int]) -> None:
    """Raises UserFacing for an answer that no pass over prompt and answer can read."""
    index = placeholder_in(prompt, ids)
    if index is None:
        return
    name = model.tokenizer.convert_ids_to_tokens(ids[index])
    raise UserFacing(
        f"The model wrote {name} as token {index + 1} of its answer, the sign that holds a place for the "
        "picture. Read again, the answer would ask for another picture there, so it can't be explained.",
        "Ask again in other words, or use another model.",
    )


def forced_pass(
    model: "LoadedModel", prompt: Prompt, ids: Sequence[int], *, collect: bool, columns: np.ndarray | None
) -> ForcedPass:
    """See `LoadedModel.teacher_force`."""
    if not ids:
        raise ValueError("cannot teacher-force an empty answer")
    require_no_placeholder(model, prompt, ids)
    target = torch.tensor(list(ids), device=model.device)
    inputs = model.family.extend(prompt.inputs, target)
    rows = torch.arange(prompt.length - 1, prompt.length - 1 + len(ids), device=model.device)
    columns = prompt.image_positions if columns is None else columns
    collector = RowCollector(rows, torch.from_numpy(columns)) if collect else None
    kept: list[torch.Tensor] = []

    def keep(_module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        kept.append(arguments[0][0, rows].float().cpu())

    # The hook is set inside of the lock: a pass of another thread must not run into it.
    with model.lock, torch.inference_mode(), collecting(collector) if collector else nullcontext():
        hook = model.decoder.final_norm.register_forward_pre_hook(keep)
        try:
            logits = model.model(**inputs, logits_to_keep=rows, use_cache=False).logits[0].float()
        finally:
            hook.remove()
    logp = logits.log_softmax(-1)
    chosen = logp.gather(1, target[:, None])[:, 0]
    entropy = -(logp.exp() * logp).nan_to_num().sum(-1)
    return ForcedPass(chosen.cpu().numpy(), entropy.cpu().numpy(), kept[0], collector)
