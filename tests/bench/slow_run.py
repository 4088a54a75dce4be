"""A run with models of rules, for tests that kill it: `python -m tests.bench.slow_run ITEMS OUT LOG MOST`.

Writes a line to LOG for each prompt of a batch before it is answered; with MOST lines there, the batch never
ends, so that the run can be killed in the middle of it however busy the machine is.
"""

import sys
import threading
from pathlib import Path

from tests.bench.fakes import FakeModel, sees_side
from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.items import load_items


class Logged(FakeModel):
    """Says what it is asked, and stops for ever when that is enough."""

    def generate_batch(self, prompts, decoding=None):
        log = Path(sys.argv[3])
        with log.open("a") as lines:
            lines.write(
                "".join(f"{prompt.question.text} {prompt.inputs['asked'][1].sha256}\n" for prompt in prompts)
            )
        if log.read_text().count("\n") >= int(sys.argv[4]):
            threading.Event().wait()
        return super().generate_batch(prompts, decoding)


if __name__ == "__main__":
    run_bench(load_items(sys.argv[1]), [Logged("tuned", sees_side)], sys.argv[2], batch_size=3)
