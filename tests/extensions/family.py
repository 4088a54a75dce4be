"""A family from outside the package: a LLaVA by another name, so that a tiny one can be loaded."""

from typing import Any

from workbench.models.families.llava import Llava


class OutsideLlava(Llava):
    """Reads what LLaVA reads; asked before it, since it came later."""

    name = "outside-llava"

    def matches(self, config: Any) -> bool:
        return config.model_type == "llava"


OUTSIDE = OutsideLlava()
