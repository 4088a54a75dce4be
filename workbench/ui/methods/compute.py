"""One method of a comparison: its map, its curves, its scores and its sanity tests.

Importing this module loads no model code; calling it does.
"""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import explain
from workbench.explain import metrics
from workbench.explain.methods.params import settings_in_words
from workbench.explain.patch_grid import visible
from workbench.ui.case.trust import TOO_LONG, MovedOn, TooLong, watched

if TYPE_CHECKING:
    from workbench.explain import Evidence, HeatMap, LensWord, Refusal
    from workbench.explain.metrics import SharedScore
    from workbench.imaging.medical_image import MedicalImage
    from workbench.ui.methods.desk import Comparison, Entry

LENS = "logit_lens"
LENS_PATCHES, LENS_TOP = 5, 3


@dataclass(frozen=True)
class PatchWords:
    """What one patch spells: its box `[4]` in pixels of the picture and its words, likeliest first."""

    box: np.ndarray
    words: "tuple[LensWord, ...]"


def compute(running: "Comparison", entry: "Entry") -> None:
    """Fill in the map of one method, its curves and its localisation scores. Raises MovedOn when stopped."""
    began = time.monotonic()
    found = _map_of(running, entry.name)
    entry.seconds = time.monotonic() - began
    if isinstance(found, explain.Refusal):
        entry.refused = (found.reason, found.hint)
        return
    entry.heat = found
    if entry.name == LENS:
        entry.words = patch_words(running, found)
    if running.region is not None:
        _localise(running, entry)
    if running.curves or running.metrics:
        running.measuring = True
    try:
        if running.curves:
            _measure(running, entry)
        if running.metrics:
            entry.figures = explain.measure(
                running.case, found, running.metrics, region=running.region, shared=shared_score(running),
                stop=running.stop,
            )  # fmt: skip
            if running.stop.is_set():  # a figure that makes the map again was ended by it
                entry.figures = {}
                raise MovedOn
    except TooLong:
        entry.unmeasured = TOO_LONG


def _map_of(running: "Comparison", name: str) -> "HeatMap | Refusal":
    evidence = shared_pass(running) if explain.METHODS[name].is_shared else None
    found = explain.explain(
        running.case, running.span, name, settings_of(running, name), evidence=evidence,
        progress=lambda done, total: _count(running, done, total), stop=running.stop,
    )  # fmt: skip
    if isinstance(found, explain.Refusal):
        return found
    return _with_note(running, name, found).on_sheet(running.case.sheet)


def _count(running: "Comparison", done: int, total: int) -> None:
    running.passes = (done, total)


def shared_pass(running: "Comparison") -> "Evidence":
    """The shared pass of the answer, kept with the comparison; a pass only where no screen made it yet."""
    if running.evidence is None:
        case = running.case
        running.evidence = explain.shared_evidence(case.model, case.prompt, case.answer)
    return running.evidence


def settings_of(running: "Comparison", name: str) -> dict[str, int | str]:
    """Settings of a method as given; with the foil's word, and the lens after the last layer."""
    given: dict[str, int | str] = dict(running.settings.get(name, {}))
    if name == LENS:
        return {"layer": len(shared_pass(running).states) - 1} | given
    return {"foil": running.foil} if "foil" in explain.METHODS[name].needs else given


def _with_note(running: "Comparison", name: str, heat: "HeatMap") -> "HeatMap":
    """The map with a note on the settings that it was made with."""
    params, said = heat.meta["params"], [str(heat.meta["note"])]
    if "foil" in explain.METHODS[name].needs:
        word = running.foil.strip()
        piece = running.model.tokenizer.decode([params["foil"]]).strip()
        said.append(
            f"Foil: “{word}”." if piece == word else f"Foil: “{word}”, of which “{piece}” is looked at."
        )
    if name == LENS:
        layer, layers = params["layer"], len(shared_pass(running).states)
        last = layer == layers - 1
        said.append(
            f"Read after {'the last' if last else f'number {layer}, from 0,'} of the {layers} layers."
        )
    declared = explain.METHODS[name].params
    if given := settings_in_words(declared, running.settings.get(name, {})):
        said = [part.rstrip(".") + "." for part in said if part]
        said.append(f"Set here: {given}.")
    return replace(heat, meta=heat.meta | {"note": " ".join(filter(None, said))})


def patch_words(running: "Comparison", heat: "HeatMap") -> tuple[PatchWords, ...]:
    """The likeliest words at the LENS_PATCHES strongest patches of a lens map, after the map's layer."""
    found = explain.lens_words(shared_pass(running), heat.meta["params"]["layer"], LENS_TOP)
    if isinstance(found, explain.Refusal):
        return ()
    shown = visible(heat.boxes)
    order = [place for place in np.argsort(-heat.values, kind="stable") if shown[place]]
    return tuple(PatchWords(heat.boxes[place], found[place]) for place in order[:LENS_PATCHES])


def _localise(running: "Comparison", entry: "Entry") -> None:
    scores = metrics.localise(entry.heat.values, entry.heat.boxes, running.region)
    if isinstance(scores, explain.Refusal):
        entry.off_target = scores.reason
    else:
        entry.localisation = scores


def _measure(running: "Comparison", entry: "Entry") -> None:
    """Deletion and insertion; the maps of one span share the pictures of their controls."""
    entry.trust = explain.trust(running.case, entry.heat, shared=shared_score(running))
    entry.unmeasured = entry.trust.reason


def shared_score(running: "Comparison") -> "SharedScore":
    """The score of the span's words that all maps of the comparison share; stops when it is stopped."""
    if running.score is None:
        score = metrics.span_scorer(running.case, running.span)
        running.score = metrics.SharedScore(watched(score, running.stop, longest=240.0))
    return running.score


def check_sanity(running: "Comparison", entry: "Entry", other: "MedicalImage") -> None:
    """Swapped picture and random weights; what can't be tested gets its reason."""
    if not explain.METHODS[entry.name].is_shared:
        entry.sanity = {"reason": "These tests exist for methods that read the shared pass only."}
        return
    params = entry.heat.meta["params"]
    swapped = metrics.swapped_image(running.case, running.span, entry.name, other, params)
    cascade = metrics.randomise_parameters(running.case, running.span, entry.name, params)
    for found in (swapped, cascade):
        if isinstance(found, explain.Refusal):
            entry.sanity = {"reason": found.reason}
            return
    entry.sanity = {"swapped": swapped, "layers": cascade.layers, "random": cascade.correlations}
