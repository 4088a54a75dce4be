"""Both models answering at once: one thread each, merged into one stream for the page."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from workbench.errors import UserFacing
from workbench.ui.boundary import sentence_for
from workbench.ui.services import Engine
from workbench.ui.sessions import Live, Run

UNSEEN = "This model only reads text: it answered without the picture."
SHORTEST_GAP = 0.06  # seconds between two updates; more often than that, nobody can read it


def stream_pair(engine: Engine, pair: Mapping[str, Any], run: Run) -> Iterator[Live]:
    """Yield the growing answers of all models, at most every 60 ms; the last yield is complete.

    A model that fails does not stop the other. Closing the stream, or setting `run.stop`, ends both
    generations, and no thread outlives the stream.
    """
    live, news = Live(), threading.Event()
    # One each: a model sets the flag it was given when it is through, which must not stop the other.
    stops = {role: threading.Event() for role in pair}

    images = tuple(picture.image for picture in run.pictures)
    shown = (images[0] if images else None) if len(images) < 2 else images

    def answer(role: str, model: Any) -> None:
        try:
            question = run.question_of(role)
            if question is None:
                raise UserFacing("This model gave no answer that could be followed on.", "Ask anew.")
            taken = shown if model.takes_image else None
            unseen = UNSEEN if images and not model.takes_image else ""
            for column in engine.run_case(model, taken, question, run.decoding, stops[role]):
                live.columns[role] = replace(column, message=f"{unseen} {column.message}".strip())
                news.set()
        except Exception as fault:  # a thread's fault would otherwise vanish; it belongs into its column
            said = sentence_for(fault)
            live.failures[role] = f"{said['message']} {said['hint']}".strip()
        finally:
            news.set()

    threads = [
        threading.Thread(target=answer, args=item, name=f"answer-{item[0]}", daemon=True)
        for item in pair.items()
    ]
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if run.stop.is_set():
                _set_all(stops)
            if news.wait(SHORTEST_GAP):
                news.clear()
                yield Live(dict(live.columns), dict(live.failures))
                time.sleep(SHORTEST_GAP)
        yield Live(dict(live.columns), dict(live.failures))
    finally:
        run.stop.set()
        _set_all(stops)
        for thread in threads:
            thread.join()


def _set_all(events: Mapping[str, threading.Event]) -> None:
    for event in events.values():
        event.set()
