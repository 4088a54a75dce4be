"""How votes look: a table of the answers with their share, a model each, and what they say in a sentence."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from workbench.ui.html.nodes import Node, node, table_node

if TYPE_CHECKING:
    from workbench.cases.votes import Votes


def votes_nodes(found: "Mapping[str, Votes]") -> list[Node]:
    """All models side by side; nothing before the first answer."""
    panels = [
        node("section", node("h4", title), *_panel(votes), cls="pb-panel") for title, votes in found.items()
    ]
    return [node("div", *panels, cls="pb-panels")] if panels else []


def _panel(votes: "Votes") -> Iterator[Node]:
    rows = [
        (f"{bar.letter}. {bar.text}" if bar.letter else bar.text, str(bar.count), f"{bar.share:.0%}")
        for bar in votes.bars
    ]
    caption = f"Votes of {len(votes.samples)} answers"
    yield table_node(caption, ("Answer", "Votes", "Share"), rows, numeric=(1, 2))
    yield node("p", said(votes), cls="pb-lead")


def said(votes: "Votes") -> str:
    """The majority with its share as confidence, and what could not be read."""
    vote = votes.vote
    if vote.label is not None:
        text = f"Most answers say “{vote.label}”: confidence {vote.confidence:.0%}."
    else:
        text = "Two answers lead together." if vote.histogram else "No answer could be read."
    if vote.invalid:
        text += f" {vote.invalid} of {vote.samples} could not be read; they count against the confidence."
    if votes.recovered:
        text += f" {votes.recovered} were recovered: asked again for one letter."
    return text
