"""A trace and an answer that disagree, and everything that only looks like it."""

import random

import pytest

from workbench.traces import contradictions, parse_trace

OPTIONS = ("nodule", "consolidation", "pleural effusion", "no abnormality")
YES_NO = ("yes", "no")
SIDES = ("left", "right")


def found(thinking: str, answer: str, options: tuple[str, ...] = (), question: str = ""):
    trace = parse_trace(f"<X_RAY><think>{thinking}</think><answer>{answer}</answer>", options)
    return contradictions(trace, options, question)


@pytest.mark.parametrize("options", [OPTIONS, ()])
def test_a_rationale_that_concludes_something_else(options: tuple[str, ...]) -> None:
    thinking = "The image shows a bright area in the right lung. Therefore the finding is consolidation."
    (entry,) = found(thinking, "nodule", options)
    assert (entry.rule, entry.step, entry.says, entry.answer) == (
        "concludes otherwise", 1, "consolidation", "nodule",
    )  # fmt: skip
    text = f"<X_RAY><think>{thinking}</think>"
    assert text[entry.char_start : entry.char_end] == "consolidation"
    assert entry.sentence == "Step 2 concludes “consolidation”, the answer is “nodule”."


@pytest.mark.parametrize("options", [OPTIONS, ()])
def test_a_stated_letter_that_is_not_the_answer(options: tuple[str, ...]) -> None:
    (entry,) = found("The lung is bright. Therefore the answer is B.", "C", options)
    assert (entry.rule, entry.says) == ("states another answer", "B")
    assert entry.answer == ("C. pleural effusion" if options else "C")
    assert not found("The lung is bright. Therefore the answer is B.", "B", options)


@pytest.mark.parametrize("options", [OPTIONS, ()])
@pytest.mark.parametrize(
    "denial",
    [
        "There is no nodule.", "No nodule is seen.", "Nodules are absent.",
        "The image does not show a nodule.",
        "There is no evidence of a nodule.", "This is not a nodule.", "It is not a nodule.",
    ],
)  # fmt: skip
def test_a_step_that_denies_the_answer(denial: str, options: tuple[str, ...]) -> None:
    entries = found(f"The lungs are dark. {denial} A scar is bright.", "nodule", options)
    assert [(entry.rule, entry.step) for entry in entries] == [("denies the answer", 1)]
    assert "odule" in entries[0].says


@pytest.mark.parametrize(
    ("thinking", "answer", "options"),
    [
        ("Therefore the optic disc is on the right side.", "left", SIDES),
        ("Therefore the number of bars is 4.", "5", ("2", "3", "4", "5")),
        ("Therefore there are two cells.", "3", ("2", "3")),
        ("Thus, pleural effusion.", "nodule", OPTIONS),
        ("Hence there is no abnormality.", "nodule", OPTIONS),
        ("The correct answer is (A) nodule.", "B", OPTIONS),
        ("So the answer is \\boxed{A}.", "C. pleural effusion", OPTIONS),
        ("The main finding is consolidation.", "nodule", OPTIONS),
        ("Therefore this is a CT image.", "MRI", ()),
        ("Therefore the lesion is blue.", "grey", ()),
        ("Therefore the answer is no.", "yes", ()),
        ("Therefore the lesion is benign.", "malignant", ()),
    ],
)
def test_other_things_concluded(thinking: str, answer: str, options: tuple[str, ...]) -> None:
    assert len(found(f"The image shows a spot. {thinking}", answer, options)) == 1


SILENT = [
    # hedges
    "Therefore the finding may be consolidation.", "Therefore the finding is probably consolidation.",
    "Therefore the finding is consistent with consolidation.", "This suggests consolidation.",
    "Therefore consolidation is likely.", "Therefore consolidation cannot be excluded.",
    "Is it a consolidation?", "Therefore the finding could be a consolidation or a nodule.",
    "The answer might be B.", "The answer is either A or B.", "If the answer is B, the border is blurred.",
    "There may be no nodule.", "It is unclear whether there is no nodule.",
    # ruled out
    "Therefore the finding is not consolidation.", "Therefore consolidation is excluded.",
    "Therefore consolidation is absent.", "Consolidation is ruled out.", "No consolidation is seen.",
    "Therefore there is no pleural effusion.", "The answer is not B.", "Therefore it is no consolidation.",
    "Therefore the image does not show consolidation.", "Hence, a nodule rather than consolidation.",
    # differential reasoning
    "Options are nodule, consolidation and pleural effusion.", "A consolidation is typically large.",
    "Nodule and consolidation are both bright.", "Consolidation would be larger.",
    "Consolidation has air bronchograms.", "Compared with consolidation the spot is small.",
    # a part of the picture, another thing, a part of the name
    "There is no nodule in the left lung.", "There is no nodule larger than 3 cm.",
    "There is no nodule-like scar.",
    "Therefore the consolidation beside it is old.", "Therefore the nodule is no consolidation.",
    "The treatment of choice is drainage of a pleural effusion.",
    # the same thing
    "Therefore the finding is a nodule.", "Therefore the finding is nodules.", "The answer is A.",
    "The answer is nodule.", "Therefore the image shows a small nodule in the right lung.",
]  # fmt: skip


@pytest.mark.parametrize("sentence", SILENT)
@pytest.mark.parametrize("options", [OPTIONS, ()])
def test_what_is_no_contradiction(sentence: str, options: tuple[str, ...]) -> None:
    assert found(f"The image shows a bright spot. {sentence}", "nodule", options) == ()


@pytest.mark.parametrize(
    "thinking",
    [
        "Therefore the finding is consolidation. But the border is sharp.",
        "Therefore the finding is consolidation. Wait, it is round. It is a nodule.",
        "Therefore the finding is consolidation. Therefore the finding is a nodule.",
        "There is no nodule. A nodule is seen behind the heart.",
        "The answer is B. The border is sharp, so the answer is A.",
    ],
)
@pytest.mark.parametrize("options", [OPTIONS, ()])
def test_a_trace_that_comes_round_to_its_answer(thinking: str, options: tuple[str, ...]) -> None:
    assert found(thinking, "nodule" if "answer" not in thinking else "A", options) == ()


@pytest.mark.parametrize(
    ("question", "thinking", "answer", "n"),
    [
        ("Are there any platelets?", "Therefore platelets are absent.", "yes", 1),
        ("Are there any platelets?", "Therefore platelets are absent.", "no", 0),
        ("Can hairs be seen?", "Therefore hairs are present.", "no", 1),
        ("Is there a cyst?", "Therefore the image shows a cyst.", "no", 1),
        ("Is there a cyst?", "Therefore the image shows a mass.", "no", 0),
        ("Is there no cyst?", "Therefore the image shows a cyst.", "no", 0),
        ("Is this image normal?", "Therefore the image shows a cyst.", "no", 0),
        ("", "Therefore platelets are absent.", "yes", 0),
    ],
)
def test_yes_and_no_are_read_with_the_question(question: str, thinking: str, answer: str, n: int) -> None:
    assert len(found(f"The image shows a field. {thinking}", answer, YES_NO, question)) == n


def test_a_side_said_of_another_organ_than_the_question_asks_about() -> None:
    liver = "The image shows a belly. Therefore the liver is on the left side."
    assert found(liver, "right", SIDES, "Is the spleen left or right?") == ()
    assert len(found(liver, "right", SIDES, "Is the liver left or right?")) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("kidney stone", "renal calculus"), ("pneumonia", "consolidation"), ("mass", "nodule"),
        ("left lower zone", "consolidation"), ("myocardial infarction", "heart attack"),
        ("X-ray", "radiograph"), ("haemorrhage", "bleeding"), ("effusion", "effusions"), ("3 cm", "3"),
    ],
)  # fmt: skip
def test_without_options_two_names_of_one_thing_are_let_be(first: str, second: str) -> None:
    assert found(f"A spot is seen. Therefore the finding is {first}.", second) == ()
    assert found(f"A spot is seen. Therefore the finding is {second}.", first) == ()


@pytest.mark.parametrize(
    "text", ["", "nodule", "<think>", "<think>Therefore the answer is B.</think>", "答案是B"]
)
def test_nothing_without_both_a_trace_and_an_answer(text: str) -> None:
    assert contradictions(parse_trace(text, OPTIONS), OPTIONS) == ()


def test_an_answer_that_stands_in_the_reasoning_contradicts_no_conclusion() -> None:
    text = "The spot is round. Therefore it is a consolidation. However, the answer is nodule."
    assert contradictions(parse_trace(text, OPTIONS), OPTIONS) == ()


_PARTS = (
    *SILENT, "Therefore the finding is consolidation.", "There is no nodule.", "The answer is C.",
    "Therefore", "is", "the answer is", "<think>", "</think>", "<answer>", "</answer>", "nodule", "B", "…",
    "\n",
)  # fmt: skip


def test_any_text_is_read_and_every_entry_names_words_that_stand_in_its_step() -> None:
    rng = random.Random(7)
    for _ in range(400):
        text = " ".join(rng.choices(_PARTS, k=rng.randint(1, 12)))
        options = rng.choice([(), OPTIONS, YES_NO])
        trace = parse_trace(text, options)
        for entry in contradictions(trace, options, rng.choice(["", "Is there a nodule?"])):
            step = trace.steps[entry.step]
            assert step.char_start <= entry.char_start < entry.char_end <= step.char_end
            assert text[entry.char_start : entry.char_end] == entry.says and entry.says.strip()
            assert entry.says in step.text and entry.says != entry.answer


def test_the_order_of_the_options_changes_nothing() -> None:
    rng, thinking = random.Random(3), "A spot is seen. Therefore the finding is consolidation."
    for _ in range(20):
        options = tuple(rng.sample(OPTIONS, len(OPTIONS)))
        assert [entry.says for entry in found(thinking, "nodule", options)] == ["consolidation"]
