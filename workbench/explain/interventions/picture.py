"""One intervention on the picture from start to end: the quick part first, the written answers after it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.heatmap import Refusal, weights_refusal
from workbench.explain.interventions.edits import (
    RegionFill,
    WholeEdit,
    keep_region,
    other_picture,
    remove_region,
    whole_edit,
)
from workbench.explain.interventions.effects import Effect, refuse_picture
from workbench.explain.interventions.findings import Finding, FindingKind
from workbench.explain.interventions.forced import Pixels, block_effects, changed_prompt, picture_effects
from workbench.explain.interventions.regenerate import Regenerated, regenerate, regenerate_blocked
from workbench.explain.interventions.regions import Controls, Region, control_regions, region_tokens

Action = Literal["remove", "keep", "block"]
ACTIONS: tuple[Action, ...] = get_args(Action)
ASKED_ONLY = (
    "The model was only asked again: how probable its first words are under the change is not known, because "
    "its weights are elsewhere."
)
CONTROLS = 3  # regions scored as controls; the first one is also answered
WHOLE_LABELS: dict[str, str] = {
    "blank": "blank picture", "noise": "noise", "blur": "blurred picture", "flip": "mirrored picture",
    "other": "another picture",
}  # fmt: skip
ACTION_LABELS: dict[Action, str] = {
    "remove": "region removed", "keep": "only the region kept", "block": "reading blocked",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The state of an intervention; later ones hold more. `pixels` uint8 `[H, W, 3]` is the changed picture
    (None where the picture stays; the one with the number `picture`, of several that were changed the first),
    `control` the first control region, `control_note` what it lacks."""

    kind: FindingKind
    label: str
    pixels: np.ndarray | None = None
    region: Region | None = None
    control: Region | None = None
    control_note: str = ""
    note: str = ""
    effect: Effect | None = None
    controls: tuple[Effect, ...] = ()
    regenerated: Regenerated | None = None
    control_regenerated: Regenerated | None = None
    refused: Refusal | None = None
    picture: int = 0


def probe_whole(
    case: AnsweredCase,
    edit: WholeEdit | Literal["other"],
    seed: int = 0,
    stop: threading.Event | None = None,
    other: np.ndarray | None = None,
    picture: int | None = None,
) -> Iterator[Outcome]:
    """A counterfactual of the whole picture; "other" takes the picture `other` uint8 `[h, w, 3]`.

    Of several pictures all are changed, or the one with the number `picture`, counted from 0. Yields the
    effect on the original words, then the answer that the model writes now.
    """
    outcome = Outcome(edit, WHOLE_LABELS[edit])
    refused = refuse_picture(case)
    if refused:
        yield replace(outcome, refused=refused)
        return
    if edit == "other" and other is None:
        raise UserFacing("There is no other picture.", "Choose one from the list.")
    chosen = range(len(case.images)) if picture is None else [_number(case, picture)]
    shown = [image.pixels for image in case.images]
    for number in chosen:
        own = shown[number]
        size = own.shape[1], own.shape[0]
        shown[number] = other_picture(other, size) if edit == "other" else whole_edit(own, edit, seed)
    label = WHOLE_LABELS[edit] + _which(case, picture)
    outcome = replace(outcome, label=label, pixels=shown[chosen[0]], picture=chosen[0])
    if weights_refusal(case.model):
        outcome = replace(outcome, note=ASKED_ONLY)
        yield outcome
        yield replace(outcome, regenerated=_written(case, shown, label, stop))
        return
    effects = picture_effects(case, [shown], [label])
    if isinstance(effects, Refusal):
        yield replace(outcome, refused=effects)
        return
    outcome = replace(outcome, effect=effects[0])
    yield outcome
    yield replace(outcome, regenerated=_written(case, shown, label, stop))


def probe_region(
    case: AnsweredCase,
    region: Region,
    action: Action,
    fill: RegionFill = "blur",
    seed: int = 0,
    stop: threading.Event | None = None,
    picture: int = 0,
) -> Iterator[Outcome]:
    """Remove a region, keep only it, or block its reading; controls of the same shape run along.

    The region lies in the picture with the number `picture`, counted from 0; the others stay whole. Yields
    the effects first, then the written answer, then the one under the first control. Raises UserFacing for a
    region that the action can't use.
    """
    outcome = Outcome(action, ACTION_LABELS[action], region=region)
    refused = refuse_picture(case)
    if refused:
        yield replace(outcome, refused=refused)
        return
    if action == "block" and (refused := weights_refusal(case.model)):
        yield replace(outcome, refused=refused)
        return
    number = _number(case, picture)
    outcome = replace(outcome, picture=number, label=outcome.label + _which(case, number))
    places = control_regions(region, CONTROLS, seed)
    first = places.regions[0] if places.regions else None
    outcome = replace(outcome, control=first, control_note=places.note)
    run = _blocked if action == "block" else _repainted
    yield from run(case, outcome, places, fill, stop)


def _repainted(
    case: AnsweredCase, outcome: Outcome, places: Controls, fill: RegionFill, stop: threading.Event | None
) -> Iterator[Outcome]:
    paint = remove_region if outcome.kind == "remove" else keep_region
    masks = [region.mask for region in (outcome.region, *places.regions) if region is not None]
    whole, at = [image.pixels for image in case.images], outcome.picture
    pictures = [[*whole[:at], paint(whole[at], mask, fill), *whole[at + 1 :]] for mask in masks]
    outcome = replace(outcome, pixels=pictures[0][at])
    if weights_refusal(case.model):
        outcome = replace(outcome, note=ASKED_ONLY)
    else:
        effects = picture_effects(case, pictures, [outcome.label, *["control"] * len(places.regions)])
        if isinstance(effects, Refusal):
            yield replace(outcome, refused=effects)
            return
        outcome = replace(outcome, effect=effects[0], controls=tuple(effects[1:]))
    yield outcome
    outcome = replace(outcome, regenerated=_written(case, pictures[0], outcome.label, stop))
    yield outcome
    if outcome.control is not None and not _stopped(stop):
        yield replace(outcome, control_regenerated=_written(case, pictures[1], "control", stop))


def _blocked(
    case: AnsweredCase, outcome: Outcome, places: Controls, _fill: RegionFill, stop: threading.Event | None
) -> Iterator[Outcome]:
    boxes = case.prompt.boxes
    own = np.flatnonzero(case.prompt.picture_of == outcome.picture)
    tokens = [own[region_tokens(r, boxes[own])] for r in (outcome.region, *places.regions) if r is not None]
    effects = block_effects(case, tokens, [outcome.label, *["control"] * len(places.regions)])
    if isinstance(effects, Refusal):
        yield replace(outcome, refused=effects)
        return
    note = f"{len(tokens[0])} of {len(boxes)} image tokens can't be read by any later word."
    outcome = replace(outcome, note=note, effect=effects[0], controls=tuple(effects[1:]))
    yield outcome
    for slot, chosen in zip(("regenerated", "control_regenerated"), tokens[:2], strict=False):
        if _stopped(stop):
            return
        written = regenerate_blocked(case, chosen, outcome.label)
        if isinstance(written, Refusal):
            yield replace(outcome, refused=written)
            return
        outcome = replace(outcome, **{slot: written})
        yield outcome


def _number(case: AnsweredCase, picture: int) -> int:
    """A picture's number, checked. Raises UserFacing for one that the case doesn't have."""
    if not 0 <= picture < len(case.images):
        raise UserFacing(
            f"There is no picture {picture}.", f"The case has {len(case.images)}, counted from 0."
        )
    return picture


def _which(case: AnsweredCase, picture: int | None) -> str:
    """The picture in words, where a case has several."""
    if len(case.images) < 2:
        return ""
    return " (all pictures)" if picture is None else f" (picture {picture + 1})"


def _written(case: AnsweredCase, pixels: Pixels, label: str, stop: threading.Event | None) -> Regenerated:
    prompt = changed_prompt(case, pixels)
    assert not isinstance(prompt, Refusal)  # its effect was computed on the same pixels
    return regenerate(case, prompt, label, stop)


def _stopped(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()


def finding_of(case: AnsweredCase, outcome: Outcome) -> Finding:
    """An outcome reduced to what verdicts need."""
    written = outcome.regenerated
    after = (written.trace.answer_text or "", written.answer.text) if written else ("", "")
    return Finding(
        outcome.kind,
        outcome.label,
        written.same_answer if written else None,
        outcome.effect.total if outcome.effect else None,
        tuple(effect.total for effect in outcome.controls),
        (case.trace.answer_text or "", case.answer.text),
        after,
    )
