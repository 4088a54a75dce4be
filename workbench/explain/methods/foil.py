"""The foil: the word that the answer might have been instead."""

from typing import Any

from workbench.explain.heatmap import Refusal


def foil_token(tokenizer: Any, word: str) -> int | Refusal:
    """Token id of a foil word as it stands within a sentence; a word of several tokens gives its first.

    A Refusal in words when there is no word.
    """
    if not word.strip():
        return Refusal("The foil is empty.", "Write the word that the answer might have been instead.")
    ids = tokenizer(f" {word.strip()}", add_special_tokens=False)["input_ids"]
    pieces = [i for i in ids if tokenizer.decode([i]).strip()]
    return pieces[0] if pieces else Refusal(f"{word!r} has no token of this model.", "Try another word.")
