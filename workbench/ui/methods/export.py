"""The comparison as files: one picture, one table of values, one JSON with everything and its origin."""

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import explain
from workbench.commands.outcome import as_json
from workbench.notice import NOTICE
from workbench.ui.methods.desk import Comparison, Entry, agreement
from workbench.ui.methods.evidence.desk import BothModels, word_sources
from workbench.ui.methods.view import overlay
from workbench.viewer.payload import png_data_url

COLUMNS = 3  # pictures side by side in the exported grid
GAP = 12  # white pixels between them
EXPORT_SIDE = 400

if TYPE_CHECKING:
    from workbench.explain import Refusal, Score


def export_files(running: Comparison) -> list[dict[str, str]]:
    """Files for the page to offer: `{"name", "type", "text"}` or `{"name", "href"}`; none without a map."""
    if not running.maps:
        return []
    return [
        {"name": "methods.png", "label": "Picture (PNG)", "href": png_data_url(grid_picture(running))},
        {"name": "methods.csv", "label": "Values (CSV)", "type": "text/csv", "text": values_csv(running)},
        {
            "name": "methods.json", "label": "Everything (JSON)", "type": "application/json",
            "text": as_json(record(running)),
        },
    ]  # fmt: skip


def grid_picture(running: Comparison) -> np.ndarray:
    """All maps with their legends in rows of three, uint8 RGB."""
    tiles = [overlay(running.image.pixels, entry, side=EXPORT_SIDE, legend=True) for entry in running.maps]
    height, width = (max(tile.shape[axis] for tile in tiles) for axis in (0, 1))
    across = min(COLUMNS, len(tiles))
    down = -(-len(tiles) // across)
    sheet = np.full((down * (height + GAP) + GAP, across * (width + GAP) + GAP, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top = GAP + number // across * (height + GAP)
        left = GAP + number % across * (width + GAP)
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def values_csv(running: Comparison) -> str:
    """One row a patch and method: box in pixels of the original picture, value in the method's unit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", "unit", "patch", "x0", "y0", "x1", "y1", "value"])
    for entry in running.maps:
        for patch, (box, value) in enumerate(zip(entry.heat.boxes, entry.heat.values, strict=True)):
            edges = [f"{edge:.2f}" for edge in box]
            writer.writerow([entry.name, entry.unit, patch, *edges, repr(float(value))])
    return out.getvalue()


def record(running: Comparison) -> dict[str, Any]:
    """Everything on the screen and where it comes from."""
    case, model, question = running.case, running.model, running.case.question
    return {
        "notice": NOTICE,
        "origin": "measured here, on this answer",
        "model": {
            "name": model.name, "role": running.role, "revision": model.revision,
            "device": str(model.device), "precision": str(model.dtype).removeprefix("torch."),
        },
        "image": {
            "sha256": running.image.sha256, "width": running.image.width, "height": running.image.height,
        },
        "question": {"text": question.text, "options": list(question.options), "mode": question.mode},
        "answer": case.answer.text,
        "span": {
            "key": running.span.key, "kind": running.span.kind, "label": running.span.label,
            "tokens": list(running.span.tokens),
        },
        "region_pixels": None if running.region is None else int(running.region.sum()),
        "methods": [entry_record(entry) for entry in running.entries],
        "agreement": {
            "methods": [entry.name for entry in running.maps],
            "spearman": agreement(running.maps),
        },
        "word_sources": sources_record(running),
        "both_models": both_record(running.both),
    }  # fmt: skip


def sources_record(running: Comparison) -> dict[str, Any] | None:
    """Share of attention by word and group; None without a shared pass."""
    words = word_sources(running)
    if not words:
        return None
    return {
        "groups": list(explain.GROUPS),
        "words": [{"word": word.text, "attention": word.shares.tolist()} for word in words],
    }


def both_record(both: BothModels | None) -> dict[str, Any] | None:
    """Both models on the same words, in nats and in the method's unit; None when nobody asked."""
    if both is None:
        return None
    return {
        "method": both.entry.name,
        "same_prompt": both.same_prompt,
        "words": [{"word": w.text, "base": w.base, "tuned": w.tuned, "delta": w.delta} for w in both.words],
        "base": both.base.values.tolist(),
        "tuned": both.tuned.values.tolist(),
        "change": both.change.values.tolist(),
    }


def entry_record(entry: Entry) -> dict[str, Any]:
    """One method; a refusal has its reason and no values."""
    about = {
        "method": entry.name, "label": entry.label, "meaning": entry.description, "warning": entry.caveat,
        "unit": entry.unit, "signed": entry.signed, "seconds": round(entry.seconds, 3),
    }  # fmt: skip
    if entry.heat is None:
        reason, hint = entry.refused or ("", "")
        return about | {"refused": reason, "hint": hint}
    return about | {
        "refused": None,
        "image_share": float(entry.heat.image_share),
        "values": entry.heat.values.tolist(),
        "boxes": entry.heat.boxes.tolist(),
        "meta": entry.heat.meta,
        "trust": trust_record(entry),
        "localisation": {
            score.name: {
                "value": score.value, "centre_prior": score.centre_prior, "area_share": score.area_share,
            }
            for score in entry.localisation
        },
        "sanity": entry.sanity or None,
        "figures": {name: figure_record(name, score) for name, score in entry.figures.items()},
    }  # fmt: skip


def figure_record(name: str, score: "Score | Refusal") -> dict[str, Any]:
    """One further metric with its unit, n and controls, or why it could not be computed."""
    if isinstance(score, explain.Refusal):
        return {"refused": score.reason}
    metric = explain.METRICS[name]
    controls = {control: float(value) for control, value in score.controls.items()}
    return {
        "value": score.value, "unit": metric.unit, "better": metric.direction, "n": score.n, "of": metric.n,
        "controls": controls,
    }  # fmt: skip


def trust_record(entry: Entry) -> dict[str, Any] | None:
    """The curves of a map and of its controls, in nats; the reason where there are none."""
    if entry.trust is None or entry.trust.perturbation is None:
        return {"reason": entry.unmeasured} if entry.unmeasured else None
    found = entry.trust.perturbation
    controls = {"map": found.of_map, "inverse": found.inverse, "centre": found.centre}
    return {
        "verdict": entry.trust.verdict,
        "unit": "nats",
        "gap": found.gap,
        "random_sd": found.random_sd,
        "comprehensiveness": found.comprehensiveness,
        "sufficiency": found.sufficiency,
        "fill": found.fill,
        "pictures": found.pictures,
        "random_orders": len(found.random),
        "fractions": found.of_map.fractions.tolist(),
        "curves": {
            name: {"deletion": curve.deletion.tolist(), "insertion": curve.insertion.tolist()}
            for name, curve in controls.items()
        },
    }
