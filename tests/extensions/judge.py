"""A judge from outside the package: a unit is met when all words of its topic stand in the trace."""

from workbench.bench.questions.units import Unit
from workbench.traces import Trace


class WordJudge:
    """Presence 2 and correctness 1 when every word of the topic is written, else 0 and 0."""

    id = "outside-words-1"
    protocol = "Every word of the topic stands in the trace, whatever is said of it."

    def score(self, unit: Unit, trace: Trace) -> tuple[int, int]:
        written = {word.strip(".,").lower() for step in trace.steps for word in step.text.split()}
        return (2, 1) if set(unit.topic.lower().split()) <= written else (0, 0)


WORD_JUDGE = WordJudge()
