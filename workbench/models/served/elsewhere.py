"""The one reason why nothing that needs weights can be had of a served model."""

from typing import Any

from workbench.errors import UserFacing


class WeightsElsewhere(UserFacing):
    """What was asked needs the model's weights, and they are on a server."""

    def __init__(self, label: str, host: str) -> None:
        super().__init__(
            f"{label} is served at {host}: maps, and whatever else reads or forces the model's own numbers, "
            "are not possible, because the weights are elsewhere.",
            "Load the same model here from a folder or the hub. Questions that are only asked again (another "
            "picture, shuffled options) work through the server.",
        )


def weights_elsewhere(model: Any) -> WeightsElsewhere | None:
    """Why the model's weights can't be used here; None for a model that is loaded here."""
    host = getattr(model, "served_at", "")
    return WeightsElsewhere(model.label, host) if host else None
