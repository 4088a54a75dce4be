"""Questions without a picture on the command line: asked, explained, voted on, recovered."""

import json

import pytest

from tests.models.families import tiny_configs
from tests.tiny import planted_text_model, save_tiny
from workbench.cli import main

QUESTION = "Is there a small round bright area in the left lobe?"
OPTIONS = ("--option", "yes", "--option", "no")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A text-only model that says " spot" for ever because of the word "bright"."""
    folder = tmp_path_factory.mktemp("planted")
    planted_text_model(folder, " bright", " spot")
    return str(folder)


def told(capsys, *words: str):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def asked(folder: str, *more: str) -> tuple[str, ...]:
    return ("--no-image", QUESTION, "--model", folder, "--max-new-tokens", "4", *more)


def test_a_text_only_model_is_asked_and_recovered(folder, capsys):
    record = told(capsys, "ask", *asked(folder, *OPTIONS))
    assert record["image"] is None and record["text"].startswith(" spot spot spot spot\n\nThe answer is ")
    assert record["trace"]["recovered"] and record["trace"]["status"] == "recovered"
    assert record["trace"]["answer_letter"] in ("A", "B")
    assert {token["image_share"] for token in record["tokens"]} == {None}
    plain = told(capsys, "ask", *asked(folder, "--no-recover", *OPTIONS))
    assert not plain["trace"]["recovered"] and plain["trace"]["answer_letter"] is None


def test_votes_are_counted(folder, capsys):
    votes = told(capsys, "ask", *asked(folder, "--votes", "3", *OPTIONS))["votes"]
    assert [bar["letter"] for bar in votes["histogram"]] == ["A", "B"]
    assert sum(bar["count"] for bar in votes["histogram"]) + votes["invalid"] == 3 == votes["n"]
    assert votes["recovered"] == sum(sample["recovered"] for sample in votes["samples"])
    assert votes["decoding"] | {"seed": 0} == {
        "max_new_tokens": 4, "temperature": 0.6, "top_p": 0.95, "top_k": 20, "seed": 0,
    }  # fmt: skip
    assert [sample["seed"] for sample in votes["samples"]] == [0, 1, 2]
    assert main(["ask", *asked(folder, "--votes", "0")]) == 2


def test_what_follows_goes_without_a_picture_too(folder, capsys):
    record = told(capsys, "ask", *asked(folder, "--follow-up", "Why is it bright?", "--votes", "1"))
    assert [turn["pictures"] for turn in record["turns"]] == [0, 0] and record["image"] is None
    assert record["votes"]["n"] == 1 and "recovered" in record["votes"]


@pytest.mark.parametrize("method", ["text_occlusion", "text_gradient"])
def test_the_words_that_carried_the_answer_are_scored(folder, capsys, method):
    record = told(capsys, "explain", *asked(folder, "--span", "all", "--method", method, "--trust"))
    best = max(record["units"], key=lambda unit: unit["value"])
    assert (best["text"], best["where"]) == ("bright", "question") and record["refused"] is None
    assert record["meta"]["trust"]["gap"] > 0 and record["meta"]["image"] is None
    assert record["values"] == [unit["value"] for unit in record["units"]] and record["boxes"] == []


def test_without_a_picture_words_are_the_default_and_maps_are_refused(folder, capsys):
    assert told(capsys, "explain", *asked(folder, "--span", "all"))["method"] == "text_occlusion"
    both = told(capsys, "explain", *asked(folder, "--span", "all", "--method", "all"))
    assert [row["method"] for row in both["methods"]] == ["text_occlusion", "text_gradient"]
    refused = told(capsys, "explain", *asked(folder, "--span", "all", "--method", "occlusion"))
    assert "No image was given" in refused["refused"] and refused["meta"]["image"] is None
    assert main(["explain", *asked(folder, "--span", "all", "--trust")]) == 0
    assert "question: bright" in (out := capsys.readouterr().out) and "in random order" in out


def test_a_vision_model_is_asked_without_a_picture(tmp_path, capsys):
    folder = str(save_tiny(tmp_path / "llava"))
    record = told(capsys, "ask", *asked(folder))
    assert record["image"] is None and record["tokens"]
    assert told(capsys, "explain", *asked(folder, "--span", "all"))["values"]


def test_what_does_not_fit_is_a_sentence(folder, tmp_path, capsys):
    def fault(*words: str) -> str:
        assert main([*words]) == 2
        return capsys.readouterr().err

    assert "--no-image QUESTION" in fault("ask", QUESTION, "--model", folder)
    (tmp_path / "x.png").write_bytes(tiny_png())
    assert "--no-image" in fault("ask", str(tmp_path / "x.png"), QUESTION, "--model", folder)
    assert "about a picture" in fault("ask", *asked(folder, "--invert"))
    assert "belongs to maps" in fault("explain", *asked(folder, "--png", "x.png"))
    assert "question is empty" in fault("ask", "--no-image", " ", "--model", folder)


def tiny_png() -> bytes:
    import cv2
    import numpy as np

    return cv2.imencode(".png", np.zeros((20, 20, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize("kind", ["qwen3", "llama"])
def test_architectures_of_medssr_are_asked_and_explained(kind, tmp_path, capsys):
    folder = str(tiny_configs.save_text(tmp_path / kind, kind))
    assert told(capsys, "ask", *asked(folder, *OPTIONS))["trace"]["answer_letter"] in ("A", "B")
    assert len(told(capsys, "explain", *asked(folder, "--span", "all"))["values"]) >= len(QUESTION.split())
