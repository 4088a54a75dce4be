"""The drawn benchmark: balanced letters, the same for the same arguments, every unit on its axis."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from workbench.bench.questions.items import load_items
from workbench.models.prompts import LETTERS
from workbench.phantoms.sample import Sample
from workbench.training.card.benchmark import LetterDeck, write_benchmark

FOUR = Sample("Which one?", ("a", "b", "c", "d"), "b", "CT", "organ", False, ())


def test_the_right_option_takes_every_place_equally_often() -> None:
    deck = LetterDeck(np.random.default_rng(0))
    shown = [deck.arranged(FOUR) for _ in range(40)]
    assert Counter(options.index("b") for options in shown) == {0: 10, 1: 10, 2: 10, 3: 10}
    assert all(sorted(options) == ["a", "b", "c", "d"] for options in shown)


def test_the_wrong_options_are_shuffled_too() -> None:
    deck = LetterDeck(np.random.default_rng(0))
    orders = {tuple(o for o in deck.arranged(FOUR) if o != "b") for _ in range(60)}
    assert len(orders) == 6


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    write_benchmark(folder, images_per_kind=1)
    return folder


def test_the_same_arguments_draw_the_same_benchmark(drawn: Path, tmp_path: Path) -> None:
    write_benchmark(tmp_path, images_per_kind=1)
    assert (tmp_path / "items.jsonl").read_bytes() == (drawn / "items.jsonl").read_bytes()


def test_drawn_items_are_read_with_their_units(drawn: Path) -> None:
    items = load_items(drawn)
    assert not items.dropped
    assert len({item.task for item in items.items}) == 11
    assert all(item.units for item in items.items)


def test_the_bundled_benchmark_is_large_and_balanced() -> None:
    items = load_items("phantoms").items
    assert len(items) >= 600
    by_size: dict[int, Counter[str]] = {}
    for item in items:
        if item.options:
            by_size.setdefault(len(item.options), Counter())[item.answer_letter or ""] += 1
    for size, letters in by_size.items():
        counts = [letters[letter] for letter in LETTERS[:size]]
        assert sum(counts) == letters.total() and max(counts) - min(counts) <= 1
