"""Cases on tiny models whose answer is given as ids or as text, with its real log probabilities."""

from workbench.cases.answered import AnsweredCase
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Question
from workbench.models.continuing import joined
from workbench.models.session import LoadedModel

TRACE = (
    "<think>The image shows a small round bright spot in the left upper zone. The lower zone is small. "
    "Therefore the answer is yes.</think><answer>yes</answer>"
)


def case_of(
    model: LoadedModel,
    image: MedicalImage | None,
    ids: tuple[int, ...] | str,
    options: tuple[str, ...] = (),
    max_new_tokens: int = 8,
) -> AnsweredCase:
    """A case whose answer is given as ids, or as text that the model's tokenizer turns into ids."""
    question = Question("left", options)
    if isinstance(ids, str):
        ids = tuple(model.tokenizer(ids, add_special_tokens=False)["input_ids"])
    prompt = model.prepare(question, image)
    forced = model.teacher_force(prompt, ids).logprobs
    written = Answer(ids, "", (), tuple(forced.tolist()), "stop", 0.0, Decoding(max_new_tokens))
    return AnsweredCase.of(model, prompt, image, joined(model, ids, written))
