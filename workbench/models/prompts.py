"""Question → the text of the user turn. Templates are data of the model card; options are lettered here."""

from typing import Any

from workbench.errors import UserFacing
from workbench.models.answer import Question

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def lettered(options: tuple[str, ...]) -> str:
    """Options one a line, "A. text"."""
    if len(options) > len(LETTERS):
        raise UserFacing(f"There are {len(options)} options.", f"Give at most {len(LETTERS)}.")
    return "\n".join(f"{LETTERS[i]}. {option}" for i, option in enumerate(options))


def render_question(question: Question, template: str) -> str:
    """Fill a template holding `{question}`; the question block is the text followed by its options.

    Only the literal `{question}` is replaced, so braces in a question are harmless.
    """
    block = question.text.strip()
    if question.options:
        block = f"{block}\n{lettered(question.options)}"
    return template.replace("{question}", block)


def neutral(text: str, tokenizer: Any) -> str:
    """Break up control tokens that stand in the data ("<image>"), so that they are read as plain text."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    for token in sorted(added.union(tokenizer.all_special_tokens), key=len, reverse=True):
        if len(token) > 1:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text
