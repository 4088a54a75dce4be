"""Packing several questions behind one picture gives the loss of separate sequences."""

import pytest
import torch

from tests.tiny import TEXTS, TINY
from workbench.training.pair.architecture import build_model, train_tokenizer
from workbench.training.pair.packing import IGNORE, make_branch, pack, packed_loss, prefix_ids


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, TINY.vocabulary)
    return tokenizer, build_model(tokenizer, TINY).eval()


def _rows(tokenizer):
    pairs = [[("left?", "yes"), ("Is there a spot?", "the image shows no")], [("right", "left upper zone")]]
    return [[make_branch(tokenizer, question, answer) for question, answer in row] for row in pairs]


def test_packed_loss_equals_separate_sequences(parts):
    tokenizer, model = parts
    prefix, rows = prefix_ids(tokenizer, TINY.grid**2), _rows(tokenizer)
    pixels = torch.randn(2, 3, TINY.image, TINY.image)
    packed, tokens = packed_loss(model, pack(pixels, prefix, rows, tokenizer.pad_token_id))
    assert tokens.shape == (2, TINY.grid**2, TINY.text_width)
    total, count = 0.0, 0
    for picture, row in zip(pixels, rows, strict=True):
        for branch in row:
            ids = torch.tensor([[*prefix, *branch.question, *branch.answer]])
            labels = ids.clone()
            labels[:, : len(prefix) + len(branch.question)] = IGNORE
            out = model(
                input_ids=ids, pixel_values=picture[None], attention_mask=torch.ones_like(ids), labels=labels
            )
            total += out.loss.item() * len(branch.answer)
            count += len(branch.answer)
    assert packed.item() == pytest.approx(total / count, abs=1e-5)


def test_a_branch_never_sees_another(parts):
    tokenizer, _ = parts
    prefix = prefix_ids(tokenizer, 4)
    batch = pack(torch.zeros(2, 3, 8, 8), prefix, _rows(tokenizer), tokenizer.pad_token_id)
    first = _rows(tokenizer)[0][0]
    start, end = len(prefix), len(prefix) + len(first.question) + len(first.answer)
    seen = batch.mask[0, 0] == 0
    assert not seen[end:, start:end].any()
    assert seen[end, : len(prefix)].all()
    assert batch.positions[0, end] == len(prefix)
    assert not seen.triu(1).any()


def test_concluding_tokens_weigh_more(parts):
    tokenizer, model = parts
    prefix = prefix_ids(tokenizer, TINY.grid**2)
    target = "the image shows no"
    branch = make_branch(tokenizer, "left?", target, decisive=(16, 18), emphasis=3.0)
    offsets = tokenizer(target, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert branch.weights == (*(3.0 if end > 16 else 1.0 for _, end in offsets), 1.0)
    assert 3.0 in branch.weights and 1.0 in branch.weights[:-1]
    pixels = torch.randn(1, 3, TINY.image, TINY.image)
    batch = pack(pixels, prefix, [[branch]], tokenizer.pad_token_id)
    weighted, _ = packed_loss(model, batch)
    with torch.no_grad():
        logits = model(
            input_ids=batch.ids, pixel_values=pixels, attention_mask=torch.ones_like(batch.ids)
        ).logits[0]
    start = len(prefix) + len(branch.question)
    each = [-logits[start + i - 1].log_softmax(-1)[token].item() for i, token in enumerate(branch.answer)]
    expected = sum(w * e for w, e in zip(branch.weights, each, strict=True)) / sum(branch.weights)
    assert weighted.item() == pytest.approx(expected, abs=1e-5)
