"""What the Methods screen shows of a comparison: cards with pictures, and tables. Plain data, no gradio."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from workbench import explain
from workbench.explain import metrics
from workbench.imaging.overlay import OverlayStyle, render_overlay
from workbench.imaging.reading import COLUMNS, ROWS, region_in_words
from workbench.models.answer import Prompt
from workbench.ui.methods.desk import Comparison, Entry, agreement, registry
from workbench.viewer.payload import png_data_url

if TYPE_CHECKING:
    from workbench.explain import Refusal, Score

PICTURE_SIDE = 320  # pixels, longest side of a picture in the grid
SCALE = "part of this map's strongest patch"
SHARED_PASS = "one shared pass, however many of these methods"
MISSING = "–"
VERDICTS = {
    "localised and causal": "Localised and causal",
    "looked but not causal": "Looked but not causal",
    "no localised evidence": "No localised evidence",
    "not computable": "Not measured",
}
SCALE_NOTE = (
    "All pictures share one scale: 100 % is the strongest patch of each map. Units differ between methods, "
    "so colours compare places and not amounts; the amount of the strongest patch stands under each picture."
)


def scaled_picture(pixels: np.ndarray, boxes: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture uint8 `[H, W, 3]` with its boxes `[P, 4]`, brought to `side` pixels along its longest side."""
    factor = side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    across, down = size[0] / pixels.shape[1], size[1] / pixels.shape[0]
    return cv2.resize(pixels, size, interpolation=method), boxes * np.array([across, down, across, down])


def peak(entry: Entry) -> float:
    """Largest value of a map (largest size of a signed one), in its own unit."""
    values = np.abs(entry.heat.values) if entry.signed else entry.heat.values
    return float(values.max(initial=0.0))


def overlay(
    pixels: np.ndarray,
    entry: Entry,
    *,
    side: int = PICTURE_SIDE,
    legend: bool = False,
    top: float | None = None,
) -> np.ndarray:
    """The map over the picture, on a scale from 0 to `top`; None takes its own strongest patch."""
    picture, boxes = scaled_picture(pixels, entry.heat.boxes, side)
    top = peak(entry) if top is None else top
    values = entry.heat.values / top if top > 0 else np.zeros_like(entry.heat.values)
    style = OverlayStyle(
        vmax=1.0 if top > 0 else None, signed=entry.signed, legend=legend, label=entry.label, unit=SCALE
    )
    return render_overlay(picture, values, boxes, style)


def grid_value(running: Comparison | None) -> dict[str, Any] | None:
    """The cards of the grid, in the order of the registry; methods still to come are named."""
    if running is None:
        return None
    spec = registry()
    waiting = [] if running.stop.is_set() else [spec[name].label for name in running.todo]
    return {
        "note": SCALE_NOTE,
        "cards": [card(running, entry) for entry in running.entries],
        "waiting": waiting,
    }


def progress(running: Comparison) -> dict[str, Any]:
    """The status line: which method is under way and how many of its passes are done."""
    done, total = len(running.entries), running.total
    if running.now is not None and running.stop.is_set():
        return {"text": f"Stopping {running.now.label}.", "busy": True}
    if running.stop.is_set():
        return {"text": f"Stopped after {done} of {total} methods."}
    if running.now is None and not running.todo:
        return {"text": f"Finished: {done} of {total} methods."}
    label = running.now.label if running.now is not None else registry()[running.todo[0]].label
    doing = "Measuring" if running.now is not None and running.measuring else "Computing"
    counted = running.now is not None and running.passes is not None and not running.measuring
    passes = ": {} of {} passes".format(*running.passes) if counted else ""
    return {"text": f"{doing} {label} ({done + 1} of {total}){passes}.", "busy": True}


def card(running: Comparison, entry: Entry) -> dict[str, Any]:
    """One method: picture with alternative text, figures in words, meaning, warning; or the refusal."""
    texts = {"label": entry.label, "meaning": entry.description, "warning": entry.caveat}
    if entry.heat is None:
        reason, hint = entry.refused or ("There is no map.", "")
        return texts | {"refused": reason, "hint": hint}
    size = (running.image.width, running.image.height)
    where = region_in_words(entry.heat.values, entry.heat.boxes, size)
    return texts | {
        "src": png_data_url(overlay(running.image.pixels, entry)),
        "alt": f"{entry.label} for {running.span.label}: {where}",
        "figures": [
            f"{percent(entry.heat.image_share)}: {share_meaning(entry)}",
            f"strongest: {where}",
            f"strongest patch {figure(peak(entry))} {entry.unit}",
            f"{entry.seconds:.1f} s, {passes(entry)}",
        ],
        "signed": entry.signed,
        "note": str(entry.heat.meta.get("note", "")),
        "trust": trust_text(entry),
        "table": lens_table(entry, size),
    }


def lens_table(entry: Entry, size: tuple[int, int]) -> dict[str, Any] | None:
    """What the strongest patches spell; None for every method but the logit lens."""
    if not entry.words:
        return None
    rows = [
        [place_in_words(found.box, size), ", ".join(f"“{w.text.strip() or '␣'}” {percent(w.probability)}"
         for w in found.words)]
        for found in entry.words
    ]  # fmt: skip
    return {
        "caption": "Likeliest words at the strongest patches",
        "columns": ["Patch", "Words"],
        "rows": rows,
    }


def place_in_words(box: np.ndarray, size: tuple[int, int]) -> str:
    """ "left upper zone, at 24, 40": zone and centre in pixels of a box x0, y0, x1, y1."""
    across, down = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    column, row = (min(2, int(3 * at / length)) for at, length in zip((across, down), size, strict=True))
    zone = "centre" if (row, column) == (1, 1) else f"{COLUMNS[column]} {ROWS[row]} zone"
    return f"{zone}, at {across:.0f}, {down:.0f}"


def share_meaning(entry: Entry) -> str:
    """What the image share of a method is a share of, in its own words."""
    return str(entry.heat.meta.get("image_share_meaning") or "part of the evidence that came from the image")


def trust_text(entry: Entry) -> str:
    """What the curves say of a map; the reason when they could not be measured; "" when nobody asked."""
    if entry.trust is None or entry.trust.perturbation is None:
        return f"Not measured. {entry.unmeasured}" if entry.unmeasured else ""
    found = entry.trust.perturbation
    verdict = VERDICTS.get(entry.trust.verdict, entry.trust.verdict)
    gap = f"{found.gap:+.3f}".replace("-", "−")
    return f"{verdict}: {gap} nats against random (chance ± {found.random_sd:.3f})"


def cost_table(
    prompt: Prompt | None,
    names: Sequence[str],
    curves: bool,
    settings: Mapping[str, Mapping[str, int]] | None = None,
) -> dict[str, Any] | None:
    """Passes that each method would take, before any is run; None without an answer."""
    if prompt is None:
        return None
    rows = [
        [spec.label, planned(prompt, name, (settings or {}).get(name))]
        for name, spec in registry().items()
        if name in names
    ]
    if curves and rows:
        rows.append(["Deletion and insertion curves", planned_curves(len(rows))])
    return {
        "caption": "Cost before running: passes of one picture through the model",
        "columns": ["Method", "Passes"],
        "rows": rows,
        "numeric": [],
    }


def planned(prompt: Prompt, name: str, params: Mapping[str, int] | None = None) -> str:
    """The cost of one method on one span, in words."""
    if explain.METHODS[name].is_shared:
        return SHARED_PASS
    cost = explain.cost_of(prompt, 1, name, params)
    return cost.reason if isinstance(cost, explain.Refusal) else pass_words(cost.forwards, cost.backwards)


def planned_curves(maps: int) -> str:
    """About how many pictures the curves of so many maps of one span take."""
    return f"up to {metrics.most_pictures(maps)} forward passes"


def pass_words(forwards: int, backwards: int) -> str:
    """ "38 forward passes", "16 forward and 16 backward passes"."""
    words = f"{forwards} forward" + (f" and {backwards} backward" if backwards else "")
    return f"{words} {'pass' if forwards + backwards == 1 else 'passes'}"


def passes(entry: Entry) -> str:
    """What a map really took."""
    meta = entry.heat.meta
    return pass_words(meta.get("forwards", 0), meta.get("backwards", 0))


def agreement_table(running: Comparison) -> dict[str, Any] | None:
    """Rank correlations between the maps; None for fewer than two."""
    entries = running.maps
    if len(entries) < 2:
        return None
    rows = [
        [entry.label, *(correlation_text(value) for value in row)]
        for entry, row in zip(entries, agreement(entries), strict=True)
    ]
    return {
        "caption": "Agreement: Spearman's correlation of the patches' ranks; 1 is the same order, 0 none. "
        "Methods that agree can be wrong together.",
        "columns": ["Method", *(entry.label for entry in entries)],
        "rows": rows,
        "numeric": list(range(1, len(entries) + 1)),
    }


def localisation_table(running: Comparison) -> dict[str, Any] | None:
    """Scores against the region, with the centre prior as control; None without a region or a score."""
    scored = [entry for entry in running.maps if entry.localisation]
    if running.region is None or not scored:
        return None
    metrics = [explain.METRICS[score.name] for score in scored[0].localisation]
    rows = [[entry.label, *(f"{score.value:.2f}" for score in entry.localisation)] for entry in scored]
    control = ["Control: centre of the picture"]
    rows.append(control + [f"{score.centre_prior:.2f}" for score in scored[0].localisation])
    rows += [[entry.label, entry.off_target] for entry in running.maps if entry.off_target]
    part = 100 * float(running.region.mean())
    return {
        "caption": f"Does it point at the region ({part:.1f} % of the picture)? 1 is best; a map that knows "
        "nothing scores as the control or the region's share.",
        "columns": ["Method", *(metric.label for metric in metrics)],
        "rows": rows,
        "numeric": list(range(1, len(metrics) + 1)),
    }


def sanity_table(running: Comparison) -> dict[str, Any] | None:
    """Correlations of each map with its own map when it must change; None before the tests ran."""
    tested = [entry for entry in running.maps if entry.sanity]
    if not tested:
        return None
    done = [entry for entry in tested if "layers" in entry.sanity]
    rows = [
        [entry.label, *map(correlation_text, (entry.sanity["swapped"], *entry.sanity["random"]))]
        for entry in done
    ]
    skipped = [f"{entry.label}: {entry.sanity['reason']}" for entry in tested if "reason" in entry.sanity]
    layers = done[0].sanity["layers"] if done else ()
    caption = (
        "Sanity: rank correlation of each map with its map of the same words on another picture, and with "
        "the model's last layers made random. Near 1, the map does not depend on what it should."
    )
    return {
        "caption": " ".join([caption, *(["Not tested:", *skipped] if skipped else [])]),
        "columns": ["Method", "Another picture", *(f"Last {depth} random" for depth in layers)],
        "rows": rows,
        "numeric": list(range(1, len(layers) + 2)),
    }


def figures_table(running: Comparison) -> dict[str, Any] | None:
    """Further metrics that were asked for, with what they mean; None without any."""
    scored = [entry for entry in running.maps if entry.figures]
    if not scored:
        return None
    names = list(scored[0].figures)
    declared = [explain.METRICS[name] for name in names]
    better = {"higher": "more is better", "lower": "less is better"}
    meanings = [f"{metric.label}: {metric.meaning} ({better[metric.direction]})" for metric in declared]
    return {
        "caption": " ".join(meanings),
        "columns": ["Method", *(f"{metric.label} ({metric.unit})" for metric in declared)],
        "rows": [[entry.label, *(score_text(entry.figures[name]) for name in names)] for entry in scored],
        "numeric": list(range(1, len(names) + 1)),
    }


def score_text(score: "Score | Refusal") -> str:
    """A score in three meaningful digits, the reason of a refusal, or a dash."""
    if isinstance(score, explain.Refusal):
        return score.reason
    return MISSING if score.value is None else figure(score.value).replace("-", "−")


def percent(share: float) -> str:
    """ "38 %"; "under 1 %" for what would round to nothing."""
    return "under 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def correlation_text(value: float | None) -> str:
    """Two digits with a true minus; a dash where a map is the same everywhere."""
    return MISSING if value is None else f"{value:.2f}".replace("-", "−")


def figure(value: float) -> str:
    """Three meaningful digits without an exponent."""
    return np.format_float_positional(value, precision=3, fractional=False, trim="-")
