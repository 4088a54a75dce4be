"""`python -m workbench`: the parser, and the one place where faults become sentences and exit codes."""

import argparse
import importlib
import json
import os
import sys
import traceback
import uuid
from collections.abc import Mapping, Sequence
from typing import NoReturn, TextIO

from workbench.commands.grounding import add_arguments as add_grounding_arguments
from workbench.commands.judging import add_arguments as add_judging_arguments
from workbench.commands.reward import add_arguments as add_reward_arguments
from workbench.commands.reward import add_marking_arguments
from workbench.commands.servers import add_server_arguments
from workbench.commands.transfer import add_arguments as add_transfer_arguments
from workbench.errors import UserFacing
from workbench.space.allowed import read_settings

# As workbench.bench.asking.conditions names them; spelt out because importing that room takes seconds.
BENCH_CONDITIONS = (
    "image", "blank", "shuffled_image", "shuffled_options", "short_prompt", "trace_prompt", "sampled",
    "anchored",
)  # fmt: skip
NO_IMAGE = "--no-image"
EXIT_OK, EXIT_FAULT, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 130
_QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
_NAMES = "{names}"  # in the help of an option: see _Parser.names
_JOINERS = "\n\t\u200c\u200d"  # the last two shape words in several scripts
_EPILOG = """\
exit codes: 0 done; 1 something went wrong or is missing here; 2 the input can't be used (standard
error says why); 130 interrupted. A research and teaching prototype, not a medical device."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no traceback reaches the person.

    With --json a fault is {"error", "hint"} on standard error. WORKBENCH_DEBUG=1 adds the traceback of
    an unexpected fault. `--help` exits through SystemExit, as argparse does.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        return _run(arguments)
    except UserFacing as error:
        _say_fault(error, as_json)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        _say_fault(UserFacing("Interrupted."), as_json)
        return EXIT_INTERRUPTED
    except Exception:
        if os.environ.get("WORKBENCH_DEBUG") == "1":
            traceback.print_exc()
        message = f"Something went wrong (reference {uuid.uuid4().hex[:8]})."
        _say_fault(UserFacing(message, "Set WORKBENCH_DEBUG=1 and run it again to see the details."), as_json)
        return EXIT_FAULT


def printable(text: str) -> str:
    """`text` without terminal control sequences: model output and file content are not trusted."""
    return "".join(
        char if char.isprintable() or char in _JOINERS else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def build_parser(no_image: bool = False) -> argparse.ArgumentParser:
    """The whole command line; each leaf names the module of `workbench.commands` that runs it.

    With `no_image` a question is asked without a picture, so there is no IMAGE among its arguments.
    """
    parser = _Parser(
        prog="python -m workbench",
        description="Ask a medical vision-language model about an image and see what carried each step.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_ask(commands, no_image)
    _add_explain(commands, no_image)
    _add_bench(commands)
    commands.add_parser("page", help="open the page in a browser on this machine", add_help=False)
    commands.add_parser("train", help="make the shipped pair, stage by stage", add_help=False)
    _add_machine(_leaf(commands, "models", "which models are known, and what of them fits on this machine"))
    _leaf(commands, "doctor", "what is installed, what is missing, what would be used")
    card = _leaf(commands, "space-card", "render README.md's front matter from space.yaml")
    card.add_argument("--write", action="store_true", help="put it into README.md")
    return parser


class _Parser(argparse.ArgumentParser):
    """Faults are sentences, and help may name what is registered, which is looked up only when help is asked
    for: `names` is option → (module, its registry)."""

    names: Mapping[str, tuple[str, str]] = {}

    def format_help(self) -> str:
        for action in self._actions:
            for flag in self.names.keys() & set(action.option_strings):
                module, registry = self.names[flag]
                known = ", ".join(getattr(importlib.import_module(module), registry))
                action.help = str(action.help).replace(_NAMES, known)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        if message == "the following arguments are required: QUESTION" and "IMAGE" in self.format_usage():
            hint = "Give both, or --no-image QUESTION to ask without a picture."
            raise UserFacing("Only one of IMAGE and QUESTION was given.", hint)
        raise UserFacing(f"The command line can't be used: {message}.", f"See `{self.prog} --help`.")


def _leaf(commands: "argparse._SubParsersAction", name: str, summary: str) -> argparse.ArgumentParser:
    leaf = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    leaf.add_argument("--json", action="store_true", help="print JSON; faults are JSON on standard error")
    leaf.set_defaults(module=name.replace("-", "_"))
    return leaf


def _add_ask(commands: "argparse._SubParsersAction", no_image: bool) -> None:
    leaf = _leaf(commands, "ask", "ask one question about one image, or with --no-image about none")
    _add_case(leaf, no_image)
    leaf.add_argument(
        "--votes",
        type=int,
        metavar="N",
        help="also draw N answers (temperature 0.6, top-p 0.95, top-k 20) and count what they say",
    )
    leaf.add_argument(
        "--modality",
        metavar="KIND",
        help="what the picture is (CT, X-ray, …), to check the model's tag against",
    )
    leaf.add_argument("--gold", metavar="TEXT", help="the right answer: shows the composite reward in parts")
    add_marking_arguments(leaf)


def _add_explain(commands: "argparse._SubParsersAction", no_image: bool) -> None:
    leaf = _leaf(commands, "explain", "ask, then map what carried one span of the answer: places or words")
    _add_case(leaf, no_image)
    leaf.add_argument(
        "--method",
        metavar="NAME",
        help="a name, or all; text_occlusion and text_gradient score the words of question and reasoning "
        "(default: attention_mean, without a picture text_occlusion)",
    )
    leaf.add_argument(
        "--span",
        default="answer",
        help="answer, all, step:K, word:K or token:K, counted from 0 (default: %(default)s)",
    )
    leaf.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a setting of the method"
    )
    leaf.add_argument(
        "--png",
        metavar="OUT",
        help="also write the map over the image (of several, a file each: OUT-1.png …)",
    )
    leaf.add_argument(
        "--trust",
        action="store_true",
        help="also measure the map: deletion and insertion against random, centre and inverse order",
    )
    leaf.add_argument(
        "--metrics",
        metavar="LIST",
        help="measure the map, or with --method all every map: names such as gap,road, or all (every metric "
        "that needs no further map)",
    )
    leaf.add_argument("--region", metavar="X0,Y0,X1,Y1", help="where the evidence is, for metrics that ask")
    leaf.add_argument("--other", metavar="IMAGE", help="another picture, for metrics that ask")


def _add_case(leaf: argparse.ArgumentParser, no_image: bool) -> None:
    if no_image:
        leaf.set_defaults(image=None)
    else:
        leaf.add_argument("image", metavar="IMAGE", help="PNG, JPEG, DICOM or another picture file")
    leaf.add_argument("question", metavar="QUESTION")
    leaf.add_argument(NO_IMAGE, action="store_true", help="ask without a picture: then QUESTION stands alone")
    leaf.add_argument(
        "--recover",
        action=argparse.BooleanOptionalAction,
        help="ask again for one letter where no option can be read (default: text-only models do)",
    )
    leaf.add_argument(
        "--image", action="append", default=[], metavar="IMAGE", dest="more_images",
        help="a further picture of the same question; repeat it",
    )  # fmt: skip
    leaf.add_argument(
        "--follow-up", action="append", default=[], metavar="TEXT",
        help="a question asked after the answer, in the same conversation; repeat it",
    )  # fmt: skip
    leaf.add_argument(
        "--option", action="append", default=[], metavar="TEXT", help="an answer option; repeat it"
    )
    leaf.add_argument(
        "--model",
        help="tuned, base, a folder, a hub id (owner/name@revision) or a server's URL#MODEL (default: tuned)",
    )
    leaf.add_argument(
        "--mode",
        choices=("trace", "short", "bare"),
        default="trace",
        help="with reasoning, only the answer, or the question as it stands (default: %(default)s)",
    )
    leaf.add_argument("--window", metavar="PRESET", help="grey-level window of a DICOM or 16-bit image")
    leaf.add_argument("--invert", action="store_true", help="swap black and white")
    leaf.add_argument(
        "--endpoint", metavar="URL[#MODEL]",
        help="ask a model on an OpenAI-compatible server instead, such as http://localhost:8000/v1#name",
    )  # fmt: skip
    add_server_arguments(leaf)
    _add_machine(leaf)


def _add_machine(leaf: argparse.ArgumentParser) -> None:
    leaf.add_argument("--device", help="auto, cpu or cuda (default: auto)")
    leaf.add_argument("--dtype", help="auto, float32, bfloat16 or float16 (default: auto)")
    leaf.add_argument("--quantise", help="none, 8bit or 4bit weights (bitsandbytes, on a GPU only)")
    leaf.add_argument(
        "--max-new-tokens", metavar="N", help="longest answer in tokens (default: what each model needs)"
    )
    leaf.add_argument(
        "--template",
        metavar="NAME|FILE|TEXT",
        help="another prompt template: a model's of the catalogue, a file's, or a text with {question}",
    )


def _add_bench(commands: "argparse._SubParsersAction") -> None:
    bench = commands.add_parser("bench", help="answer a benchmark with one or more models, and report on it")
    actions = bench.add_subparsers(dest="action", required=True, metavar="ACTION")
    run = _leaf(actions, "run", "answer the items; a run that was stopped is taken up again")
    run.epilog = (
        "Several processes or nodes: put `torchrun --nproc_per_node N -m workbench` in front of bench."
    )
    run.add_argument("--items", required=True, metavar="NAME|FILE", help="a bundled benchmark, or a manifest")
    run.names = {
        "--format": ("workbench.bench.questions.importers", "LAYOUTS"),
        "--judge": ("workbench.bench.judging.rule_judge", "JUDGES"),
    }
    _add_layout(run)
    run.add_argument("--model", action="append", default=[], metavar="MODEL", help="repeat it to compare")
    _add_servers(run)
    run.add_argument("--out", required=True, metavar="DIR", help="folder for the result lines")
    run.add_argument("--limit", type=int, metavar="N", help="only the first N items")
    run.add_argument(
        "--condition",
        action="append",
        default=[],
        choices=BENCH_CONDITIONS,
        help="how the items are put: repeat it to compare (default: image)",
    )
    run.add_argument(
        "--mode",
        choices=("trace", "short", "bare"),
        default="trace",
        help="with reasoning, only the answer, or the question as it stands (default: %(default)s)",
    )
    _add_sampling(run)
    run.add_argument(
        "--recover",
        action="store_true",
        help="ask again for a letter where no option can be read; such answers are counted apart",
    )
    run.add_argument(
        "--retry-failed", action="store_true",
        help="ask again where an earlier run failed, and a judge whose replies could not be used",
    )  # fmt: skip
    run.add_argument("--batch-size", type=int, metavar="N", help="questions answered together (default: 16)")
    _add_machine(run)
    grounding = _leaf(actions, "grounding", "how well the maps of every method point at what is known")
    add_grounding_arguments(grounding)
    _add_machine(grounding)
    transfer = _leaf(actions, "transfer", "what a linear probe on each model's vision tower can tell apart")
    add_transfer_arguments(transfer)
    _add_machine(transfer)
    report = _leaf(actions, "report", "the scores of a results folder")
    report.add_argument("out", metavar="DIR", help="folder that `bench run` wrote")
    for leaf in (run, report):
        leaf.set_defaults(module="bench")
    add_judging_arguments(actions, _leaf)
    add_reward_arguments(actions, _leaf)


def _add_layout(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--format",
        default="",
        metavar="LAYOUT",
        help="the items are a file, folder or hub set (owner/name:config@revision) in this layout: "
        f"{_NAMES} (plain is your own CSV or JSON)",
    )
    run.add_argument("--images", metavar="DIR", help="where image names start from (with --format)")
    run.add_argument("--split", default="test", help="with --format (default: %(default)s)")


def _add_sampling(run: argparse.ArgumentParser) -> None:
    """Defaults are `runner.SAMPLES` and `runner.TEMPERATURE`, and seed 0."""
    run.add_argument("--samples", type=int, metavar="N", help="answers an item (with --condition sampled)")
    run.add_argument("--temperature", type=float, metavar="T", help="of the sampled answers (default: 0.7)")
    run.add_argument("--top-p", type=float, metavar="P", help="of the sampled answers (default: 1, all)")
    run.add_argument("--top-k", type=int, metavar="K", help="of the sampled answers (default: 0, all)")
    run.add_argument("--seed", type=int, metavar="N", help="of the sampled answers (default: 0)")


def _add_servers(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--endpoint",
        action="append",
        default=[],
        metavar="URL[#MODEL]",
        help="a model on an OpenAI-compatible server, such as http://localhost:8000/v1; repeat it to compare",
    )
    run.add_argument(
        "--judge",
        default="",
        metavar="NAME|URL[#MODEL]",
        help=f"who judges the reasoning: {_NAMES}, or a server (default: the first of these)",
    )
    run.add_argument(
        "--judge-protocol",
        choices=("single", "votes", "rounds"),
        default="single",
        help="one reply, 3 apart, or 3 in one conversation (default: %(default)s)",
    )
    add_server_arguments(run)


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["train"]:
        from workbench.training.cli import main as train

        return train(arguments[1:])
    if arguments[:1] == ["page"]:
        from workbench.ui.launch import serve

        serve(read_settings(arguments[1:], prog="workbench page"))
        return EXIT_OK
    args = build_parser(NO_IMAGE in arguments).parse_args(arguments)
    command = importlib.import_module(f"workbench.commands.{args.module}")
    outcome = command.run(args, read_settings(_settings_flags(args)))
    for remark in outcome.remarks:
        _write(sys.stderr, remark)
    if outcome.text:
        _write(sys.stdout, outcome.text)
    return outcome.code


def _settings_flags(args: argparse.Namespace) -> list[str]:
    names = ("device", "dtype", "quantise", "max_new_tokens", "template", "timeout", "tries")
    given = [(name, getattr(args, name, None)) for name in names]
    given += [("key_file", file) for file in getattr(args, "key_file", None) or ()]
    return [f"--{name.replace('_', '-')}={value}" for name, value in given if value is not None]


def _say_fault(error: UserFacing, as_json: bool) -> None:
    record = json.dumps({"error": error.message, "hint": error.hint})
    _write(sys.stderr, record if as_json else " ".join(str(error).split()))


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(printable(text).encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
