"""HTML of ours becomes a tree; nothing that could run gets through."""

from html import escape

import pytest

from workbench.ui.html.nodes import tree


def test_nesting_attributes_and_text() -> None:
    found = tree('<p class="a">one <b>two</b><br>three</p>&amp;')
    assert found == [["p", {"class": "a"}, "one ", ["b", {}, "two"], ["br", {}], "three"], "&"]


def test_words_of_a_model_stay_words() -> None:
    words = '<script>alert(1)</script> ${alert(2)} "quoted"'
    assert tree(f'<span title="{escape(words)}">{escape(words)}</span>') == [
        ["span", {"title": words}, words]
    ]


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        '<img src="x" onerror="x()">',
        '<a href=" javascript:x()">x</a>',
        "<p><b>x</p></b>",
        "<p>x",
        "</p>",
        '<iframe srcdoc="x"></iframe>',
    ],
)
def test_what_could_run_or_is_broken_is_refused(html: str) -> None:
    with pytest.raises(ValueError):
        tree(html)
