"""Trees for the page: text stays text, and nothing that could run gets through."""

import pytest

from tests.ui.html.trees import words
from workbench.ui.html.nodes import action, bullets, node, notice_node, switched_off, table_node


def test_nesting_attributes_and_text() -> None:
    found = node("p", "one ", node("b", "two"), None, cls="a", data_key=3, title=None)
    assert found == ["p", {"class": "a", "data-key": "3"}, "one ", ["b", {}, "two"]]


def test_words_of_a_model_stay_words() -> None:
    said = '<script>alert(1)</script> ${alert(2)} "quoted"'
    assert node("span", said, title=said) == ["span", {"title": said}, said]


@pytest.mark.parametrize(
    ("tag", "attributes"),
    [
        ("script", {}),
        ("iframe", {}),
        ("a", {"href": "javascript:x()"}),
        ("p", {"onclick": "x()"}),
        ("p", {"srcdoc": "x"}),
        ("button", {"formaction": "x"}),
        ("img", {"src": "http://elsewhere.invalid/x.png"}),
    ],
)
def test_what_could_run_or_load_from_elsewhere_is_refused(tag: str, attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        node(tag, **attributes)


def test_a_button_carries_what_it_means_as_json() -> None:
    button = action("“x”", {"item": "ä"}, key="k", cls="wb-open")
    assert button == [
        "button",
        {"class": "wb-open", "type": "button", "data-act": '{"item": "ä"}', "data-key": "k"},
        "“x”",
    ]


def test_a_switched_off_button_gives_its_reason() -> None:
    off = switched_off("Open", "No picture.")
    assert off[2][1]["disabled"] == "disabled" and words([off]) == "Open No picture."


def test_a_table_marks_its_numbers_and_scrolls_by_keyboard() -> None:
    table = table_node("Caption", ["Name", "n"], [["a", "1"], ["b", None]], [1])
    assert table[1]["tabindex"] == "0" and table[1]["aria-label"] == "Caption"
    head, body = table[2][3], table[2][4]
    assert head[2][2:] == [
        ["th", {"scope": "col"}, "Name"],
        ["th", {"scope": "col", "class": "wb-number"}, "n"],
    ]
    assert body[3] == ["tr", {}, ["td", {}, "b"], ["td", {"class": "wb-number"}]]


def test_lists_and_notices() -> None:
    assert bullets(["a", node("b", "c")]) == ["ul", {}, ["li", {}, "a"], ["li", {}, ["b", {}, "c"]]]
    assert words([notice_node("Broken.", "Try again.")]) == "Broken. Try again."
