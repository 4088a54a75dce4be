"""The payload of the viewer, with numbers worked out by hand."""

import base64
import json
from collections.abc import Sequence
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from workbench.cases.maps import MapSet
from workbench.explain.heatmap import Refusal, Span
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Question
from workbench.traces.trace import Step, Trace
from workbench.viewer.payload import (
    LONGEST_SIDE,
    PNG_PREFIX,
    column_payload,
    maps_payload,
    picture_payload,
    png_data_url,
    quantise,
    viewer_payload,
)

TEXT = "<think> Dark spot.\nSo B. <answer>B"
#       0       8    13   19  22 25      33   (character positions)


def word(text: str, start: int, token: int, step: int | None) -> SimpleNamespace:
    return SimpleNamespace(
        text=text,
        glue=" ",
        char_start=start,
        char_end=start + len(text),
        token_start=token,
        token_end=token + 1,
        step=step,
    )


def case_column(**changes: object) -> SimpleNamespace:
    """Two steps of two words each, then the answer; step indices start at 4 to catch position mix-ups."""
    words = (
        word("Dark", 8, 1, 4),
        word("spot.", 13, 2, 4),
        word("So", 19, 3, 5),
        word("B.", 22, 4, 5),
        word("<answer>B", 25, 6, None),
    )
    trace = Trace(
        status="ok",
        rule="answer_tag",
        steps=(
            Step(4, "perception", "Dark spot.", 8, 18, "order", 1, 3),
            Step(5, "rationale", "So B.", 19, 24, "order", 3, 5),
        ),
        modality="X-ray",
        answer_text="B",
        answer_letter="B",
        answer_start=33,
        answer_end=34,
    )
    column = SimpleNamespace(
        model_name="tuned",
        label="Tuned",
        status="done",
        message="",
        answer=Answer(text=TEXT, logprobs=(-9.0, -0.5, -0.25, -1.0, float("nan"), -9.0, -2.0)),
        trace=trace,
        words=words,
        option_probabilities=(0.25, 0.75),
        prompt=SimpleNamespace(question=Question("What?", ("Left", "Right"))),
        case=None,
    )
    return SimpleNamespace(**{**vars(column), **changes})


def map_set(keys: Sequence[str], values: np.ndarray, **changes: object) -> MapSet:
    """Maps of the spans that `keys` name, with a row each."""
    fields = {
        "method": "attention_mean",
        "label": "Attention",
        "unit": "share of attention",
        "signed": False,
        "caveat": "Looking is not knowing.",
        "spans": tuple(Span(key.partition(":")[0], key, (1,), key) for key in keys),
        "values": values.astype(np.float32),
        "image_share": np.linspace(0.1, 0.9, len(keys)),
        "boxes": np.array([[0, 0, 5, 6], [5, 0, 10, 6]], dtype=np.float32),
        "refused": None,
        "seconds": 0.0,
    }
    return MapSet(**{**fields, **changes})


WORD_KEYS = [f"word:{n}" for n in range(5)]
ALL_KEYS = [*WORD_KEYS, "step:4", "step:5", "answer", "all"]


def unpacked(payload: dict) -> np.ndarray:
    codes = np.frombuffer(base64.b64decode(payload["q"]), dtype=np.uint8)
    return codes.reshape(len(payload["keys"]), -1)


def test_unsigned_codes_by_hand() -> None:
    codes, peaks = quantise(np.array([[0.0, 0.1, 0.2], [0, 0, 0], [-1.0, 3.0, 1.5]]), signed=False)
    assert list(codes) == [0, 128, 255, 0, 0, 0, 0, 255, 128]  # rint(127.5) is 128
    assert peaks == [pytest.approx(0.2), 0.0, 3.0]


def test_signed_codes_by_hand() -> None:
    codes, peaks = quantise(np.array([[-2.0, 0.0, 1.0], [0, 0, 0]]), signed=True)
    assert list(codes) == [1, 128, 192, 128, 128, 128]  # 128 + rint(63.5) = 128 + 64
    assert peaks == [2.0, 0.0]


@pytest.mark.parametrize("signed", [False, True])
def test_round_trip_error_is_at_most_half_a_code(signed: bool) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(20, 60)) * 10.0 ** rng.integers(-6, 4, size=(20, 1))
    values = values if signed else np.abs(values)
    codes, peaks = quantise(values, signed)
    grid = np.frombuffer(codes, dtype=np.uint8).reshape(20, 60).astype(float)
    back = (grid - 128) / 127 if signed else grid / 255
    limit = np.array(peaks)[:, None] / (254 if signed else 510)
    assert (np.abs(back * np.array(peaks)[:, None] - values) <= limit * (1 + 1e-9)).all()


def test_quantise_refuses_what_is_not_a_map() -> None:
    with pytest.raises(ValueError, match="shape"):
        quantise(np.zeros(4), signed=False)
    with pytest.raises(ValueError, match="finite"):
        quantise(np.array([[np.nan]]), signed=False)


def test_png_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    address = png_data_url(pixels)
    assert address.startswith(PNG_PREFIX)
    stored = np.frombuffer(base64.b64decode(address.removeprefix(PNG_PREFIX)), dtype=np.uint8)
    assert np.array_equal(cv2.imdecode(stored, cv2.IMREAD_COLOR)[:, :, ::-1], pixels)


def test_large_picture_is_shrunk_but_keeps_its_coordinates() -> None:
    image = MedicalImage(np.zeros((800, 3200, 3), np.uint8), "0" * 64, "array", spacing_mm=(0.2, 0.1))
    picture = picture_payload(image)
    stored = np.frombuffer(base64.b64decode(picture["src"].removeprefix(PNG_PREFIX)), dtype=np.uint8)
    assert cv2.imdecode(stored, cv2.IMREAD_COLOR).shape == (400, LONGEST_SIDE, 3)
    assert (picture["width"], picture["height"]) == (3200, 800)
    assert "1600 × 400 of 3200 × 800" in picture["notes"][-1]
    assert picture["spacing_note"] == "Pixel size 0.2 × 0.1 mm (height × width)."


def test_column_words_steps_answer_and_options() -> None:
    column = column_payload(case_column())
    assert [w["text"] for w in column["words"]] == ["Dark", "spot.", "So", "B.", "B"]
    assert [w["step"] for w in column["words"]] == [0, 0, 1, 1, None]
    assert [w["answer"] for w in column["words"]] == [False] * 4 + [True]
    assert [w["lp"] for w in column["words"]] == [-0.5, -0.25, -1.0, None, -2.0]
    assert column["steps"] == [
        {"axis": "perception", "words": [0, 2]},
        {"axis": "rationale", "words": [2, 4]},
    ]
    assert column["answer"] == {"text": "B", "letter": "B", "words": [4, 5]}
    assert column["options"] == [
        {"letter": "A", "text": "Left", "p": 0.25},
        {"letter": "B", "text": "Right", "p": 0.75},
    ]
    assert column["parse"] == {"status": "ok", "rule": "answer_tag"}


def test_every_row_says_which_part_of_the_answer_it_maps() -> None:
    values = np.array([[row, 2 * row] for row in range(9)])
    payload = maps_payload(case_column(), map_set(ALL_KEYS, values))
    assert payload["keys"] == ALL_KEYS
    assert payload["peak"] == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert unpacked(payload).tolist() == [[0, 0]] + [[128, 255]] * 8
    assert payload["share"] == pytest.approx(np.linspace(0.1, 0.9, 9).tolist())
    assert payload["boxes"][1] == [5.0, 0.0, 10.0, 6.0]
    assert payload["caveat"] == "Looking is not knowing."


def test_a_part_of_the_answer_without_a_map_has_no_row() -> None:
    maps = map_set([*WORD_KEYS, "step:5"], np.ones((6, 2)), note="Two sinks left out.")
    payload = maps_payload(case_column(), maps)
    assert payload["keys"] == [*WORD_KEYS, "step:5"]
    assert len(payload["peak"]) == len(payload["share"]) == len(unpacked(payload)) == 6
    assert payload["caveat"] == "Looking is not knowing. Two sinks left out."


def test_maps_of_another_answer_are_refused() -> None:
    with pytest.raises(ValueError, match="4 word maps for 5 words"):
        maps_payload(case_column(), map_set(WORD_KEYS[:4], np.ones((4, 2))))


def test_refused_maps_and_missing_maps() -> None:
    refused = map_set([], np.zeros((0, 2)), refused=Refusal("No attention here.", "Try occlusion."))
    assert maps_payload(case_column(), refused) == {
        "refused": "No attention here.",
        "hint": "Try occlusion.",
        "label": "Attention",
    }
    assert maps_payload(case_column(), None) is None


def test_whole_payload_is_json_without_nan_and_reuses_an_encoded_picture() -> None:
    image = MedicalImage(np.zeros((6, 10, 3), np.uint8), "0" * 64, "array", modality="X-ray")
    picture = picture_payload(image)
    maps = map_set(ALL_KEYS, np.ones((9, 2)), image_share=np.full(9, np.nan))
    columns = {"base": None, "tuned": case_column()}
    payload = viewer_payload("c1", picture, columns, {"tuned": maps}, subtitles={"tuned": "r1 · cpu"})
    again = json.loads(json.dumps(payload, allow_nan=False))
    assert again["image"]["src"] == picture["src"] and again["image"]["alt"] == "X-ray picture"
    assert [c["key"] for c in again["columns"]] == ["base", "tuned"]
    assert again["columns"][0]["status"] == "empty" and again["columns"][0]["maps"] is None
    assert again["columns"][1]["subtitle"] == "r1 · cpu"
    assert again["columns"][1]["maps"]["share"] == [None] * 9
    assert viewer_payload("c1", image, columns, {"tuned": maps})["image"] == payload["image"]


def test_no_picture() -> None:
    payload = viewer_payload("c1", None, {"base": None})
    assert payload["image"] is None and payload["scale_note"] == ""
