"""Prompt templates: what is written around a question, by prompt mode. Data of a model card, never code."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from workbench.errors import UserFacing
from workbench.models.answer import Mode
from workbench.models.checkpoints.folder import PROMPTS_FILE

PLACE = "{question}"
_BETWEEN = "\n"


@dataclass(frozen=True)
class Template:
    """How one question is put to a model.

    `user` is the user's turn, with `{question}` where the question and its options go; `system` a turn
    before it, none where it is empty. `plain` sends the user's text as it stands, without the checkpoint's
    chat template: how models that were never taught to chat are asked. `before_options` stands between the
    question and its lettered options.
    """

    user: str
    system: str = ""
    plain: bool = False
    before_options: str = _BETWEEN

    def __post_init__(self) -> None:
        if PLACE not in self.user:
            raise ValueError(f"a prompt template needs {PLACE}")
        if self.plain and self.system:
            raise ValueError("a plain template has no system turn")

    @classmethod
    def of(cls, value: "Template | str | Mapping[str, Any]") -> "Template":
        """From what a JSON file holds: the user's turn alone, or an object of the fields.

        Raises ValueError or TypeError for anything else.
        """
        if isinstance(value, Template):
            return value
        return cls(value) if isinstance(value, str) else cls(**value)

    def record(self) -> str | dict[str, Any]:
        """The reverse of `of`: a user's turn alone is a string."""
        fields = asdict(self)
        return self.user if self == Template(self.user) else {k: v for k, v in fields.items() if v}


BARE = Template(PLACE)
DEFAULT_TEMPLATES: dict[Mode, Template] = {
    "trace": Template(
        "{question}\nReason step by step inside <think> </think> tags: what the image shows, what is known, "
        "and what follows. Then give the final answer inside <answer> </answer> tags."
    ),
    "short": Template("{question}\nAnswer with a single word or short phrase."),
    "bare": BARE,
}
TEXT_TEMPLATES: dict[Mode, Template] = {
    "trace": Template(
        "{question}\nReason step by step inside <think> </think> tags: what is known and what follows. "
        "Then give the final answer inside <answer> </answer> tags."
    ),
    "short": Template("{question}\nAnswer with a single word or short phrase."),
    "bare": BARE,
}


def templates_of(values: Mapping[str, Any]) -> dict[Mode, Template]:
    """Templates by mode from a file's object; `bare` may be left out. Raises ValueError or TypeError."""
    if missing := {"trace", "short"} - values.keys():
        raise ValueError(f"no template for {', '.join(sorted(missing))}")
    if unknown := values.keys() - set(get_args(Mode)):
        raise ValueError(f"no such prompt mode: {', '.join(sorted(unknown))}")
    return {"bare": BARE} | {mode: Template.of(value) for mode, value in values.items()}


def records(templates: Mapping[Mode, Template]) -> dict[str, Any]:
    """Templates as a file or a run record holds them; a bare question needs no words."""
    return {mode: t.record() for mode, t in templates.items() if not (mode == "bare" and t == BARE)}


def folder_templates(folder: Path) -> dict[Mode, Template] | None:
    """The prompts that a folder's model was trained with (`workbench.json` in it); None without that file.

    Raises UserFacing when that file is broken.
    """
    path = folder / PROMPTS_FILE
    if not path.is_file():
        return None
    try:
        return templates_of(json.loads(path.read_text(encoding="utf-8"))["templates"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        what = f"{path} does not say how this model is asked."
        raise UserFacing(what, 'It needs {"templates": {"trace": …, "short": …}}; or remove it.') from error


def keep_templates(folder: Path, templates: Mapping[Mode, Template]) -> None:
    """Write the prompts of a trained model beside its weights."""
    text = json.dumps({"templates": records(templates)}, indent=1)
    (folder / PROMPTS_FILE).write_text(f"{text}\n", encoding="utf-8")


def given_templates(
    text: str, own: Mapping[Mode, Template], known: Mapping[str, Mapping[Mode, Template]]
) -> dict[Mode, Template]:
    """The templates that a person asks for: a known model's by name, those of a file, or a text.

    A text holds `{question}` and replaces the trace template of `own`; a file holds such a text, or the JSON
    of `workbench.json`. Raises UserFacing for anything else.
    """
    if text in known:
        return dict(known[text])
    if PLACE in text:
        return {**own, "trace": Template(text)}
    path = Path(text)
    hint = f"Use a text with {PLACE}, a file that holds one, or of: {', '.join(known)}."
    if not path.is_file():
        raise UserFacing(f"There is no prompt template called {text!r}.", hint)
    try:
        written = path.read_text(encoding="utf-8")
        if not written.lstrip().startswith("{") or written.lstrip().startswith(PLACE):
            return {**own, "trace": Template(written.rstrip("\n"))}
        found = json.loads(written)
        return {**own, **templates_of({**records(own), **found.get("templates", found)})}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserFacing(f"{text!r} holds no prompt template ({error}).", hint) from error
