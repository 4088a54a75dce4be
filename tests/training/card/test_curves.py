"""Training logs become rows of the model card."""

import json

import pytest

from workbench.errors import UserFacing
from workbench.training.card.curves import history_text, read_log, write_history


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    rows = [{"step": 50 * n, "of": 500, "loss": 1 / n, "seconds": 60 * n} for n in range(1, 10)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 50')
    return path


def test_log_is_read_without_its_half_written_end(log):
    rows = read_log(log)
    assert len(rows) == 9 and rows[-1] == {"step": 450, "loss": 1 / 9, "seconds": 540}


def test_table_shows_evenly_spaced_losses(log, tmp_path):
    history = write_history([("tuned", log)], tmp_path / "results")
    assert json.loads((tmp_path / "results" / "history.json").read_text()) == history
    row = history_text(history).splitlines()[2]
    assert row == "| tuned | 450 | 9 | 1.000 | 0.333 | 0.200 | 0.143 | 0.111 |"


def test_missing_and_empty_logs_are_told(tmp_path):
    with pytest.raises(UserFacing, match="no training log"):
        read_log(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(UserFacing, match="holds no step"):
        read_log(tmp_path / "empty.jsonl")
