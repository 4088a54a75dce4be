"""What stands where a model's weights were: it tells what they were, and refuses to run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from workbench.errors import UserFacing

if TYPE_CHECKING:
    from workbench.models.session import LoadedModel


@dataclass(frozen=True)
class Unloaded:
    """The facts of a model that was unloaded, which its answers still show."""

    label: str
    config: Any
    generation_config: Any
    device: torch.device
    dtype: torch.dtype

    @classmethod
    def of(cls, model: "LoadedModel") -> "Unloaded":
        """The facts of a model whose weights are still there."""
        held = model.model
        return cls(model.label, held.config, held.generation_config, held.device, held.dtype)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self.refusal()

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise self.refusal()

    def refusal(self) -> UserFacing:
        """What whoever wants to run the model is told."""
        return UserFacing(
            f"{self.label} was unloaded, so nothing new can be computed with it.",
            "What was answered before can still be read. Load the model again and ask again.",
        )
