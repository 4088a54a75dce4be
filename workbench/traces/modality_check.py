"""The modality tag of a trace against what the picture is."""

from dataclasses import dataclass
from typing import Literal

from workbench.traces.modalities import MODALITIES, tag_of, tags_that_fit
from workbench.traces.trace import Trace

ModalityState = Literal["agrees", "differs", "unknown tag", "no tag", "not known"]
_LONGEST = 60  # characters of a word that a sentence repeats


@dataclass(frozen=True)
class ModalityCheck:
    """What a trace's tag is worth.

    `said` is the tag as it was written, None where there is none; `known` the kind of the picture in the
    words of who knows it, None where nobody does, or nobody can compare it with a tag. `warns` where a reader
    must look: the tag is another one, or none of the 16.
    """

    state: ModalityState
    said: str | None
    known: str | None
    sentence: str

    @property
    def warns(self) -> bool:
        return self.state in ("differs", "unknown tag")

    @property
    def counts(self) -> bool | None:
        """Whether the tag is right; None where there is no tag, or the picture's kind is not known.

        A tag that is none of the 16 is wrong for every picture whose kind is known.
        """
        if self.known is None or self.state in ("no tag", "not known"):
            return None
        return self.state == "agrees"


def check_modality(trace: Trace, known: str | None, source: str = "") -> ModalityCheck:
    """Compare the trace's tag with the kind of picture that `known` names ("CT", "blood smear", "X_RAY").

    `source` says who knows it ("the file", "the data set"); a kind that no tag is known to fit is not known.
    """
    kind = " ".join((known or "").split())
    fits = tags_that_fit(kind)
    known = kind if fits else None
    said = trace.modality_tag
    if said is None:
        return ModalityCheck("no tag", None, known, "The answer carries no modality tag.")
    if trace.modality is None:
        return ModalityCheck("unknown tag", said, known, _foreign(said, kind, known))
    if known is None:
        what = f"no tag is known for “{_cut(kind)}”" if kind else "what the picture is, is not known here"
        return ModalityCheck("not known", said, None, f"The model says {trace.modality}; {what}.")
    by = f" (according to {source})" if source else ""
    key = next(key for key, name in MODALITIES.items() if name == trace.modality)
    if key in fits:
        return ModalityCheck("agrees", said, known, f"The model says {trace.modality}, which is right{by}.")
    picture = "no medical one" if tag_of(kind) == "OTHER" else f"of the kind “{_cut(kind)}”"
    return ModalityCheck(
        "differs", said, known, f"The model says {trace.modality}, but the picture is {picture}{by}."
    )


def _foreign(said: str, kind: str, known: str | None) -> str:
    meant = tag_of(said.strip("<> "))
    like = f" It reads like <{meant}>." if meant else ""
    picture = f" The picture is of the kind “{_cut(kind)}”." if known else ""
    return f"The tag {_cut(said)} is none of the 16 modality tags.{like}{picture}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
