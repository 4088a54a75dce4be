"""Reading one forward pass: each layer's attention is reduced as soon as the layer has run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.explain.contributions import direct_contribution, head_directions, readout_rows
from workbench.models.answer import Prompt
from workbench.models.probe import RowCollector, collecting
from workbench.models.session import LoadedModel

TEXT_GROUPS = ("first token", "prompt text", "answer so far", "earlier turns")


class SharedPassReader:
    """Collects, layer by layer, what `Evidence` holds of a teacher-forced pass.

    Attention over all N columns of a layer is held only while that layer is read; what stays is the image's
    columns, sums over the groups of text columns, and direct contributions (not yet divided by the final
    norm's scale, which is known only at the end).
    """

    def __init__(self, model: LoadedModel, prompt: Prompt, ids: tuple[int, ...]) -> None:
        self.parts, self.stored = model.decoder, model.dtype
        length = prompt.length + len(ids)
        self.rows = torch.arange(prompt.length - 1, length - 1)
        self.image = torch.from_numpy(prompt.image_positions)
        self.members = text_groups(prompt, length, model.earlier_tokens(prompt))
        self.collector = RowCollector(self.rows, torch.arange(length))
        self.readout = readout_rows(self.parts, torch.tensor(ids))
        self.attention: list[torch.Tensor] = []
        self.text_attention: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.head_output: list[torch.Tensor] = []
        self.image_part: list[torch.Tensor] = []
        self.whole_part: list[torch.Tensor] = []
        self.patches = torch.zeros(len(ids), len(self.image))
        self.text = torch.zeros(len(ids), self.members.shape[1])
        self.states: list[torch.Tensor] = []
        self.late = self.final = torch.zeros(0)

    def read(self, layer: int) -> None:
        """Reduce the rows of the layer that has just run."""
        module = self.parts.attention(layer)
        found = self.collector.layers.pop(module.layer_idx)
        image = found.attention[:, :, self.image]
        directions = head_directions(self.parts, layer, found.head_output, self.readout)
        written = direct_contribution(found.attention, found.values, directions)
        on_image = written[:, :, self.image]
        self.attention.append(image)
        self.text_attention.append(found.attention @ self.members)
        self.image_part.append(on_image.sum(-1))
        self.whole_part.append((found.head_output * directions).sum(-1))
        self.patches += on_image.sum(0)
        self.text += written.sum(0) @ self.members
        groups = getattr(module, "num_key_value_groups", 1)
        self.values.append(found.values[::groups, self.image].to(self.stored))
        self.head_output.append(found.head_output.to(self.stored))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the forward pass that runs inside; no hook is left behind, also on failure."""
        with ExitStack() as stack:
            for layer, block in enumerate(self.parts.layers):
                attention = self.parts.attention(layer)
                stack.callback(attention.register_forward_hook(self._reader(layer)).remove)
                stack.callback(block.register_forward_pre_hook(self._keep_state(layer)).remove)
            norm = self.parts.final_norm
            stack.callback(norm.register_forward_pre_hook(self._keep_state(len(self.parts.layers))).remove)
            stack.enter_context(collecting(self.collector))
            yield

    def _reader(self, layer: int) -> Any:
        def hook(_module: nn.Module, _arguments: Any, _output: Any) -> None:
            self.read(layer)

        return hook

    def _keep_state(self, layer: int) -> Any:
        """The state that enters layer `layer` is what layer `layer` − 1 left, with what was added between."""
        last = len(self.parts.layers)

        def hook(_module: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
            state = arguments[0][0]
            if layer > 0:
                self.states.append(state[self.image.to(state.device)].cpu())
            if layer == last - 1:
                self.late = state.float().cpu()
            elif layer == last:
                self.final = state

        return hook


def text_groups(prompt: Prompt, length: int, earlier: np.ndarray) -> torch.Tensor:
    """Membership `[N, 4]` of every position in TEXT_GROUPS; image tokens are in none.

    `earlier` int64 `[E]` are the places of the earlier turns' text (`LoadedModel.earlier_tokens`).
    """
    members = torch.zeros(length, len(TEXT_GROUPS))
    members[1 : prompt.length, 1] = 1
    members[prompt.length :, 2] = 1
    members[torch.from_numpy(earlier)] = torch.tensor([0.0, 0.0, 0.0, 1.0])
    members[0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    members[torch.from_numpy(prompt.image_positions)] = 0
    return members
