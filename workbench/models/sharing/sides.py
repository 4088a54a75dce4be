"""One set of weights, several models: a base and the adapters on it, each run with its own layers on."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from workbench.models.sharing.turns import Turns


class SharedWeights:
    """The weights of one or several models, and the adapters on them; at most one is switched on at a time.

    Every layer with an adapter refuses to run outside of a `Side`, so that no pass can take place with the
    wrong one. `users` counts the models that run these weights.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model: Any = model
        self.turns = Turns()
        self.adapters: list[str] = []
        self.users = 0
        self._active: str | None = None
        self._layers: list[Any] = []
        self._before: list[str | None] = []
        self._hooks: list[Any] = []

    def attach(self, adapter: str) -> None:
        """Take an adapter over that was just put in; it is off until its side has its turn."""
        self.adapters.append(adapter)
        self._refresh()

    def detach(self, adapter: str) -> None:
        """Forget an adapter whose layers were just taken out."""
        self.adapters.remove(adapter)
        self._refresh()

    def own_parameters(self, adapter: str | None) -> Iterable[nn.Parameter]:
        """The numbers that one side brings along: an adapter's, or with None those below all adapters."""
        for name, parameter in self.model.named_parameters():
            owner = next((one for one in self.adapters if f".{one}." in f".{name}."), None)
            if owner == adapter:
                yield parameter

    def begin(self, adapter: str | None) -> None:
        """Switch to a side; the caller has its turn. `end` goes back to the side before."""
        self._before.append(self._active)
        self.switch(adapter)

    def end(self) -> None:
        """Back to the side of the enclosing block, if there is one."""
        before = self._before.pop()
        if self._before:
            self.switch(before)

    def switch(self, adapter: str | None) -> None:
        """Switch one adapter on and all others off; None switches all off. Nothing becomes trainable."""
        if adapter == self._active:
            return
        for layer in self._layers:
            _switch(layer, adapter)
        self._active = adapter

    def drop(self) -> None:
        """Let go of the weights; the caller has its turn and nothing uses them any more."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._layers, self.model = [], [], None

    def _refresh(self) -> None:
        from peft.tuners.tuners_utils import BaseTunerLayer
        from peft.utils.other import AuxiliaryTrainingWrapper

        for hook in self._hooks:
            hook.remove()
        kinds = (BaseTunerLayer, AuxiliaryTrainingWrapper)
        self._layers = [module for module in self.model.modules() if isinstance(module, kinds)]
        self._hooks = [layer.register_forward_pre_hook(self._require_turn) for layer in self._layers]
        for layer in self._layers:
            _switch(layer, None)
        self._active = None

    def _require_turn(self, _module: nn.Module, _arguments: Any) -> None:
        if not self.turns.mine:
            raise RuntimeError("weights that several models share were run without holding a model's lock")


def _switch(layer: Any, adapter: str | None) -> None:
    if adapter is None:
        layer.enable_adapters(False)
        return
    layer.enable_adapters(True)
    try:
        layer.set_adapter([adapter], inference_mode=True)
    except ValueError:  # a module that only another adapter replaces
        layer.enable_adapters(False)


class Side:
    """The lock of one model: inside, this thread has its turn, and the weights run with this model's adapter.

    `adapter` None is the base. Blocks of several sides may be nested; each runs with its own adapter.
    """

    def __init__(self, weights: SharedWeights, adapter: str | None = None) -> None:
        self.weights, self.adapter = weights, adapter

    @property
    def free(self) -> bool:
        """Whether nobody runs these weights now, with whatever adapter."""
        return self.weights.turns.free

    def __enter__(self) -> "Side":
        self.weights.turns.__enter__()
        try:
            self.weights.begin(self.adapter)
        except BaseException:
            self.weights.turns.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.weights.end()
        finally:
            self.weights.turns.__exit__()

    def give_way(self) -> None:
        """Let those who wait run a step first; see `Turns.give_way`."""
        if self.weights.turns.give_way():
            self.weights.switch(self.adapter)
