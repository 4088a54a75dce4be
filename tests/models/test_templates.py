"""Prompt templates: as data, from a person, and as a model is given them."""

import json
from pathlib import Path

import pytest

from tests.models.families import tiny_configs
from tests.tiny import load_tiny, save_tiny
from workbench.errors import UserFacing
from workbench.models.answer import Question
from workbench.models.loading import load_model
from workbench.models.prompts import prompt_inputs, turns_of
from workbench.models.templates import (
    BARE,
    DEFAULT_TEMPLATES,
    Template,
    folder_templates,
    given_templates,
    keep_templates,
    records,
    templates_of,
)
from workbench.settings import Settings

MEDICAL = Template("{question}", system="Think, then say: The answer is X.", before_options="\n\nChoices:\n")


def test_a_template_goes_to_a_file_and_back(tmp_path: Path) -> None:
    templates = {"trace": MEDICAL, "short": Template("{question} Be brief."), "bare": BARE}
    keep_templates(tmp_path, templates)
    assert json.loads((tmp_path / "workbench.json").read_text())["templates"] == {
        "trace": {"user": "{question}", "system": MEDICAL.system, "before_options": "\n\nChoices:\n"},
        "short": "{question} Be brief.",
    }
    assert folder_templates(tmp_path) == templates


@pytest.mark.parametrize(
    "spoilt",
    [
        {"trace": "{question}"},
        {"trace": "no place", "short": "{question}"},
        {"trace": 3, "short": "{question}"},
        {"trace": "{question}", "short": "{question}", "loud": "{question}"},
        {"trace": {"user": "{question}", "plain": True, "system": "x"}, "short": "{question}"},
    ],
)
def test_what_is_no_template_is_refused(spoilt: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        templates_of(spoilt)


def test_a_person_names_a_model_or_writes_words_or_a_file(tmp_path: Path) -> None:
    own = {"trace": Template("{question} Own."), "short": Template("{question} Brief."), "bare": BARE}
    known = {"medical": {"trace": MEDICAL, "short": MEDICAL, "bare": BARE}}
    assert given_templates("medical", own, known)["trace"] == MEDICAL
    written = given_templates("Look. {question}", own, known)
    assert written == {**own, "trace": Template("Look. {question}")}
    (tmp_path / "a.txt").write_text("{question}\nWhy?\n")
    assert given_templates(str(tmp_path / "a.txt"), own, known)["trace"] == Template("{question}\nWhy?")
    (tmp_path / "b.json").write_text(json.dumps({"templates": {"short": "{question}!"}}))
    assert given_templates(str(tmp_path / "b.json"), own, known) == {**own, "short": Template("{question}!")}
    (tmp_path / "c.json").write_text('{"templates": {"trace": "no place"}}')
    for wrong in ("nobody", str(tmp_path / "c.json"), str(tmp_path)):
        with pytest.raises(UserFacing, match="template") as refused:
            given_templates(wrong, own, known)
        assert "medical" in refused.value.hint


def test_a_model_is_asked_in_the_words_of_its_template(tmp_path: Path) -> None:
    """The system turn, the options' heading and the question stand in the prompt in that order."""
    folder = save_tiny(tmp_path / "m")
    keep_templates(folder, {**DEFAULT_TEMPLATES, "trace": MEDICAL})
    model = load_tiny(folder)
    prompt = model.prepare(Question("Which side?", ("left", "right")), None)
    read = model.tokenizer.decode(prompt.inputs["input_ids"][0])
    places = [read.index(words) for words in ("SYSTEM", "Which side", "Choices", "A. left", "B. right")]
    assert places == sorted(places)


def test_a_chat_template_without_system_turns_gets_its_words_in_front(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "m")
    chat = folder / "chat_template.jinja"
    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}"
    chat.write_text(refusal + chat.read_text())
    model = load_tiny(folder)
    inputs = prompt_inputs(model.processor, turns_of("Which side?", MEDICAL))
    read = model.tokenizer.decode(inputs["input_ids"][0])
    assert read.index("The answer is") < read.index("Which side") and "SYSTEM" not in read


def test_a_plain_template_is_the_text_alone_and_takes_no_picture(tmp_path: Path) -> None:
    model = load_model(
        str(tiny_configs.save_text(tmp_path / "text", "qwen3")), settings=Settings(device="cpu")
    )
    plain = Template("Question: {question}\n", plain=True)
    ids = prompt_inputs(model.processor, turns_of("Question: why?\n", plain), plain=True)["input_ids"]
    assert ids.tolist() == [model.tokenizer("Question: why?\n")["input_ids"]]
    with pytest.raises(UserFacing, match="no place for a picture"):
        prompt_inputs(model.processor, turns_of("why?", plain, ["a picture"]), plain=True)


def test_the_setting_asks_every_model_in_other_words(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "m")
    model = load_model(str(folder), settings=Settings(device="cpu", template="Look. {question}"))
    assert records(model.card.templates)["trace"] == "Look. {question}"
