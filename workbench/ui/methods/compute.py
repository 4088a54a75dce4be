"""One method of a comparison: its map, its curves, its scores and its sanity tests.

Importing this module loads no model code; calling it does.
"""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.ui.case.trust import TOO_LONG, TooLong, watched

if TYPE_CHECKING:
    from workbench.explain import Evidence, LensWord
    from workbench.explain.heatmap import HeatMap, Refusal
    from workbench.imaging.medical_image import MedicalImage
    from workbench.ui.methods.desk import Comparison, Entry

CONTRAST, LENS = "logit_contrast", "logit_lens"
LENS_PATCHES, LENS_TOP = 5, 3


@dataclass(frozen=True)
class PatchWords:
    """What one patch spells: its box `[4]` in pixels of the picture and its words, likeliest first."""

    box: np.ndarray
    words: "tuple[LensWord, ...]"


def compute(running: "Comparison", entry: "Entry") -> None:
    """Fill in the map of one method, its curves and its localisation scores. Raises MovedOn when stopped."""
    from workbench.explain.heatmap import Refusal

    began = time.monotonic()
    found = _map_of(running, entry.name)
    entry.seconds = time.monotonic() - began
    if isinstance(found, Refusal):
        entry.refused = (found.reason, found.hint)
        return
    entry.heat = found
    if entry.name == LENS:
        entry.words = patch_words(running, found)
    if running.region is not None:
        _localise(running, entry)
    if running.curves:
        running.measuring = True
        _measure(running, entry)


def _map_of(running: "Comparison", name: str) -> "HeatMap | Refusal":
    from workbench.explain import METHODS, explain_spans, explain_with_context
    from workbench.explain.heatmap import Refusal

    column, span = running.column, running.span
    if name not in METHODS:
        maps = explain_with_context(
            running.model, column.prompt, running.image, column.answer, [span], name,
            running.settings.get(name), progress=lambda done, total: _count(running, done, total),
            stop=running.stop,
        )  # fmt: skip
        return maps if isinstance(maps, Refusal) else _with_note(running, name, maps[0])
    shared = shared_pass(running)
    params = settings_of(running, name)
    maps = params if isinstance(params, Refusal) else explain_spans(shared, [span], name, params)
    return maps if isinstance(maps, Refusal) else _with_note(running, name, maps[0])


def _count(running: "Comparison", done: int, total: int) -> None:
    running.passes = (done, total)


def shared_pass(running: "Comparison") -> "Evidence":
    """The shared pass of the answer, kept with the comparison; a pass only where no screen made it yet."""
    from workbench.explain import shared_evidence

    if running.evidence is None:
        running.evidence = shared_evidence(running.model, running.column.prompt, running.column.answer)
    return running.evidence


def settings_of(running: "Comparison", name: str) -> "dict[str, int] | Refusal":
    """Settings of a shared-pass method: as given; the foil's token; the lens after the last layer."""
    from workbench.explain import foil_token
    from workbench.explain.heatmap import Refusal

    given = dict(running.settings.get(name, {}))
    if name == LENS:
        return {"layer": len(shared_pass(running).states) - 1} | given
    if name != CONTRAST:
        return given
    token = foil_token(running.model.tokenizer, running.foil)
    return token if isinstance(token, Refusal) else {"foil": token}


def _with_note(running: "Comparison", name: str, heat: "HeatMap") -> "HeatMap":
    """The map with a note on the settings that it was made with."""
    from workbench.explain import CONTEXT_METHODS, METHODS
    from workbench.explain.methods.params import settings_in_words

    params, said = heat.meta["params"], [str(heat.meta["note"])]
    if name == CONTRAST:
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
    declared = (METHODS | CONTEXT_METHODS)[name].params
    if given := settings_in_words(declared, running.settings.get(name, {})):
        said = [part.rstrip(".") + "." for part in said if part]
        said.append(f"Set here: {given}.")
    return replace(heat, meta=heat.meta | {"note": " ".join(filter(None, said))})


def patch_words(running: "Comparison", heat: "HeatMap") -> tuple[PatchWords, ...]:
    """The likeliest words at the LENS_PATCHES strongest patches of a lens map, after the map's layer."""
    from workbench.explain import lens_words
    from workbench.explain.heatmap import Refusal
    from workbench.explain.patch_grid import visible

    found = lens_words(shared_pass(running), heat.meta["params"]["layer"], LENS_TOP)
    if isinstance(found, Refusal):
        return ()
    shown = visible(heat.boxes)
    order = [place for place in np.argsort(-heat.values, kind="stable") if shown[place]]
    return tuple(PatchWords(heat.boxes[place], found[place]) for place in order[:LENS_PATCHES])


def _localise(running: "Comparison", entry: "Entry") -> None:
    from workbench.explain.heatmap import Refusal
    from workbench.explain.metrics import localise

    scores = localise(entry.heat.values, entry.heat.boxes, running.region)
    if isinstance(scores, Refusal):
        entry.off_target = scores.reason
    else:
        entry.localisation = scores


def _measure(running: "Comparison", entry: "Entry") -> None:
    """Deletion and insertion; the maps of one span share the pictures of their controls."""
    from workbench.explain.metrics import SharedScore, span_scorer, trust

    question = running.column.prompt.question
    if running.score is None:
        score = span_scorer(running.model, question, running.image, running.column.answer, running.span)
        running.score = SharedScore(watched(score, running.stop, longest=240.0))
    try:
        entry.trust = trust(
            running.model, running.column.prompt, running.image, question, running.column.answer,
            running.span, entry.heat, shared=running.score,
        )  # fmt: skip
    except TooLong:
        entry.unmeasured = TOO_LONG
        return
    entry.unmeasured = entry.trust.reason


def check_sanity(running: "Comparison", entry: "Entry", other: "MedicalImage") -> None:
    """Swapped picture and random weights; what can't be tested gets its reason."""
    from workbench.explain import METHODS
    from workbench.explain.heatmap import Refusal
    from workbench.explain.metrics import randomise_parameters, swapped_image

    if entry.name not in METHODS:
        entry.sanity = {"reason": "These tests exist for methods that read the shared pass only."}
        return
    column, span, model = running.column, running.span, running.model
    params = entry.heat.meta["params"]
    swapped = swapped_image(
        model, column.prompt, running.image, other, column.answer, span, entry.name, params
    )
    cascade = randomise_parameters(model, column.prompt, column.answer, span, entry.name, params)
    for found in (swapped, cascade):
        if isinstance(found, Refusal):
            entry.sanity = {"reason": found.reason}
            return
    entry.sanity = {"swapped": swapped, "layers": cascade.layers, "random": cascade.correlations}
