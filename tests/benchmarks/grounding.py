"""Do the maps point at what is known to matter? `python tests/benchmarks/grounding.py [--out DIR] ...`

Runs `python -m workbench bench grounding` on the shipped pair and prints its table; nothing here is a test.
Goal: on phantoms the best method points inside the finding for at least 90 % of the finding steps of correct
answers, and beats the centre prior by a difference whose interval excludes zero.
"""

import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT_ROOT))

from workbench.bench.grounding.report import CENTRE, load_grounding  # noqa: E402
from workbench.cli import main as workbench  # noqa: E402

GOAL = 0.9


def main(arguments: list[str]) -> int:
    """Run the benchmark with these flags, then say for each model whether its best method is good enough."""
    if "--out" not in arguments:
        arguments = ["--out", str(PROJECT_ROOT / "runs" / "grounding"), *arguments]
    code = workbench(["bench", "grounding", *arguments])
    if code:
        return code
    report = load_grounding(arguments[arguments.index("--out") + 1])
    for one in report["answered"]:
        rows = [
            row
            for row in report["rows"]
            if (row["origin"], row["model"]) == (one["origin"], one["model"])
            and row["n"]
            and row["method"] != CENTRE
            and row["span"] == "finding step"
        ]
        if not rows:
            print(f"{one['model']} on {one['origin']}: no finding step to judge.")
            continue
        best = max(rows, key=lambda row: row["pointing"]["value"])
        found = best["pointing"]
        goal = "reached" if found["value"] >= GOAL else "missed"
        beaten = found["difference_low"] is not None and found["difference_low"] > 0
        print(
            f"{one['model']} on {one['origin']}: best is {best['method']}, {found['value']:.0%} of "
            f"{best['n']} (goal {GOAL:.0%}: {goal}); centre prior {found['prior']:.0%}, "
            f"{'beaten' if beaten else 'not shown to be beaten'}."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
