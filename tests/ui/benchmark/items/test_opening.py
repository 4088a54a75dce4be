"""An item opened in Case: its picture, question and options; anything else that is clicked is no case."""

from pathlib import Path

import pytest

from tests.ui.benchmark.items.test_view import folder
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.benchmark.items import view
from workbench.ui.benchmark.items.opening import opened_case
from workbench.ui.benchmark.items.source import NO_PICTURE, Source
from workbench.ui.benchmark.shelf import Shelf

__all__ = ["folder"]


@pytest.fixture
def shelf(folder: Path) -> Shelf:
    return Shelf(folder.parent, Settings(public=True))


def test_the_case_is_what_the_models_were_asked(shelf: Shelf) -> None:
    case = opened_case(shelf, {"open": True, "result": "phantoms", "item": "item-0"}, "p")
    assert case is not None
    assert (case.question, case.options[0], len(case.options)) == ("What is shown?", "option A", 4)
    assert (case.picture.image.width, case.picture.image.height, case.picture.modality) == (50, 40, "X-ray")


def test_a_question_without_a_picture_opens_as_one(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "source_of", lambda *_, **__: Source(None, None, NO_PICTURE))
    case = opened_case(shelf, {"open": True, "result": "phantoms", "item": "item-0"}, "p")
    assert case is not None and case.picture is None and case.question == "What is shown?"


def test_other_clicks_open_nothing(shelf: Shelf) -> None:
    for click in (None, "open", {}, {"item": "item-0"}, {"open": False, "item": "item-0"}):
        assert opened_case(shelf, click, "p") is None


def test_an_item_without_a_certain_picture_says_why(shelf: Shelf) -> None:
    with pytest.raises(UserFacing, match="picture of this item"):
        opened_case(shelf, {"open": True, "result": "phantoms", "item": "item-1"}, "p")
    with pytest.raises(UserFacing, match="no such result"):
        opened_case(shelf, {"open": True, "result": "../phantoms", "item": "item-0"}, "p")
