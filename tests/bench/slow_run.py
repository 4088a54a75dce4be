"""A run with a slow model of rules, for tests that kill it: `slow_run.py ITEMS OUT LOG SECONDS`.

Writes a line to LOG before each batch: the prompts that are in flight from then on.
"""

import sys
import time
from pathlib import Path

from tests.bench.fakes import FakeModel, sees_side
from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.items import load_items


class Slow(FakeModel):
    """Takes its time over each batch."""

    def generate_batch(self, prompts, decoding=None):
        with Path(sys.argv[3]).open("a") as log:
            log.write(
                "".join(f"{prompt.question.text} {prompt.inputs['asked'][1].sha256}\n" for prompt in prompts)
            )
        time.sleep(float(sys.argv[4]))
        return super().generate_batch(prompts, decoding)


if __name__ == "__main__":
    run_bench(load_items(sys.argv[1]), [Slow("tuned", sees_side)], sys.argv[2], batch_size=3)
