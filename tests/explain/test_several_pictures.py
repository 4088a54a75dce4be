"""Several pictures in one question: methods find the planted patch in the picture where it was planted."""

import json
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from tests.tiny import PLANTED_TOKEN, load_tiny, picture, planted_model, save_tiny
from workbench import explain
from workbench.cases.answered import AnsweredCase
from workbench.cli import main
from workbench.explain.sheet import Sheet
from workbench.imaging.medical_image import MedicalImage
from workbench.imaging.overlay import encode_png
from workbench.models.answer import Answer, Question, Turn

SIZES = ((300, 180), (160, 240))
SPOT = (60, 120, 100, 160)  # x0, y0, x1, y1 in the second picture
ANSWER = Answer((PLANTED_TOKEN,), "nodule", ((0, 6),), (-0.1,), "stop")
# The lens names words and the localisation heads want more heads than the planted model has.
METHODS = (
    "attention_mean", "logit_attribution", "relevancy", "input_gradient", "integrated_gradients", "grad_cam",
    "occlusion", "rise", "shapley", "greedy_search", "attention_rollout", "relative_attention",
)  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return planted_model(tmp_path_factory.mktemp("planted"))


def dark(size: tuple[int, int], spot: tuple[int, int, int, int] | None = None) -> MedicalImage:
    pixels = np.full((size[1], size[0], 3), 10, np.uint8)
    if spot:
        x0, y0, x1, y1 = spot
        pixels[y0:y1, x0:x1] = 250
    return MedicalImage(pixels, "test", "array")


@pytest.fixture(scope="module")
def case(model):
    images = (dark(SIZES[0]), dark(SIZES[1], SPOT))
    return AnsweredCase.of(model, model.prepare(Question("left"), images), images, ANSWER)


def in_spot(heat: explain.HeatMap) -> np.ndarray:
    x0, y0, x1, y1 = SPOT
    boxes = heat.boxes
    return (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)


@pytest.mark.parametrize("method", METHODS)
def test_the_planted_patch_lights_up_in_its_own_picture(case, method) -> None:
    given = {"shapley": {"cells": 2, "pairs": 3}, "greedy_search": {"cells": 2}, "rise": {"masks": 192}}
    heat = case.explain(method, "all", **given.get(method, {}))
    if method == "grad_cam":  # the planted model has one layer, after which no patch is read any more
        assert isinstance(heat, explain.Refusal)
        return
    planted = in_spot(heat) & (heat.picture_of == 1)
    assert heat.values[planted].max() == pytest.approx(heat.values.max())  # coarse regions tie
    assert heat.values[heat.picture_of == 0].max() < heat.values[planted].max() / 2
    second = heat.of_picture(1)
    assert second.image is case.images[1] and len(second.values) == int((heat.picture_of == 1).sum())
    assert "in picture 2 at x" in explain.map_text(heat)


@pytest.mark.parametrize("tier", range(1, 4))
def test_every_tier_of_taking_away_finds_it(case, tier) -> None:
    heat = case.explain("occlusion", "all", window=1, stride=1, tier=tier)
    strongest = int(heat.values.argmax())
    assert heat.picture_of[strongest] == 1 and in_spot(heat)[strongest]


def test_a_sheet_holds_every_picture_and_gives_it_back() -> None:
    images = [picture(30, 20), picture(12, 40, 1)]
    sheet = Sheet.of(images)
    assert sheet.size == (30, 60) and sheet.places == ((0, 0, 30, 20), (0, 20, 12, 60))
    for part, image in zip(sheet.split(sheet.pixels), images, strict=True):
        assert np.array_equal(part, image.pixels)
    boxes = np.array([[0, 0, 6, 6], [6, 4, 12, 9], [0, 0, 0, 0]], np.float32)
    moved = sheet.boxes(boxes, np.array([0, 1, 1]))
    assert moved.tolist() == [[0, 0, 6, 6], [6, 24, 12, 29], [0, 0, 0, 0]]
    assert np.array_equal(Sheet.of(images[:1]).pixels, images[0].pixels)


def test_metrics_change_all_pictures(case) -> None:
    heat = case.explain("occlusion", "all", window=1, stride=1)
    found = case.measure(heat, "gap", "road", "infidelity", "random_weights")
    assert found["gap"].value > 0 and found["road"].value > 0
    flat = heat.on_sheet(case.sheet)
    assert case.measure(flat, "gap")["gap"].value == pytest.approx(found["gap"].value)
    region = np.zeros((SIZES[1][1], SIZES[1][0]), bool)
    region[SPOT[1] : SPOT[3], SPOT[0] : SPOT[2]] = True
    inside = explain.measure(case, heat, ["pointing"], region=region, region_picture=1)["pointing"]
    assert inside.value == 1


def test_a_region_of_the_second_picture_is_the_one_that_matters(case) -> None:
    there = case.intervene("remove", region=SPOT, picture=1)
    elsewhere = case.intervene("remove", region=SPOT, picture=0)
    blocked = case.intervene("block", region=SPOT, picture=1)
    assert there.effect.total < 10 * min(-0.001, -abs(elsewhere.effect.total))
    assert there.picture == 1 and "picture 2" in there.label and blocked.effect.total < 0
    assert case.intervene("blank").effect.total == pytest.approx(
        case.intervene("blank", picture=1).effect.total, abs=1e-3
    )
    with pytest.raises(wb.UserFacing, match="no picture 2"):
        case.intervene("remove", region=SPOT, picture=2)


def test_reading_tells_pictures_and_turns_apart(model) -> None:
    images = (dark(SIZES[0], (10, 10, 90, 90)), dark(SIZES[1]))
    asked = Question("right", history=(Turn("left", "The image shows a bright spot.", 1),))
    case = AnsweredCase.of(model, model.prepare(asked, images), images, ANSWER)
    evidence = explain.gather_evidence(model, case.prompt, case.answer)
    found = explain.reading(evidence, case.span("all"))
    assert list(found) == [
        "picture 1", "picture 2", "earlier turns", "question", "answer so far", "first token",
    ]  # fmt: skip
    assert sum(found.values()) == pytest.approx(1, abs=1e-4)
    assert found["picture 1"] > found["picture 2"] and found["earlier turns"] > 0


def test_a_follow_up_keeps_pictures_and_turns(tmp_path: Path) -> None:
    model = load_tiny(save_tiny(tmp_path / "model"))
    first = wb.ask(model, [picture(60, 40), picture(30, 70, 1)], "left", max_new_tokens=4)
    assert first.turn.pictures == 2 and len(first.images) == 2
    second = first.follow_up("right", picture(50, 50, 2))
    third = second.follow_up("upper")
    assert [turn.pictures for turn in third.question.history] == [2, 1] and len(third.images) == 3
    text = model.tokenizer.decode(third.prompt.inputs["input_ids"][0])
    places = [text.index(word) for word in ("left", "right", "upper")]
    assert places == sorted(places)
    runs = np.flatnonzero(np.diff(third.prompt.image_positions) > 1)
    assert runs.tolist() == [35, 71]  # a line end between two pictures, words between turns
    with pytest.raises(ValueError, match="2 pictures"):
        model.prepare(third.question, third.images[:2])


def test_the_command_line_maps_each_picture_of_the_last_turn(tmp_path: Path, capsys) -> None:
    folder = save_tiny(tmp_path / "model")
    for number, size in enumerate(((60, 40), (30, 70))):
        (tmp_path / f"{number}.png").write_bytes(encode_png(picture(*size, number).pixels))
    asked = [str(tmp_path / "0.png"), "left", "--image", str(tmp_path / "1.png"), "--follow-up", "right"]
    common = ["--model", str(folder), "--device", "cpu", "--max-new-tokens", "6", "--json"]
    assert main(["ask", *asked, *common]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [turn["question"] for turn in record["turns"]] == ["left", "right"]
    assert [turn["pictures"] for turn in record["turns"]] == [2, 0] and len(record["images"]) == 2
    out = tmp_path / "map.png"
    assert main(["explain", *asked, *common, "--span", "all", "--png", str(out)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [(p["width"], p["height"]) for p in record["pictures"]] == [(60, 40), (30, 70)]
    assert sum(len(p["values"]) for p in record["pictures"]) == len(record["values"])
    assert sum(p["share"] for p in record["pictures"]) == pytest.approx(1)
    assert {"picture 1", "picture 2", "earlier turns"} <= set(record["meta"]["reading"])
    assert (tmp_path / "map-1.png").is_file() and (tmp_path / "map-2.png").is_file()
