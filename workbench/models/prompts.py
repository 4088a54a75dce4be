"""Question → what the model is given. Templates are data of the model card; options are lettered here."""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from workbench.errors import UserFacing
from workbench.models.answer import Question
from workbench.models.templates import PLACE, Template

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def lettered(options: tuple[str, ...]) -> str:
    """Options one a line, "A. text"."""
    if len(options) > len(LETTERS):
        raise UserFacing(f"There are {len(options)} options.", f"Give at most {len(LETTERS)}.")
    return "\n".join(f"{LETTERS[i]}. {option}" for i, option in enumerate(options))


def render_question(question: Question, template: Template) -> str:
    """The user's turn: the template around the question and its options.

    Only the literal `{question}` is replaced, so braces in a question are harmless.
    """
    return template.user.replace(PLACE, question_block(question, template))


def question_block(question: Question, template: Template) -> str:
    """The question's text, which its lettered options follow."""
    text = question.text.strip()
    return f"{text}{template.before_options}{lettered(question.options)}" if question.options else text


def neutral(text: str, tokenizer: Any) -> str:
    """Break up control tokens that stand in the data ("<image>"), so that they are read as plain text."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    for token in sorted(added.union(tokenizer.all_special_tokens), key=len, reverse=True):
        if len(token) > 1:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def turns_of(text: str, template: Template, pictures: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The messages of one question: the template's system turn, if any, then the pictures and the text."""
    content = [{"type": "image", "image": picture} for picture in pictures]
    turns = [{"role": "user", "content": [*content, {"type": "text", "text": text}]}]
    if template.system:
        turns.insert(0, {"role": "system", "content": [{"type": "text", "text": template.system}]})
    return turns


def prompt_inputs(processor: Any, turns: Sequence[dict[str, Any]], *, plain: bool = False) -> dict[str, Any]:
    """Batch-1 tensors of a conversation in the checkpoint's chat template, or, `plain`, of its text alone.

    A chat template that knows no system turn gets its text in front of the user's. Raises UserFacing for a
    plain prompt with a picture, which only a chat template has a place for.
    """
    if plain:
        return _plain_inputs(processor, turns)
    try:
        return _templated(processor, turns)
    except TemplateError:
        if turns[0]["role"] != "system":
            raise
    (first, *rest) = turns[1:]
    system = turns[0]["content"][0]["text"]
    content = [dict(part) for part in first["content"]]
    content[-1]["text"] = f"{system}\n\n{content[-1]['text']}"
    return _templated(processor, [{**first, "content": content}, *rest])


def _templated(processor: Any, turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    inputs = processor.apply_chat_template(
        list(turns), add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    return dict(inputs)


def _plain_inputs(processor: Any, turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    parts = [part for turn in turns for part in turn["content"]]
    if any(part["type"] != "text" for part in parts):
        raise UserFacing(
            "This prompt template sends plain text, which has no place for a picture.",
            "Ask without the picture, or with another template.",
        )
    text = "\n\n".join(part["text"] for part in parts)
    return dict(processor.tokenizer(text, return_tensors="pt"))
