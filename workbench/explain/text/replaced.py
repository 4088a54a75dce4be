"""The answer scored again while parts of the text before it are blanked out: the causal measurement."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch

from workbench.cases.answered import AnsweredCase
from workbench.models.forced import require_no_placeholder
from workbench.models.session import LoadedModel

BATCH = 8
BLANK = "_"  # a gap in a cloze text: the length, and so the place of every other token, stays


def blank_id(model: LoadedModel) -> int:
    """The token that stands for each token of a blanked part."""
    return int(model.tokenizer(BLANK, add_special_tokens=False)["input_ids"][-1])


class BlankedText:
    """log p of the answer's own tokens when other tokens of prompt and answer are blanked.

    `before` float32 `[T]` is the undisturbed answer. `passes` counts what was run.
    """

    def __init__(self, case: AnsweredCase) -> None:
        model, prompt, ids = case.model, case.prompt, case.answer.ids
        require_no_placeholder(model, prompt, ids)
        self._model, self._ids = model, torch.tensor(ids, device=model.device)
        self._inputs = model.family.extend(prompt.inputs, self._ids)
        first = prompt.length - 1
        self._rows = torch.arange(first, first + len(ids), device=model.device)
        self._blank = blank_id(model)
        self.passes = 0
        (self.before,) = self.scored([()])

    def scored(
        self, blanked: Iterable[Sequence[int]], halt: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """float32 `[B, T]` for sets of places in prompt + answer; `halt(passes run)` may raise between
        batches. Out of memory falls back to one at a time."""
        wanted, size, found = list(blanked), BATCH, []
        while wanted:
            try:
                found.append(self._pass(wanted[:size]))
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size = 1
                continue
            self.passes += len(found[-1])
            wanted = wanted[size:]
            if halt is not None:
                halt(self.passes)
        return np.concatenate(found) if found else np.zeros((0, len(self._ids)), np.float32)

    def _pass(self, blanked: Sequence[Sequence[int]]) -> np.ndarray:
        model, rows = self._model, []
        for places in blanked:
            ids = self._inputs["input_ids"].clone()
            ids[0, list(places)] = self._blank
            rows.append(self._inputs | {"input_ids": ids})
        inputs = rows[0]
        if len(rows) > 1:
            inputs = model.family.collate(rows, model.tokenizer.pad_token_id or 0)
        with model.lock, torch.inference_mode():
            logits = model.model(**inputs, logits_to_keep=self._rows, use_cache=False).logits
            chosen = [row.float().log_softmax(-1).gather(1, self._ids[:, None])[:, 0].cpu() for row in logits]
        return torch.stack(chosen).numpy()
