"""Whatever is asked of a picture that is no medical image, the answer is that it is not known."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.wording import sample_of
from workbench.phantoms.sample import Sample

MODALITY = "other"
ANSWER = "not an image I know"
SEEN = ("no medical picture", "The image shows no medical picture that I know.")
FACT = ("medical picture", "A medical picture typically shows a part of the body by a known technique.")
WHY = ("unknown", f"Therefore this is {ANSWER}.")
QUESTIONS = (
    "What kind of image is this?", "Which imaging modality is shown?", "What abnormality is shown?",
    "What is the main finding?", "Is there evidence of pneumonia?", "Does the image show a nodule?",
    "Is this image normal?", "Does this image look abnormal?", "Where is the abnormality?",
    "Which side is abnormal, left or right?", "How many white blood cells are visible?",
    "Are platelets visible?", "What colour is the lesion?", "Which organ is shown?",
    "What part of the body is this?", "Is the heart enlarged?", "Does the picture contain liver?",
    "Is there a fracture?", "What plane is this?", "Is this a CT?", "Where is the mass located?",
    "What disease is shown?", "Is the lung healthy?", "What is the largest organ in the picture?",
)  # fmt: skip


def unknown_sample(question: str, options: tuple[str, ...] = ()) -> Sample:
    """The one answer; `options` may be shown though none of them fits."""
    return sample_of(question, options, ANSWER, MODALITY, "unknown", SEEN, FACT, WHY)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """Six questions of other kinds of picture."""
    return [unknown_sample(QUESTIONS[int(i)]) for i in rng.permutation(len(QUESTIONS))[:6]]


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return "This is not an image I know."
