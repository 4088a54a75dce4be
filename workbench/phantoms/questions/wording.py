"""What the question files share: modality facts, phrasing and option helpers."""

import numpy as np

from workbench.phantoms.sample import Sample, Statement

SIDES_FACT = "In general, left and right here name the sides of the picture."
MODALITY_FACT = {
    "X-ray": (
        "a chest film with ribs over dark lungs",
        "X-ray films typically show bone bright and air dark.",
    ),
    "MRI": ("a slice of the head with a grey brain", "MRI typically shows soft tissue in shades of grey."),
    "blood smear": (
        "stained cells on a pale field",
        "A blood smear typically shows stained cells under a microscope.",
    ),
    "fundus photograph": (
        "a round orange retina with vessels",
        "A fundus photograph typically shows the retina at the back of the eye.",
    ),
    "dermoscopy": ("a coloured spot on skin", "Dermoscopy typically shows a magnified spot on skin."),
    "CT": (
        "a cross-section with bright bone and grey organs",
        "CT typically shows bone bright and air dark.",
    ),
    "ultrasound": ("a fan of grey speckle", "Ultrasound typically shows speckled tissue in a fan."),
    "histology": (
        "a field of stained cell nuclei",
        "Histology typically shows stained tissue under a microscope.",
    ),
    "endoscopy": ("a pink wall seen from inside", "Endoscopy typically shows the inside of the gut."),
    "chart": ("coloured bars on two axes", "A chart typically shows numbers as shapes."),
}


def with_article(noun: str) -> str:
    """ "an MRI", "a fundus photograph"; by sound, so an X-ray and an ultrasound too."""
    return f"{'an' if noun.startswith(('X-ray', 'MRI', 'ultrasound', 'endoscopy')) else 'a'} {noun}"


TopicSentence = tuple[str, str]  # topic and sentence


def sample_of(
    question: str,
    options: tuple[str, ...],
    answer: str,
    modality: str,
    question_type: str,
    perception: TopicSentence,
    knowledge: TopicSentence,
    rationale: TopicSentence,
    evidence: tuple[str, ...] = (),
) -> Sample:
    """A sample with one sentence an axis; closed when it offers two options at most."""
    statements = (
        Statement("perception", *perception),
        Statement("knowledge", *knowledge),
        Statement("rationale", *rationale),
    )
    return Sample(question, options, answer, modality, question_type, len(options) == 2, statements, evidence)


def pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    """One of the phrasings."""
    return choices[int(rng.integers(len(choices)))]


def shuffled(rng: np.random.Generator, answer: str, others: list[str], count: int) -> tuple[str, ...]:
    """`count` options in random order, `answer` among them."""
    wrong = [other for other in dict.fromkeys(others) if other != answer]
    chosen = [answer, *(str(o) for o in rng.permutation(wrong)[: count - 1])]
    return tuple(str(o) for o in rng.permutation(chosen))


def modality_sample(rng: np.random.Generator, modality: str) -> Sample:
    """What kind of picture is it?"""
    seen, fact = MODALITY_FACT[modality]
    question = pick(rng, ("What kind of image is this?", "Which imaging modality is shown?"))
    options = shuffled(rng, modality, list(MODALITY_FACT), 4)
    why = f"Therefore this is {with_article(modality)} image."
    return sample_of(
        question,
        options,
        modality,
        modality,
        "modality",
        (seen, f"The image shows {seen}."),
        (modality, fact),
        ("modality", why),
    )
