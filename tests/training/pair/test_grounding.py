"""The grounding loss by hand, and rows that belong to the right branch."""

import math

import pytest
import torch

from tests.tiny import TEXTS, TINY
from workbench.training.pair.architecture import build_model, train_tokenizer
from workbench.training.pair.grounding import Gaze, gaze_loss, install_grounding
from workbench.training.pair.packing import make_branch, make_gaze, pack, packed_loss, prefix_ids


def test_an_even_gaze_over_four_columns_costs_log_four():
    query = key = torch.zeros(1, 4, 2)
    gaze = Gaze(torch.tensor([[0, 3]]), torch.tensor([[True, False]]), torch.tensor([1, 2]))
    assert gaze_loss(query, key, torch.zeros(1, 4, 4), 1.0, gaze).item() == pytest.approx(
        math.log(4), abs=1e-4
    )


def test_a_gaze_on_the_evidence_costs_nothing():
    key = torch.tensor([[[0.0], [50.0], [0.0], [0.0]]])
    gaze = Gaze(torch.tensor([[0, 3]]), torch.tensor([[True, False]]), torch.tensor([1, 2]))
    loss = gaze_loss(torch.ones(1, 4, 1), key, torch.zeros(1, 4, 4), 1.0, gaze)
    assert loss.item() == pytest.approx(0, abs=1e-4)


def test_rows_predict_the_answer_of_the_branch_with_evidence():
    tokenizer = train_tokenizer(TEXTS, TINY.vocabulary)
    prefix = prefix_ids(tokenizer, TINY.grid**2)
    rows = [[make_branch(tokenizer, "left?", "yes"), make_branch(tokenizer, "spot?", "no spot", (4, 5))]]
    batch = pack(torch.randn(1, 3, TINY.image, TINY.image), prefix, rows, tokenizer.pad_token_id)
    gaze = make_gaze(batch, rows, tokenizer.convert_tokens_to_ids("<image>"))
    second = rows[0][1]
    start = len(prefix) + len(rows[0][0].question) + len(rows[0][0].answer) + len(second.question)
    assert gaze.rows.tolist() == [[0, start - 1 + i] for i in range(len(second.answer))]
    assert gaze.wanted[0].nonzero().flatten().tolist() == [4, 5]
    assert batch.labels[0, start] == second.answer[0]


def test_the_loss_of_the_words_is_unchanged_and_both_layers_are_watched():
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, TINY.vocabulary)
    model = build_model(tokenizer, TINY).eval()
    rows = [[make_branch(tokenizer, "spot?", "no spot", (4,))]]
    pixels = torch.randn(1, 3, TINY.image, TINY.image)
    batch = pack(pixels, prefix_ids(tokenizer, TINY.grid**2), rows, tokenizer.pad_token_id)
    plain = packed_loss(model, batch)[0]
    install_grounding(model)
    batch.gaze = make_gaze(batch, rows, tokenizer.convert_tokens_to_ids("<image>"))
    assert packed_loss(model, batch)[0].item() == pytest.approx(plain.item(), abs=1e-6)
    assert len(batch.gaze.losses) == 2
    assert all(loss.item() > 0 for loss in batch.gaze.losses)
