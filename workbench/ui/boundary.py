"""The one place where faults become sentences on the screen."""

import functools
import inspect
import logging
import secrets
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from workbench.errors import UserFacing

LOG = logging.getLogger(__name__)


def sentence_for(fault: Exception) -> dict[str, str]:
    """What the notice shows for a fault: message and hint, or a reference id for anything unexpected.

    The log gets the id, the kind of fault and where it happened, never its text: that can quote a visitor.
    """
    if isinstance(fault, UserFacing):
        return {"message": fault.message, "hint": fault.hint}
    reference = secrets.token_hex(4)
    places = "".join(traceback.format_tb(fault.__traceback__))
    LOG.error("reference %s: %s\n%s", reference, type(fault).__name__, places)
    return {
        "message": "Something went wrong on our side.",
        "hint": f"Nothing of yours was kept. Try again; when reporting it, give the reference {reference}.",
    }


def guarded(notice: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate an event handler that returns (or yields) a dict of updates by component.

    A fault becomes the value of `notice`, a success empties it. Works for functions and generators;
    closing a generator passes through untouched.
    """

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(handler):

            @functools.wraps(handler)
            def stream(*args: Any) -> Iterator[Any]:
                try:
                    for update in handler(*args):
                        yield {notice: None, **update}
                except Exception as fault:
                    yield {notice: sentence_for(fault)}

            return stream

        @functools.wraps(handler)
        def call(*args: Any) -> Any:
            try:
                return {notice: None, **handler(*args)}
            except Exception as fault:
                return {notice: sentence_for(fault)}

        return call

    return decorate
