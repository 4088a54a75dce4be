"""What the in-page viewer is told: one JSON object with the whole state, again and again.

Nothing here imports gradio; `viewer_component.py` holds the component that shows the payload. The
format is documented in `assets/viewer/README.md`. All strings in it are raw model or user text: the
page writes them with `textContent` only.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from workbench.imaging.medical_image import MedicalImage
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.traces import ModalityCheck, check_modality, contradictions

if TYPE_CHECKING:  # the case runner loads torch; packing a payload must not
    from workbench.cases.column import Column
    from workbench.cases.maps import MapSet
    from workbench.cases.words import Word
    from workbench.explain.text import TextMaps
    from workbench.models.answer import Question

PNG_PREFIX = "data:image/png;base64,"
LONGEST_SIDE = 1600  # a sharper picture than the page can show only slows the page down
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DEFAULT_TITLES = {"base": "Base model", "tuned": "Tuned model"}

# Words are cut at white space, so a tag of the answer grammar can be stuck to one.
GRAMMAR_TAG = re.compile(r"</?(?:think|thinking|answer)>", re.IGNORECASE)


def quantise(values: np.ndarray, signed: bool) -> tuple[bytes, list[float]]:
    """Pack map values into one byte each, row by row.

    `values` float `[R, P]`, finite. Returns the row-major bytes and the peak of each row. Unsigned:
    `value = q / 255 * peak` (negative values count as 0), error at most `peak / 510`. Signed:
    `value = (q - 128) / 127 * peak`, error at most `peak / 254`. A row of zeros has peak 0.
    """
    if values.ndim != 2:
        raise ValueError(f"maps have shape {values.shape}; want [rows, patches]")
    if not np.isfinite(values).all():
        raise ValueError("maps hold a value that is not finite")
    kept = values.astype(np.float64) if signed else np.maximum(values.astype(np.float64), 0.0)
    peaks = np.abs(kept).max(axis=1, initial=0.0)
    scaled = kept / np.where(peaks > 0, peaks, 1.0)[:, None]
    codes = 128 + np.rint(127 * scaled) if signed else np.rint(255 * scaled)
    return codes.astype(np.uint8).tobytes(), [float(peak) for peak in peaks]


def png_data_url(pixels: np.ndarray) -> str:
    """Encode uint8 RGB `[H, W, 3]` (or grey `[H, W]`) as a `data:image/png;base64,` address."""
    stored = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    worked, png = cv2.imencode(".png", stored)
    if not worked:
        raise ValueError("the picture could not be encoded")
    return PNG_PREFIX + base64.b64encode(png.tobytes()).decode("ascii")


def picture_payload(image: MedicalImage, *, seen: np.ndarray | None = None, alt: str = "") -> dict[str, Any]:
    """The `image` part of the payload. Encoding takes time: make it once a case and pass it on.

    `seen` is uint8 RGB `[h, w, 3]`, what the model received after its own resizing and cropping.
    `width` and `height` stay those of the original, in whose pixels all boxes are given.
    """
    notes = list(image.notes)
    shown = _shrunk(image.pixels)
    if shown.shape[:2] != image.pixels.shape[:2]:
        notes.append(
            f"Shown at {shown.shape[1]} × {shown.shape[0]} of {image.width} × {image.height} pixels; "
            "the models received the full picture."
        )
    return {
        "src": png_data_url(shown),
        "width": image.width,
        "height": image.height,
        "alt": alt or (f"{image.modality} picture" if image.modality else "The picture asked about"),
        "seen": None if seen is None else png_data_url(_shrunk(seen)),
        "notes": notes,
        "spacing_note": _spacing_note(image),
    }


def viewer_payload(
    case_id: str,
    image: MedicalImage | Mapping[str, Any] | None,
    columns: Mapping[str, Column | None],
    maps: Mapping[str, MapSet | None] | None = None,
    *,
    titles: Mapping[str, str] | None = None,
    subtitles: Mapping[str, str] | None = None,
    images: Sequence[MedicalImage | Mapping[str, Any]] = (),
    text_maps: Mapping[str, TextMaps | None] | None = None,
) -> dict[str, Any]:
    """The whole state of the viewer as JSON-ready data; send it every time anything changed.

    `case_id` must change with each new question: the viewer then drops the reader's selection and zoom.
    `image` may be the result of `picture_payload`, which saves encoding the PNG on every update. `columns`
    and `maps` are keyed "base" and "tuned" (in showing order); a column that is None has nothing to show yet.
    `images` are all pictures of a case about several, `image` the first of them; the maps say which picture
    each patch belongs to. `text_maps` say which words carried which, keyed like `maps`. `subtitles` say
    revision, device and precision. Raises ValueError when maps do not fit their column.
    """
    picture = picture_payload(image) if isinstance(image, MedicalImage) else image
    shown = [
        {
            "key": key,
            "title": (titles or {}).get(key) or DEFAULT_TITLES.get(key, key),
            "subtitle": (subtitles or {}).get(key, ""),
            **column_payload(column, image.modality if isinstance(image, MedicalImage) else None),
            "maps": maps_payload(column, (maps or {}).get(key)),
            "text_maps": text_maps_payload((text_maps or {}).get(key)),
        }
        for key, column in columns.items()
    ]
    return {
        "case": case_id,
        "image": None if picture is None else dict(picture),
        "scale_note": "" if picture is None else picture.get("spacing_note", ""),
        "columns": shown,
        **({"images": [_entry(one) for one in images]} if len(images) > 1 else {}),
    }


def _entry(image: MedicalImage | Mapping[str, Any]) -> dict[str, Any]:
    return picture_payload(image) if isinstance(image, MedicalImage) else dict(image)


def turns_payload(question: Question) -> dict[str, Any]:
    """What stands above an answer that follows on others: the earlier turns and what is asked now."""
    if not question.history:
        return {}
    turns = [
        {"question": turn.text, "answer": GRAMMAR_TAG.sub("\n", turn.answer).strip()}
        for turn in question.history
    ]
    return {"earlier": turns, "asked": question.text}


def column_payload(column: Column | None, known: str | None = None) -> dict[str, Any]:
    """One model's text: words with their places, steps, answer, options. No maps, no title.

    `known` is the kind of picture that the file names.
    """
    if column is None:
        return {
            "status": "empty",
            "message": "",
            "modality": None,
            "modality_check": None,
            "contradictions": [],
            "reward": None,
            "parse": None,
            "text": "",
            "words": [],
            "steps": [],
            "recovered": False,
            "answer": None,
            "options": [],
        }
    trace, words = column.trace, column.words
    place = {step.index: number for number, step in enumerate(trace.steps)}
    answer_words = _words_between(words, trace.answer_start, trace.answer_end)
    return {
        "status": column.status,
        "message": column.message,
        "modality": trace.modality,
        "modality_check": check_payload(check_modality(trace, known, "the file")),
        "contradictions": _contradictions(column, place),
        "reward": None,
        "parse": {"status": trace.status, "rule": trace.rule},
        "text": column.answer.text,
        "words": _word_entries(column, place, answer_words),
        "steps": [
            {"axis": step.axis, "words": list(_words_between(words, step.char_start, step.char_end))}
            for step in trace.steps
        ],
        "recovered": column.answer.recovered,
        "answer": None
        if trace.answer_text is None
        else {"text": trace.answer_text, "letter": trace.answer_letter, "words": list(answer_words)},
        "options": _option_entries(column),
        **(turns_payload(column.prompt.question) if column.prompt is not None else {}),
    }


def check_payload(check: ModalityCheck) -> dict[str, Any]:
    """What the chip of the modality tag shows."""
    return asdict(check)


def _contradictions(column: Column, place: Mapping[int, int]) -> list[dict[str, Any]]:
    """Disagreements of a finished answer; one that is still written may come round."""
    if column.prompt is None or column.status not in ("done", "cancelled"):
        return []
    asked = column.prompt.question
    return [
        asdict(found) | {"step": place[found.step], "sentence": found.sentence}
        for found in contradictions(column.trace, asked.options, asked.text)
    ]


def maps_payload(column: Column | None, maps: MapSet | None) -> dict[str, Any] | None:
    """The maps of one column, quantised; None before they exist; the reason when they were refused
    (`state` "elsewhere" where that is no fault: the model is served, and its weights are elsewhere).

    `keys` names the span of each row; a part of the answer without a map has no row, and the page says so
    instead of drawing an empty map. Raises ValueError when the maps are not those of the column's words.
    """
    if column is None or maps is None:
        return None
    if maps.refused is not None:
        state = {"state": "elsewhere"} if column.case and weights_elsewhere(column.case.model) else {}
        return {"refused": maps.refused.reason, "hint": maps.refused.hint, "label": maps.label} | state
    words = sum(span.kind == "word" for span in maps.spans)
    if words != len(column.words):
        raise ValueError(f"{words} word maps for {len(column.words)} words")
    codes, peaks = quantise(maps.values, maps.signed)
    return {
        "method": maps.method,
        "label": maps.label,
        "unit": maps.unit,
        "signed": bool(maps.signed),
        "caveat": " ".join(part for part in (maps.caveat, maps.note) if part),
        "boxes": [[round(float(edge), 2) for edge in box] for box in maps.boxes],
        "keys": [span.key for span in maps.spans],
        "q": base64.b64encode(codes).decode("ascii"),
        "peak": peaks,
        "share": [_finite(share) for share in maps.image_share],
        **({"picture_of": maps.picture_of.tolist()} if maps.picture_of.max(initial=0) > 0 else {}),
    }


def text_maps_payload(maps: TextMaps | None) -> dict[str, Any] | None:
    """Text maps, quantised with their sign; code 0 marks a unit that can't have carried the span. None before
    they exist; the reason when they were refused."""
    if maps is None:
        return None
    if maps.refused is not None:
        return {"refused": maps.refused.reason, "hint": maps.refused.hint, "label": maps.label}
    codes, peaks = quantise(maps.values, signed=True)
    kept = np.where(maps.reach, np.frombuffer(codes, np.uint8).reshape(maps.reach.shape), 0).astype(np.uint8)
    return {
        "method": maps.method,
        "label": maps.label,
        "unit": maps.unit,
        "caveat": maps.caveat,
        "keys": [span.key for span in maps.spans],
        "units": [unit.key for unit in maps.units],
        "question": [
            {"text": unit.text, "glue": unit.glue} for unit in maps.units if unit.where == "question"
        ],
        "q": base64.b64encode(kept.tobytes()).decode("ascii"),
        "peak": peaks,
    }


def _words_between(words: Sequence[Word], start: int | None, end: int | None) -> tuple[int, int]:
    """First and one-past-last word that overlap the characters `start..end`; (0, 0) for none."""
    if start is None or end is None:
        return (0, 0)
    inside = [at for at, word in enumerate(words) if word.char_start < end and word.char_end > start]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)


def _word_entries(
    column: Column, place: Mapping[int, int], answer_words: tuple[int, int]
) -> list[dict[str, Any]]:
    logprobs = column.answer.logprobs
    return [
        {
            "text": GRAMMAR_TAG.sub("", word.text) or word.text,
            "glue": word.glue,
            "lp": _finite(sum(logprobs[word.token_start : word.token_end])) if logprobs else None,
            "step": None if word.step is None else place.get(word.step),
            "answer": answer_words[0] <= at < answer_words[1],
        }
        for at, word in enumerate(column.words)
    ]


def _option_entries(column: Column) -> list[dict[str, Any]]:
    chances = column.option_probabilities
    if chances is None or column.prompt is None:
        return []
    options = column.prompt.question.options
    return [
        {"letter": LETTERS[at], "text": option, "p": _finite(chance)}
        for at, (option, chance) in enumerate(zip(options, chances, strict=True))
    ]


def _finite(value: float | None) -> float | None:
    """JSON has no NaN; a number that is not one is sent as null and shown as unknown."""
    return float(value) if value is not None and math.isfinite(value) else None


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    longest = max(pixels.shape[:2])
    if longest <= LONGEST_SIDE:
        return pixels
    factor = LONGEST_SIDE / longest
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _spacing_note(image: MedicalImage) -> str:
    if image.spacing_mm is None:
        return ""
    row, column = image.spacing_mm
    return f"Pixel size {row:.3g} × {column:.3g} mm (height × width)."
