"""From "URL#model" to a served model."""

from collections.abc import Callable
from typing import Any

from workbench.errors import UserFacing
from workbench.models.served.address import EXAMPLE, split_address
from workbench.models.served.model import ServedModel
from workbench.models.served.server import ChatServer, Patience, served_models


def connect(
    ref: str,
    key: str | None = None,
    *,
    timeout: float | None = None,
    tries: int | None = None,
    tell: Callable[[str], object] = lambda sentence: None,
    **settings: Any,
) -> ServedModel:
    """The model behind "URL" or "URL#model"; without a model name, the only one that the server offers.

    `key` goes to this server alone. `timeout` is how many seconds it may be silent, `tries` how often a
    question is put where another try may help (`Patience`); `tell` hears what a batch waits for. `settings`
    go to ServedModel: `name`, `revision`, `card`, `concurrency`. With a model's name nothing is sent before
    the first question. Raises UserFacing (EndpointDown where the server can't be reached).

    >>> from workbench.models import served
    >>> served.connect("http://localhost:8000/v1#medix-r1-8b").served_at
    'localhost:8000'
    """
    return ServedModel(open_server(ref, key, timeout=timeout, tries=tries, tell=tell), **settings)


def open_server(
    ref: str,
    key: str | None = None,
    *,
    timeout: float | None = None,
    tries: int | None = None,
    tell: Callable[[str], object] = lambda sentence: None,
) -> ChatServer:
    """The server behind "URL" or "URL#model"; raises UserFacing as `connect` does."""
    url, model = split_address(ref)
    patience = Patience(
        **({"silence": timeout} if timeout is not None else {}), **({"attempts": tries} if tries else {})
    )
    if not model:
        offered = served_models(url, key, min(20.0, patience.silence))
        if len(offered) != 1:
            raise UserFacing(
                f"The server offers {len(offered)} models: {', '.join(offered[:5])}.",
                f"Name one after a #, like {EXAMPLE}.",
            )
        model = offered[0]
    return ChatServer(url, model, key, patience=patience, tell=tell)
