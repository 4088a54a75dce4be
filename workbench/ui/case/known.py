"""What is known of a case on the page, held against its answers: the picture's kind and the right answer."""

from typing import Any

from workbench import bench
from workbench.errors import UserFacing
from workbench.models.answer import Question
from workbench.traces import check_modality
from workbench.ui.sessions import Session
from workbench.viewer.payload import check_payload

LONGEST_GOLD = 500  # characters
FINISHED = ("done", "cancelled")


def gold_for(given: str, question: Question, filled: tuple[str, str]) -> str:
    """The right answer, unless it came with another question than the one that is asked."""
    gold = " ".join(str(given or "").split())
    if len(gold) > LONGEST_GOLD:
        raise UserFacing(f"The right answer is longer than {LONGEST_GOLD} characters.", "Shorten it.")
    asked_first, its_gold = (" ".join(text.split()) for text in filled)
    return "" if gold == its_gold and asked_first != " ".join(question.text.split()) else gold


def remarks(page: Session, column: Any) -> dict[str, Any]:
    """The modality tag against what the picture is known to be, and the reward of a finished answer."""
    if column is None or column.case is None:
        return {}
    found: dict[str, Any] = {}
    kind = None
    if page.picture is not None and (page.run is None or page.run.picture is not None):
        kind, source = page.picture.modality, page.picture.modality_source
        if page.run is not None and any(other.modality != kind for other in page.run.more):
            kind = None  # one tag can't be held against pictures of several kinds
        found["modality_check"] = check_payload(check_modality(column.trace, kind, source))
    if page.run is not None and page.run.gold and column.status in FINISHED:
        panel = bench.reward(column.case, page.run.gold, modality=kind or "")
        found["reward"] = panel.to_json() | {"total_text": panel.total_text}
    return found
