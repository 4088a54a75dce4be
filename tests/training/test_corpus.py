"""Real annotation → samples that claim nothing beyond it."""

import json

import pytest

from workbench.errors import UserFacing
from workbench.training.corpus import load_corpus, load_facts, plain_answer, region_name, zone_words


@pytest.mark.parametrize(
    ("raw", "plain"), [("Yes", "yes"), (" X-Ray ", "X-ray"), ("mri", "MRI"), ("Left  Lung.", "left lung")]
)
def test_answers_are_plain(raw, plain):
    assert plain_answer(raw) == plain


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0, 0, 20, 20), "left upper"),
        ((45, 45, 55, 55), "centre"),
        ((80, 45, 90, 55), "right"),
        ((45, 90, 55, 99), "lower"),
    ],
)
def test_zones_are_thirds_of_the_picture(box, words):
    assert zone_words(box, 100, 100) == words


def test_region_names_drop_the_patients_side():
    assert region_name("Left Kidney") == "kidney"


def test_a_manifest_line_becomes_a_true_trace(tmp_path):
    entry = {
        "id": "a", "file": "a.png", "modality": "CT", "body_part": "abdomen", "width": 100, "height": 100,
        "qa": [
            {"question": "Where is the liver?", "answer": "Left", "answer_type": "open",
             "question_type": "Position", "region_ids": ["r0"], "lang": "en"},
            {"question": "肝在哪里?", "answer": "左", "answer_type": "open", "question_type": "zh",
             "lang": "zh"},
        ],
        "regions": [{"id": "r0", "label": "Liver", "box": [10, 10, 30, 30]}], "mask": None,
    }  # fmt: skip
    path = tmp_path / "manifest.jsonl"
    path.write_text(json.dumps(entry) + "\n")
    (image,) = load_corpus(path)
    (sample,) = image.samples
    assert [s.sentence for s in sample.statements] == [
        "The image shows a CT of the abdomen.",
        "It shows liver in the left upper of the picture.",
        dict(load_facts())["liver"],
        "Therefore the answer is left.",
    ]
    assert sample.reasoned().startswith("<CT_SCAN><think>")
    assert sample.reasoned().endswith("</think><answer>left</answer>")


def test_a_missing_manifest_is_said(tmp_path):
    with pytest.raises(UserFacing, match="no manifest"):
        load_corpus(tmp_path / "manifest.jsonl")


def test_the_real_corpus_loads(real_data):
    images = load_corpus(real_data / "corpus" / "manifest.jsonl")
    assert len(images) > 800
    assert all(image.path.is_file() for image in images[:20])
