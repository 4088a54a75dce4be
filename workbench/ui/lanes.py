"""How events of the page wait for each other. Every queue setting of the page has its name and reason here.

There are two lanes. Whatever uses the models waits in MODEL_LANE, one event at a time, first come, first
served, for all visitors; a long job takes its turn piece by piece, so that nobody waits for all of it.
Everything else runs AT_ONCE. No handler is part of the public API.
"""

from typing import Any

Lane = dict[str, Any]

# The queue of the whole page, for `Blocks.queue`: with 32 waiting, the next visitor is told that it is full.
QUEUE: Lane = {"max_size": 32, "default_concurrency_limit": 1}

# Runs no model: never queued behind one. Nothing is dimmed meanwhile, as the answer comes at once.
AT_ONCE: Lane = {"concurrency_limit": None, "api_visibility": "private", "show_progress": "hidden"}

# Uses the models: one at a time. Gradio's own progress is hidden, as each screen says how far it is.
MODEL_LANE: Lane = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "show_progress": "hidden",
}

# Events that come while one is under way are dropped, all but the last: typing, dragging, choosing again.
LATEST_ONLY: Lane = {"trigger_mode": "always_last"}

# The handler gets what the browser sent: gr.File would leave an empty temporary file behind for each upload,
# and our own intake checks the path anyway.
AS_SENT: Lane = {"preprocess": False}


def with_progress_on(lane: Lane, component: Any) -> Lane:
    """The lane, with the place in the queue and the seconds shown on one component."""
    return {**lane, "show_progress": "minimal", "show_progress_on": component}
