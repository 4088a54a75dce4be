"""Modality tags against what a picture is, and the table of words behind it."""

import pytest

from workbench.imaging.dicom import MODALITIES as DICOM_MODALITIES
from workbench.phantoms.sample import TAGS
from workbench.traces import MODALITIES, check_modality, parse_trace, tag_of, tags_that_fit

KINDS = ("CT", "MRI", "X-ray", "ultrasound", "blood smear", "endoscopy", "chart", "PET", "mammography")


def written(tag: str) -> str:
    return f"{tag}<think>The image shows a dark liver.</think><answer>fatty liver</answer>"


def test_every_tag_is_the_tag_of_its_own_name_and_key() -> None:
    for key, name in MODALITIES.items():
        assert tag_of(name) == tag_of(key) == tag_of(f"<{key}>") == key
        assert key in tags_that_fit(name)


def test_the_words_of_the_drawings_and_of_dicom_headers_are_known() -> None:
    assert {kind: f"<{tag_of(kind)}>" for kind in TAGS} == TAGS
    for kind in DICOM_MODALITIES.values():
        assert tags_that_fit(kind), kind
        assert tags_that_fit(kind) <= MODALITIES.keys()


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("CT(Computed Tomography)", "CT_SCAN"), ("MR (Mag-netic Resonance Imaging)", "MRI_SCAN"),
        ("OCT (Optical Coherence Tomography", "OCT_SCAN"), ("Fundus Photography", "FUNDUS_PHOTOGRAPHY"),
        ("Microscopy Images", "MICROSCOPY"), ("X-Ray", "X_RAY"), ("x_ray", "X_RAY"), ("ct scan", "CT_SCAN"),
        ("Magnetic Resonance Imaging", "MRI_SCAN"), ("clinical photo", "CLINICAL_PHOTOGRAPHY"),
        ("thermography", ""), ("", ""), ("photograph", ""), ("image", ""), ("nuclear medicine", ""),
        ("PET/CT", ""),
    ],
)  # fmt: skip
def test_words_of_other_data_sets(word: str, tag: str) -> None:
    assert tag_of(word) == tag


def test_a_right_tag_agrees_and_a_wrong_one_differs_with_both_named() -> None:
    right = check_modality(parse_trace(written("<CT_SCAN>")), "CT", "the file")
    assert (right.state, right.warns, right.counts) == ("agrees", False, True)
    wrong = check_modality(parse_trace(written("<X_RAY>")), "CT", "the file")
    assert (wrong.state, wrong.said, wrong.known) == ("differs", "<X_RAY>", "CT")
    said = "The model says X-ray, but the picture is of the kind “CT” (according to the file)."
    assert wrong.sentence == said
    assert wrong.warns and wrong.counts is False


def test_each_tag_agrees_with_its_own_kind_and_with_no_other_one() -> None:
    for kind in KINDS:
        for key in MODALITIES:
            found = check_modality(parse_trace(written(f"<{key}>")), kind)
            assert (found.state == "agrees") == (key in tags_that_fit(kind)), (kind, key)


@pytest.mark.parametrize("known", [None, "", "thermography", "a photograph of something"])
def test_a_picture_of_unknown_kind_warns_of_nothing(known: str | None) -> None:
    found = check_modality(parse_trace(written("<X_RAY>")), known)
    assert (found.state, found.known, found.warns, found.counts) == ("not known", None, False, None)


@pytest.mark.parametrize("tag", ["<x_ray>", "<X-RAY>", "&lt;X_RAY&gt;", "< X RAY >"])
def test_a_tag_is_read_however_it_is_spelt(tag: str) -> None:
    assert check_modality(parse_trace(written(tag)), "X-ray").state == "agrees"


@pytest.mark.parametrize("tag", ["<XRAY>", "<DERMOSCOPY>", "<CT>", "<THERMOGRAPHY>", "&lt;CT&gt;"])
@pytest.mark.parametrize("known", ["CT", None])
def test_a_tag_outside_the_16_is_a_state_of_its_own(tag: str, known: str | None) -> None:
    found = check_modality(parse_trace(written(tag)), known)
    assert (found.state, found.warns) == ("unknown tag", True)
    assert "none of the 16" in found.sentence
    assert found.counts is (False if known else None)


def test_what_an_unknown_tag_reads_like_is_said() -> None:
    assert "<CT_SCAN>" in check_modality(parse_trace(written("<CT>")), None).sentence
    assert "reads like" not in check_modality(parse_trace(written("<THERMOGRAPHY>")), None).sentence


@pytest.mark.parametrize(
    "text",
    [
        "<think>No tag.</think><answer>mass</answer>",
        "<reasoning><think>No tag.</think></reasoning><answer>mass</answer>",
        "<image><think>No tag.</think><answer>mass</answer>",
        "<FINDINGS><think>Dark.</think></FINDINGS><answer>mass</answer>",
        "A mass <5 mm and >3 mm.", "mass", "", "The answer is <b>mass</b>.",
        "<THERMOGRAPHY> a plain sentence without any thinking",
    ],
)  # fmt: skip
@pytest.mark.parametrize("known", ["CT", None])
def test_other_tags_and_none_are_no_modality_tag(text: str, known: str | None) -> None:
    found = check_modality(parse_trace(text), known)
    assert (found.state, found.said, found.warns, found.counts) == ("no tag", None, False, None)


def test_a_wider_technique_is_no_mistake() -> None:
    assert check_modality(parse_trace(written("<X_RAY>")), "mammography").state == "agrees"
    assert check_modality(parse_trace(written("<MAMMOGRAPHY>")), "X-ray").state == "differs"


def test_a_picture_that_is_no_medical_one() -> None:
    found = check_modality(parse_trace(written("<CT_SCAN>")), "other")
    assert found.state == "differs" and "no medical one" in found.sentence
