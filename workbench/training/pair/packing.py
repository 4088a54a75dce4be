"""Several questions about one picture in one sequence, so that the picture is encoded once.

Layout: prefix (with the image tokens) then one branch per question. A branch sees the prefix and itself,
never another branch, and its positions continue from the prefix: the loss equals that of separate sequences.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from workbench.training.pair.grounding import Gaze, watching

IGNORE = -100


@dataclass(frozen=True)
class Branch:
    """Token ids of the question part and of the answer part; only the answer is learnt.

    `evidence` lists the patches that the answer rests on, where they are known. `weights` says how much
    each answer token counts in the loss, all the same when empty.
    """

    question: tuple[int, ...]
    answer: tuple[int, ...]
    evidence: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()


@dataclass
class PackedBatch:
    """`ids`, `labels`, `positions` int64, `weights` float32 `[B, N]`; `mask` float32 `[B, 1, N, N]` additive.

    `covers` float32 `[B, P, C]` and `known` bool `[B, C]` are dense patch targets where a stage has them.
    """

    pixels: torch.Tensor
    ids: torch.Tensor
    labels: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    prefix: int
    weights: torch.Tensor
    covers: torch.Tensor | None = None
    known: torch.Tensor | None = None
    gaze: Gaze | None = None


def prefix_ids(tokenizer: PreTrainedTokenizerFast, image_tokens: int) -> list[int]:
    """Ids of everything before the question: bos, role, image tokens."""
    return tokenizer("<s>USER: " + "<image>" * image_tokens + "\n", add_special_tokens=False)["input_ids"]


def make_branch(
    tokenizer: PreTrainedTokenizerFast,
    user_text: str,
    target: str,
    evidence: tuple[int, ...] = (),
    decisive: tuple[int, int] | None = None,
    emphasis: float = 1.0,
) -> Branch:
    """Branch of one question; the answer ends with the end-of-sequence token.

    Tokens that touch the characters `decisive` of `target` weigh `emphasis`: in a long trace the few tokens
    that carry the conclusion would drown among sentences that are known by heart.
    """
    question = tokenizer(user_text + "\nASSISTANT:", add_special_tokens=False)["input_ids"]
    coded = tokenizer(target, add_special_tokens=False, return_offsets_mapping=True)
    first, last = decisive or (0, 0)
    weights = [emphasis if a < last and b > first else 1.0 for a, b in coded["offset_mapping"]]
    answer = [*coded["input_ids"], tokenizer.eos_token_id]
    return Branch(tuple(question), tuple(answer), evidence, (*weights, 1.0))


def pack(pixels: torch.Tensor, prefix: list[int], rows: list[list[Branch]], pad_id: int) -> PackedBatch:
    """Pack `rows[b]`, the branches of picture b, behind a common prefix."""
    start = len(prefix)
    longest = start + max(sum(len(b.question) + len(b.answer) for b in row) for row in rows)
    shape = (len(rows), longest)
    ids = torch.full(shape, pad_id)
    labels = torch.full(shape, IGNORE)
    positions = torch.zeros(shape, dtype=torch.long)
    weights = torch.ones(shape)
    group = torch.full(shape, -1)
    ids[:, :start] = torch.tensor(prefix)
    positions[:, :start] = torch.arange(start)
    group[:, :start] = 0
    for b, row in enumerate(rows):
        at = start
        for number, branch in enumerate(row, 1):
            both = torch.tensor(branch.question + branch.answer)
            end = at + len(both)
            ids[b, at:end] = both
            positions[b, at:end] = start + torch.arange(len(both))
            labels[b, at + len(branch.question) : end] = both[len(branch.question) :]
            if branch.weights:
                weights[b, at + len(branch.question) : end] = torch.tensor(branch.weights)
            group[b, at:end] = number
            at = end
    same = group[:, :, None] == group[:, None, :]
    seen = (same | (group[:, None, :] == 0)) & torch.ones(longest, longest, dtype=torch.bool).tril()
    mask = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
    return PackedBatch(pixels, ids, labels, positions, mask[:, None], start, weights)


def packed_loss(
    model: LlavaForConditionalGeneration, batch: PackedBatch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted mean next-token loss over the answers of all branches, and the image tokens `[B, P, d]`."""
    inner = model.model
    features = inner.get_image_features(
        batch.pixels,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        output_hidden_states=True,
    ).pooler_output
    tokens = torch.stack(list(features))
    embeds = inner.get_input_embeddings()(batch.ids)
    is_image = (batch.ids == model.config.image_token_id)[..., None].expand_as(embeds)
    embeds = embeds.masked_scatter(is_image, tokens.to(embeds.dtype))
    with watching(batch.gaze) if batch.gaze else nullcontext():
        hidden = inner.language_model(
            inputs_embeds=embeds, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
        ).last_hidden_state
    rows = batch.labels[:, 1:] != IGNORE
    # The first answer token of a branch is predicted by the last question token just before it.
    logits = model.lm_head(hidden[:, :-1][rows])
    each = nn.functional.cross_entropy(logits, batch.labels[:, 1:][rows], reduction="none")
    weights = batch.weights[:, 1:][rows]
    return (each * weights).sum() / weights.sum(), tokens


def make_gaze(batch: PackedBatch, rows: list[list[Branch]], image_token: int) -> Gaze:
    """Every answer row of a branch with known evidence should look at that evidence."""
    columns = torch.nonzero(batch.ids[0] == image_token).flatten()
    places, wanted = [], []
    for picture, row in enumerate(rows):
        at = batch.prefix
        for branch in row:
            first = at + len(branch.question) - 1
            at += len(branch.question) + len(branch.answer)
            if branch.evidence:
                mask = torch.zeros(len(columns), dtype=torch.bool)
                mask[list(branch.evidence)] = True
                places += [(picture, place) for place in range(first, at - 1)]
                wanted += [mask] * (at - 1 - first)
    if not places:
        return Gaze(
            torch.zeros(0, 2, dtype=torch.long), torch.zeros(0, len(columns), dtype=torch.bool), columns
        )
    return Gaze(torch.tensor(places), torch.stack(wanted), columns)
