"""The labelling rule against sentences labelled by hand, written before the rule was tuned."""

import pytest

from workbench.traces import AXES, AXIS_RULE, label_axis

LABELLED = {
    "perception": [
        "The image shows a small round bright spot in the left upper zone.",
        "There is a hazy opacity at the base of the right lung.",
        "The heart shadow appears enlarged.",
        "I see several purple cells among pale discs.",
        "A dark band crosses the middle of the retina.",
        "The liver is visible on the left side of the picture.",
        "Two white blood cells are seen near the border.",
        "The optic disc looks pale.",
        "This is an axial CT slice of the abdomen.",
        "No fracture line is visible in the left clavicle.",
        "The left lung is darker than the right lung.",
        "A ring-enhancing lesion is noted in the frontal lobe.",
        "Multiple bright foci in the basal ganglia.",
        "The scan demonstrates enlarged ventricles.",
        "Perception: round opacity, right lower zone.",
        "Surface of the polyp: red and lobulated.",
    ],
    "knowledge": [
        "A nodule is typically a small round opacity inside the lung.",
        "Pneumonia is caused by an infection of the air spaces.",
        "In general, fluid is dark on T1 weighted images.",
        "Consolidation usually obscures the vessels.",
        "Melanoma tends to have an irregular border.",
        "Cardiomegaly is defined as a cardiothoracic ratio above one half.",
        "Neutrophils commonly have a lobed nucleus.",
        "Exudates are known to contain lipids.",
        "Patients with emphysema often have flat diaphragms.",
        "A pneumothorax occurs when air enters the pleural space.",
        "Diabetic retinopathy can lead to loss of sight.",
        "The spleen is typically part of the lymphatic system.",
        "Background: haemorrhage is bright on fresh CT.",
        "Glioblastoma is a malignant tumour of the brain.",
        "Healthy lungs are typically dark because they hold air.",
        "Smoking is one of the risk factors for lung cancer.",
    ],
    "rationale": [
        "Therefore the finding is a nodule.",
        "This suggests an infection of the right lower lobe.",
        "These findings are consistent with pneumonia.",
        "Thus, option B is correct.",
        "So the answer is yes.",
        "The absence of a pleural line rules out a pneumothorax.",
        "The smooth border makes melanoma less likely.",
        "Because there is no mass effect, a large tumour can be excluded.",
        "Given the ring enhancement, an abscess must be considered.",
        "Hence the left side is abnormal.",
        "The correct answer is the left kidney.",
        "This pattern points to pulmonary oedema, so I choose C.",
        "Rationale: bright spots in the quadrant name exudates.",
        "There is no round bright spot, therefore the image does not show nodule.",
        "The location argues against a meningioma.",
        "The displaced fragments are incompatible with a normal pelvis.",
    ],
}
PAIRS = [(sentence, axis) for axis, sentences in LABELLED.items() for sentence in sentences]


def test_accuracy_on_hand_labelled_sentences():
    wrong = [(text, axis, label_axis(text)) for text, axis in PAIRS if label_axis(text)[0] != axis]
    assert len(PAIRS) >= 40
    assert 1 - len(wrong) / len(PAIRS) >= 0.85, wrong


@pytest.mark.parametrize("axis", AXES)
def test_an_explicit_label_wins(axis):
    assert label_axis(f"{axis.capitalize()}: therefore typically the image shows it.")[0] == axis


def test_every_label_names_its_cue():
    assert label_axis("Therefore it is.") == ("rationale", 'concluding word: "Therefore"')
    assert label_axis("Odd words only") == ("perception", "no cue")
    assert all(rule.endswith(".") for rule in AXIS_RULE)
