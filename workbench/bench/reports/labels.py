"""What metrics, conditions, guesses, kinds, slices and differences are called for people, everywhere."""

from dataclasses import dataclass

METRIC_NAMES = {
    "perception": "Perception", "knowledge": "Knowledge", "rationale": "Rationale",
    "trace_score": "Trace score", "accuracy": "Answer accuracy",
}  # fmt: skip
# Scores of one item, where only the answer is right or wrong.
SCORE_NAMES = {"accuracy": "answer"} | {
    name: METRIC_NAMES[name].lower() for name in ("perception", "knowledge", "rationale", "trace_score")
}
# Said of the picture: "picture shown".
CONDITION_NAMES = {
    "image": "shown",
    "blank": "blanked",
    "shuffled_image": "of another patient",
    "shuffled_options": "shown, options shuffled",
    "short_prompt": "shown, short prompt",
    "trace_prompt": "shown, prompt for a trace",
    "sampled": "shown, answers sampled",
    "anchored": "shown, adversarial reasoning given",
}
KIND_NAMES = {"overall": "all questions", "closed": "closed questions", "open": "open questions"}
CONFIDENCE_NAMES = {"answer": "the answer's words", "text": "everything written"}
# Fields of a question by which results are broken down.
SLICE_NAMES = {
    "modality": "Modality",
    "question_type": "Question type",
    "task": "Task",
    "dataset": "Data set",
    "body_part": "Body part",
    "answer_type": "Closed or open",
    "rare": "Rare findings",
}


@dataclass(frozen=True)
class Guess:
    """A guess without the picture: its name, and what one does who makes it ("not shown to beat …")."""

    name: str
    doing: str


GUESSES = {
    "majority_letter": Guess("always the most frequent letter", "always giving the most frequent letter"),
    "majority_answer": Guess("always the most frequent answer", "always giving the most frequent answer"),
    "question_majority": Guess(
        "most frequent answer to the question, other images",
        "giving the most frequent answer to the question, no picture seen",
    ),
    "question_majority_generous": Guess(
        "most frequent answer to the question, this image included",
        "giving the most frequent answer to the question, this image included",
    ),
}


@dataclass(frozen=True)
class Reliance:
    """What answers rest on, by the name of the report's field.

    `row` heads a row of the table in text, `measured` one of the HTML page; `without` is the picture that
    stands in, `given` the same after "with".
    """

    row: str
    measured: str = ""
    said: str = ""
    without: str = ""
    given: str = ""


# Differences in points.
EFFECTS = {
    "image_effect": Reliance(
        "image - blank",
        "accuracy with the image − with a blank one, points",
        without="a blank image",
        given="with a blank one",
    ),
    "shuffled_image_effect": Reliance(
        "image - another patient's",
        "accuracy with the image − with another patient's, points",
        without="another patient's picture",
        given="with another patient's",
    ),
    "prompt_effect": Reliance("reasoning asked for - answer only"),
}
# Shares of answers.
SHARES = {
    "image_sensitivity": Reliance(
        "change with another patient's picture",
        "answers that change when another patient's image is shown, %",
        said="another answer when another patient's picture is shown",
    ),
    "shuffle_consistency": Reliance(
        "stay with the options in another order",
        "same option chosen after shuffling the options, %",
        said="the same option chosen after the options were shuffled",
    ),
    "anchor_flips": Reliance(
        "right answers that turn wrong after adversarial reasoning",
        "right answers that turn wrong after adversarial reasoning, %",
        said="a right answer turned wrong after adversarial reasoning",
    ),
}


def metric_name(metric: str) -> str:
    """ "Answer accuracy" of "accuracy"; an unknown metric as it is."""
    return METRIC_NAMES.get(metric, metric)


def condition_name(condition: str) -> str:
    """What is said of the picture under a condition; an unknown one as it is."""
    return CONDITION_NAMES.get(condition, condition)


def guess_name(guess: str) -> str:
    """What a baseline is called; an unknown one as it is."""
    return GUESSES[guess].name if guess in GUESSES else guess
