"""Held-out sets made on demand: reproducible, with pictures on disk, and apart from training."""

from workbench.phantoms.photographs import package_photographs
from workbench.phantoms.questions.unknown import ANSWER
from workbench.training.card.held_out import photograph_items, rare_items


def test_photographs_have_one_right_answer(tmp_path):
    found = photograph_items(tmp_path, crops=2)
    assert len(found.items) == 4 * len(package_photographs("test"))
    assert {item.answer for item in found.items} == {ANSWER}
    assert all(item.image_path.is_file() for item in found.items)
    trained = {path.stem for path in package_photographs("train")}
    assert not {item.image_path.stem.rpartition("-")[0] for item in found.items} & trained
    assert photograph_items(tmp_path, crops=2) == found


def test_rare_items_are_reproducible_and_answerable(tmp_path):
    found = rare_items(tmp_path, count=6)
    assert found == rare_items(tmp_path, count=6)
    for item in found.items:
        assert item.options["ABCDEFGH".index(item.answer_letter)] == item.answer
