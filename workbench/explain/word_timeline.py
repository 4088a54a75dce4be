"""Where each word's row read from, word by word: image, question, trace so far, sinks."""

from dataclasses import dataclass

import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Span

GROUPS = ("image", "question", "trace", "sink")


@dataclass(frozen=True)
class Timeline:
    """One row for each of T answer tokens, read at the row that produced it (t−1).

    `attention` float32 `[T, 4]` over GROUPS, mean over layers and heads, each row sums to 1; `logits`
    `[T, 4]` signed direct contributions of the heads to the token's logit, read from the same groups: they
    sum to what all heads wrote directly, so they are no shares. `entropy` and `logprobs` in nats, `[T]`.

    "image" is the images without their sink tokens, "question" the prompt's other text (template and earlier
    turns included; `reading` tells these apart),
    "trace" the answer before the token, "sink" the first token and the image's sink tokens.
    """

    attention: np.ndarray
    logits: np.ndarray
    entropy: np.ndarray
    logprobs: np.ndarray


def timeline(evidence: Evidence) -> Timeline:
    """The timeline of an answer, from its shared pass at no further cost."""
    attention = evidence.attention.mean((0, 1))
    found = evidence.contribution
    return Timeline(
        _grouped(attention, evidence.text_attention.mean((0, 1)), evidence.sinks),
        _grouped(found.patches, found.text, evidence.sinks),
        evidence.entropy,
        evidence.logprobs,
    )


def _grouped(image: np.ndarray, text: np.ndarray, sinks: np.ndarray) -> np.ndarray:
    """`image` `[T, P]` and `text` `[T, 4]` over TEXT_GROUPS → `[T, 4]` over GROUPS."""
    sunk = image[:, sinks].sum(-1)
    parts = [image.sum(-1) - sunk, text[:, 1] + text[:, 3], text[:, 2], text[:, 0] + sunk]
    return np.stack(parts, -1).astype(np.float32)


def reading(evidence: Evidence, span: Span) -> dict[str, float]:
    """Where a span's rows read from: mean attention over its tokens, layers and heads; sums to 1.

    Keys: "picture 1" and so on for each picture, "earlier turns" (their words), "question" (the template
    included), "answer so far" and "first token".
    """
    tokens = list(span.tokens)
    image = evidence.attention[:, :, tokens].mean((0, 1, 2), dtype=np.float64)
    first, question, answer, earlier = evidence.text_attention[:, :, tokens].mean((0, 1, 2)).tolist()
    pictures = np.bincount(evidence.picture_of, image).tolist() if len(image) else []
    found = {f"picture {number}": share for number, share in enumerate(pictures, 1)}
    return found | {
        "earlier turns": earlier, "question": question, "answer so far": answer, "first token": first,
    }  # fmt: skip


def span_attention(found: Timeline, span: Span) -> dict[str, float]:
    """Mean attention of a span's tokens by group, such as of a reasoning step; sums to 1."""
    return dict(zip(GROUPS, found.attention[list(span.tokens)].mean(0).tolist(), strict=True))
