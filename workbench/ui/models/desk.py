"""What happens on the Models screen, without the screen: load, exchange and unload models."""

from collections.abc import Mapping
from typing import Any

from workbench.errors import UserFacing
from workbench.models.offers import offers
from workbench.models.served.address import is_address
from workbench.ui.html.nodes import Node, notice_node
from workbench.ui.models.view import catalogue_nodes
from workbench.ui.services import ROLES, Services


class ModelsDesk:
    """The catalogue of this process and the doors to its two models."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def cards(self) -> list[Node]:
        """The catalogue on this machine, with what is loaded; the reason where it can't be read."""
        loaded = {role: model.name for role, model in self.services.state.models.items()}
        try:
            return catalogue_nodes(offers(self.services.settings), loaded)
        except UserFacing as fault:
            return [notice_node(fault.message, fault.hint)]

    def act(self, asked: Mapping[str, Any]) -> None:
        """Do what a button of a card says. Raises UserFacing."""
        if "unload" in asked:
            self.services.unload(_role(asked["unload"]))
        else:
            self.load(str(asked.get("load", "")), asked.get("role"))

    def load(self, ref: str, role: Any, key: str = "") -> None:
        """Load a catalogue name, folder, hub id or adapter as base or tuned, or take a served model there.

        `key` is that of the server. Raises UserFacing.
        """
        ref = ref.strip()
        if not ref:
            raise UserFacing("No model was named.", "Give a folder, or a hub id such as owner/name.")
        self.services.exchange(_role(role), ref, key.strip() if is_address(ref) else "")

    def cancel(self) -> None:
        """Give up the load under way."""
        self.services.give_up_exchange()


def _role(role: Any) -> str:
    if role not in ROLES:
        raise UserFacing("A model is loaded as base or as tuned.", "Choose one of them.")
    return str(role)
