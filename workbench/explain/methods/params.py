"""Settings that a method declares: screens and the command line build their controls from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.errors import UserFacing
from workbench.explain.heatmap import Refusal

if TYPE_CHECKING:
    from workbench.explain.evidence import Evidence

Params = Mapping[str, int]
Limit = Literal["layers", "heads", "vocabulary"]


@dataclass(frozen=True)
class Param:
    """A whole-number setting from `minimum` to `maximum`, both allowed.

    With `limit` it goes up to the last of the model's layers, heads or words instead. `choices` names the
    values when they stand for words; then the range is 0 to len(choices) − 1.
    """

    name: str
    label: str
    minimum: int = 0
    maximum: int = 0
    default: int = 0
    choices: tuple[str, ...] = ()
    limit: Limit | None = None


def settled(
    label: str, declared: Sequence[Param], given: Params, evidence: "Evidence | None" = None
) -> dict[str, int] | Refusal:
    """All settings of the method called `label`, defaults filled in.

    A Refusal in words for an unknown or outlying one; `evidence` tells the limits of the model.
    """
    known = {param.name: param for param in declared}
    for name in given:
        if name not in known:
            have = ", ".join(known) or "none"
            return Refusal(f"{label} has no setting called {name!r}.", f"Its settings: {have}.")
    out = {name: given.get(name, param.default) for name, param in known.items()}
    for name, value in out.items():
        if refused := _outlying(label, known[name], value, evidence):
            return refused
    return out


def _outlying(label: str, param: Param, value: int, evidence: "Evidence | None") -> Refusal | None:
    high = highest(param, evidence)
    if param.minimum <= value and (high is None or value <= high):
        return None
    said = f"{param.label} is {value}, which {label} can't use."
    if param.limit and high is not None:
        said = f"This model has no {param.label.lower()} {value}."
    return Refusal(said, f"Choose {span_of_values(param, high)}.")


def highest(param: Param, evidence: "Evidence | None" = None) -> int | None:
    """The highest value a setting may have; None where only the model could tell and no evidence is given."""
    if param.limit is None:
        return param.maximum
    if evidence is None:
        return None
    layers, heads = evidence.attention.shape[:2]
    return {"layers": layers, "heads": heads, "vocabulary": evidence.vocabulary}[param.limit] - 1


def span_of_values(param: Param, high: int | None) -> str:
    """What may be given, in words: "a whole number from 1 to 8"."""
    if param.choices:
        return f"one of: {', '.join(param.choices)}"
    return f"a whole number from {param.minimum}" + ("" if high is None else f" to {high}")


def read_setting(label: str, param: Param, text: str) -> int:
    """A setting as a person gave it: a whole number, or the name of a choice without regard to case.

    Raises UserFacing for anything else, and for a number outside the declared range; what only the model
    can tell is refused by `settled`.
    """
    wanted = str(text).strip()
    names = [choice.lower() for choice in param.choices]
    if wanted.lower() in names:
        return names.index(wanted.lower())
    may = span_of_values(param, highest(param))
    digits = wanted.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 7):
        raise UserFacing(f"{param.label} can't be {wanted[:40]!r}.", f"{label} takes {may}.")
    refused = _outlying(label, param, int(wanted), None)
    if refused is not None:
        raise UserFacing(refused.reason, refused.hint)
    return int(wanted)


def settings_in_words(declared: Sequence[Param], given: Params) -> str:
    """ "window (patches) 2, taken away: image features"; "" without any."""
    return ", ".join(
        f"{param.label.lower()}: {param.choices[given[param.name]]}"
        if param.choices
        else f"{param.label.lower()} {given[param.name]}"
        for param in declared
        if param.name in given
    )
