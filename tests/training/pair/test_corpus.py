"""Real annotation → samples that claim nothing beyond it."""

import json
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.phantoms.sample import Sample
from workbench.training.pair.corpus import (
    CorpusImage,
    _sample,
    load_corpus,
    load_facts,
    pick_samples,
    plain_answer,
    region_name,
    zone_words,
)


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


def test_an_abnormality_question_rests_on_the_marked_diseases():
    entry = {
        "id": "a", "file": "a.png", "modality": "X-ray", "body_part": "lung", "width": 100, "height": 100,
        "qa": [
            {"question": "Is the lung healthy?", "answer": "No", "answer_type": "closed",
             "question_type": "Abnormality", "options": ["Yes", "No"]},
            {"question": "What is the largest organ?", "answer": "Lung", "answer_type": "open",
             "question_type": "Size"},
        ],
        "regions": [{"id": "r0", "label": "Mass", "box": [70, 0, 90, 20]},
                    {"id": "r1", "label": "Left Lung", "box": [0, 0, 40, 90]}], "mask": None,
    }  # fmt: skip
    healthy, largest = (_sample(entry, question, load_facts()) for question in entry["qa"])
    assert healthy.statements[1].sentence == "It shows mass in the right upper of the picture."
    assert healthy.evidence == ("mass",)
    assert largest.statements[1].sentence == "It shows lung and mass."
    assert largest.evidence == ()
    first, last = healthy.conclusion()
    assert healthy.reasoned()[first:last] == "Therefore the answer is no."


def test_derived_questions_are_a_share_of_those_picked():
    image = _corpus_image()
    counts = [len([s for s in pick_samples(np.random.default_rng(n), image, 4, 0.5) if s.question == "ours"])
              for n in range(400)]  # fmt: skip
    assert 1.8 < np.mean(counts) < 2.2
    assert all(s.question != "ours" for s in pick_samples(np.random.default_rng(0), image, 4))


def _corpus_image():
    def many(text, count):
        return tuple(Sample(text, (), "yes", "CT", "", True, ()) for _ in range(count))

    return CorpusImage(
        "a", Path("a.png"), "CT", "abdomen", 9, 9, (), None, {}, many("theirs", 8), many("ours", 8)
    )


def test_a_missing_manifest_is_said(tmp_path):
    with pytest.raises(UserFacing, match="no manifest"):
        load_corpus(tmp_path / "manifest.jsonl")


def test_the_real_corpus_loads(real_data):
    images = load_corpus(real_data / "corpus" / "manifest.jsonl")
    assert len(images) > 800
    assert all(image.path.is_file() for image in images[:20])
