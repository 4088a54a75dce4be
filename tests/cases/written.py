"""Cases whose answer is a given text, read back through the real tokenizer of a tiny model."""

from tests.tiny import picture
from workbench.cases.answered import AnsweredCase
from workbench.models.answer import Answer, Question
from workbench.models.generation import OffsetDecoder
from workbench.models.session import LoadedModel

ASK = Question("Is there evidence of a nodule?", ("yes", "no"))
TEXT = "<think>The image shows a spot. Therefore the answer is left.</think><answer>left</answer>"


def written(model: LoadedModel, text: str = TEXT, question: Question = ASK) -> AnsweredCase:
    """The model "wrote" this text about a random picture of 90 by 60 pixels, and ended."""
    decoder = OffsetDecoder(model.tokenizer)
    ids = [*model.tokenizer(text, add_special_tokens=False)["input_ids"], model.tokenizer.eos_token_id]
    for token in ids:
        decoder.add(token)
    answer = Answer(tuple(ids), decoder.text, tuple(decoder.offsets), (0.0,) * len(ids), "stop")
    image = picture(90, 60)
    return AnsweredCase.of(model, model.prepare(question, image), image, answer)
