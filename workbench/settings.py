"""Everything that can be configured, read once from the environment and the command line."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from workbench.errors import UserFacing
from workbench.models.served.address import is_address, without_secrets
from workbench.models.served.keys import Keys
from workbench.places import ASSETS, KEPT

DeviceChoice = Literal["auto", "cpu", "cuda"]
DtypeChoice = Literal["auto", "float32", "bfloat16", "float16"]
QuantiseChoice = Literal["none", "8bit", "4bit"]

LONGEST = 16_384  # tokens of an answer, whoever asks
MAX_OPTIONS = 26  # options are named by the letters A to Z
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


@dataclass(frozen=True)
class Settings:
    """One immutable record that `app.py` and the command line read at start.

    Each field is also the variable `WORKBENCH_<FIELD>`. `models_dir` holds the shipped pair;
    `base` and `tuned` are what those two names load ("base" and "tuned" are folders in it, anything
    else is a folder, a hub id, or the address of a model server, "URL#MODEL"). `public` restricts
    loading to `public_models`; it is set by itself on a Space, and `workbench.space.allowed` gives it the
    models that space.yaml enables. `pins` are hub ids with the commit that space.yaml names for them: what is
    loaded of them without @revision. Runs that are started from the page go below `runs_dir`.
    `max_new_tokens` None gives each model the longest answer of its card; `template` asks every model in
    another prompt template than its card's (a name of the catalogue, a file or a text). There is no setting
    for a share link: the app never opens one.

    `timeout` is how many seconds a model server may be silent, `tries` how often it is asked where another
    try may help. `keys` are the servers' access keys, from `--key-file` and WORKBENCH_KEY. `endpoints`
    (addresses, separated by spaces) are the servers that a public page may send pictures to: none unless
    they are named.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    models_dir: Path = ASSETS / "models"
    runs_dir: Path = KEPT / "runs"
    base: str = "base"
    tuned: str = "tuned"
    device: DeviceChoice = "auto"
    dtype: DtypeChoice = "auto"
    quantise: QuantiseChoice = "none"
    public: bool = False
    public_models: tuple[str, ...] = ("base", "tuned")
    pins: Mapping[str, str] = field(default_factory=dict)
    allow_remote_code: bool = False
    max_new_tokens: int | None = None
    max_question_chars: int = 2000
    template: str = ""
    timeout: int = 60
    tries: int = 3
    endpoints: tuple[str, ...] = ()
    keys: Keys = field(default_factory=Keys, repr=False)

    @classmethod
    def from_env(
        cls,
        argv: Sequence[str] | None = None,
        environ: Mapping[str, str] | None = None,
        prog: str = "app.py",
    ) -> "Settings":
        """Read `environ` (the process's own by default), then `argv`, which wins.

        `argv` None reads no command line, so that library code and tests never see pytest's arguments;
        `prog` is what its help calls the command.
        Raises UserFacing for a value that can't be used; `--help` in `argv` prints and exits.
        """
        env = os.environ if environ is None else environ
        flags = vars(_parser(prog).parse_args(list(argv))) if argv is not None else {}
        files = flags.pop("key_file", None) or ()
        checked = _checked(
            _from_mapping(env) | {name: value for name, value in flags.items() if value is not None}
        )
        return replace(checked, keys=Keys.read(files, env.get("WORKBENCH_KEY", "")))

    def require_allowed(self, ref: str) -> None:
        """Raise UserFacing when `ref` may not be loaded: public instances serve an allow-list only.

        What `base` and `tuned` are set to is no exception, and no revision but the pinned one is loaded. A
        server must be among `endpoints`, whoever names it: visitors' pictures would leave this machine.
        """
        if not self.public:
            return
        ref = {"base": self.base, "tuned": self.tuned}.get(ref, ref)
        if is_address(ref):
            if without_secrets(ref).rstrip("/") not in self._enabled_servers:
                raise UserFacing(
                    "This public page does not send pictures to that server.",
                    "Its owner can enable it: WORKBENCH_ENDPOINTS=URL.",
                )
            return
        name, _, revision = ref.partition("@")
        if name not in self.public_models or revision not in ("", self.pins.get(name)):
            raise UserFacing(
                f"This public page does not load the model {ref!r}.",
                f"It offers: {', '.join(self.public_models)}. Its owner enables others in space.yaml; or run "
                "your own copy to load them.",
            )

    @property
    def _enabled_servers(self) -> set[str]:
        return {without_secrets(url).rstrip("/") for url in self.endpoints}

    @property
    def servers(self) -> tuple[str, ...]:
        """Addresses of servers among the base and the tuned model."""
        return tuple(ref for ref in (self.base, self.tuned) if is_address(ref))

    def checked_question(self, text: str) -> str:
        """The question, trimmed; raises UserFacing when it is empty, too long or not text."""
        question = text.strip()
        if not question:
            raise UserFacing("The question is empty.", "Type a question about the image.")
        if len(question) > self.max_question_chars:
            raise UserFacing(
                f"The question has {len(question):,} characters; the limit is {self.max_question_chars:,}.",
                "Shorten it to what you want to know about this image.",
            )
        _require_text(question, "The question")
        return question

    def checked_options(self, options: Sequence[str]) -> tuple[str, ...]:
        """The options, trimmed; raises UserFacing for an empty or repeated one, one alone or too many."""
        trimmed = tuple(option.strip() for option in options)
        if not trimmed:
            return ()
        if len(trimmed) == 1 or len(trimmed) > MAX_OPTIONS:
            raise UserFacing(
                "Only one answer option was given."
                if len(trimmed) == 1
                else f"{len(trimmed)} answer options were given.",
                f"Give 2 to {MAX_OPTIONS}, or none.",
            )
        if "" in trimmed or len({option.casefold() for option in trimmed}) < len(trimmed):
            raise UserFacing("An answer option is empty or given twice.", "Make each option different.")
        if sum(map(len, trimmed)) > self.max_question_chars:
            raise UserFacing(
                "The answer options are too long.",
                f"Keep them under {self.max_question_chars:,} characters together.",
            )
        for option in trimmed:
            _require_text(option, "An answer option")
        return trimmed


def _require_text(text: str, what: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserFacing(
            f"{what} holds bytes that are not text.", "Type it again, or save it as UTF-8."
        ) from error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserFacing(f"The command line can't be used: {message}.", "See --help.")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=prog, description="Open the workbench page in a browser on this machine.")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", help="port to listen on (default: 7860)")
    parser.add_argument("--models-dir", help="folder of the shipped pair (default: assets/models)")
    parser.add_argument("--base", help="base model: name in that folder, a folder, a hub id, or URL#MODEL")
    parser.add_argument("--tuned", help="tuned model: name in that folder, a folder, or a hub id")
    parser.add_argument("--device", help="auto, cpu or cuda")
    parser.add_argument("--dtype", help="auto, float32, bfloat16 or float16")
    parser.add_argument("--quantise", help="none, 8bit or 4bit weights (bitsandbytes, on a GPU only)")
    parser.add_argument("--public", action="store_const", const="1", help="load allow-listed models only")
    parser.add_argument("--max-new-tokens", help="longest answer in tokens (default: what the model needs)")
    parser.add_argument("--template", help="another prompt template: a catalogue name, a file or a text")
    parser.add_argument("--timeout", help="seconds that a model server may be silent (default: 60)")
    parser.add_argument("--tries", help="how often a model server is asked (default: 3)")
    parser.add_argument(
        "--key-file", action="append", metavar="URL=FILE", help="a file that holds a model server's key"
    )
    parser.add_argument("--max-question-chars", help="longest question in characters (default: 2000)")
    return parser


def _from_mapping(env: Mapping[str, str]) -> dict[str, str]:
    on_space = bool(env.get("SPACE_ID"))
    values = {"public": "1", "host": "0.0.0.0"} if on_space else {}
    names = (name for name in Settings.__dataclass_fields__ if name not in ("public_models", "pins", "keys"))
    values |= {name: env[key] for name in names if env.get(key := f"WORKBENCH_{name.upper()}", "") != ""}
    return values


def _checked(raw: Mapping[str, str]) -> Settings:
    values: dict[str, Any] = {
        name: raw[name] for name in ("host", "base", "tuned", "template") if name in raw
    }
    for name in ("models_dir", "runs_dir"):
        if name in raw:
            values[name] = Path(raw[name]).expanduser().resolve()
    for name, choices in (
        ("device", get_args(DeviceChoice)),
        ("dtype", get_args(DtypeChoice)),
        ("quantise", get_args(QuantiseChoice)),
    ):
        if name in raw:
            values[name] = _choice(name, raw[name], choices)
    for name, low, high in (
        ("port", 0, 65535),
        ("max_new_tokens", 1, LONGEST),
        ("max_question_chars", 1, 100_000),
        ("timeout", 1, 3600),
        ("tries", 1, 20),
    ):
        if name in raw:
            values[name] = _integer(name, raw[name], low, high)
    for name in ("public", "allow_remote_code"):
        if name in raw:
            values[name] = _boolean(name, raw[name])
    if "endpoints" in raw:
        values["endpoints"] = tuple(raw["endpoints"].split())
        if bad := [url for url in values["endpoints"] if not is_address(url)]:
            raise _bad("endpoints", bad[0], "Use addresses such as https://host/v1, separated by spaces.")
    if values.get("public") and values.get("allow_remote_code"):
        raise UserFacing(
            "A public page can't run code that comes with a model.", "Unset WORKBENCH_ALLOW_REMOTE_CODE."
        )
    return Settings(**values)


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise _bad(name, value, f"Use {', '.join(choices[:-1])} or {choices[-1]}.")
    return value


def _integer(name: str, value: str, low: int, high: int) -> int:
    try:
        number = int(value)
    except ValueError as error:
        raise _bad(name, value, f"Use a whole number from {low} to {high}.") from error
    if not low <= number <= high:
        raise _bad(name, value, f"Use a whole number from {low} to {high}.")
    return number


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in _TRUE | _FALSE:
        raise _bad(name, value, "Use 1 or 0.")
    return value.lower() in _TRUE


def _bad(name: str, value: str, hint: str) -> UserFacing:
    return UserFacing(f"The setting {name.replace('_', ' ')} can't be {value[:80]!r}.", hint)
