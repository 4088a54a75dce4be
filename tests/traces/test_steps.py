import time

import pytest

from workbench.traces import split_sentences


def _texts(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("A nodule of 3.5 cm, e.g. a cyst. Next.", ["A nodule of 3.5 cm, e.g. a cyst.", "Next."]),
        ("Dr. Smith saw approx. 3 spots vs. none. End", ["Dr. Smith saw approx. 3 spots vs. none.", "End"]),
        ("- first point\n- second point", ["first point", "second point"]),
        ("1. The lung is dark.\n2. The heart is wide.", ["The lung is dark.", "The heart is wide."]),
        ("The answer is B. Then more.", ["The answer is B.", "Then more."]),
        ("左肺阴影。右肺正常！", ["左肺阴影。", "右肺正常！"]),
        ('He said "yes." Then left.', ['He said "yes."', "Then left."]),
        ("...  \n\n !!", []),
        ("", []),
    ],
)
def test_sentences(text, parts):
    assert _texts(text) == parts


def test_time_grows_linearly():
    def seconds(count: int) -> float:
        began = time.process_time()  # of this process alone, so that a busy machine does not matter
        split_sentences("word " * count + ". " * count)
        return time.process_time() - began

    seconds(100)
    small, large = min(seconds(5_000) for _ in range(3)), min(seconds(50_000) for _ in range(3))
    assert large < 40 * small  # ten times the text; quadratic would be a hundred times


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Cells etc. are pale. Cysts etc. Next one.", ["Cells etc. are pale.", "Cysts etc.", "Next one."]),
        ("H. pylori and E. coli grow. Done.", ["H. pylori and E. coli grow.", "Done."]),
        ("It is dark.The rest is not.", ["It is dark.", "The rest is not."]),
        ("Wait... what? (Yes.) Go", ["Wait...", "what?", "(Yes.)", "Go"]),
        ("1) One\n  2. Two\n• Three\n# Four", ["One", "Two", "Three", "Four"]),
        ("See No. 3 and Fig. 2 at 5 p.m. today. End", ["See No. 3 and Fig. 2 at 5 p.m. today.", "End"]),
        ("There are 2. Then 3.", ["There are 2.", "Then 3."]),
    ],
)
def test_harder_sentences(text, parts):
    assert _texts(text) == parts
