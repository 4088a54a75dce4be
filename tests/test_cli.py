"""The command line with stand-ins for what needs weights; the real chain is in test_offline."""

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.waiting import HANG_SECONDS, finished
from workbench import cases, explain, imaging, models
from workbench.bench.asking.conditions import CONDITIONS
from workbench.bench.asking.progress import Progress
from workbench.bench.asking.sharding import Shard
from workbench.cases import AnsweredCase, Column
from workbench.cli import BENCH_CONDITIONS, main, printable
from workbench.commands import bench as bench_command
from workbench.commands.bench import progress_lines
from workbench.explain import HeatMap, Refusal
from workbench.imaging import MedicalImage
from workbench.models import Answer, Prompt, Question
from workbench.models.catalogue import ModelCard
from workbench.settings import Settings
from workbench.traces.trace import Step, Trace

TEXT = "A bright disc. <answer>round</answer>"
OFFSETS = ((0, 8), (8, 14), (14, 23), (23, 28), (28, 37), (37, 37))
SHARES = [0.5, 0.4, 0.1, 0.3, 0.1, 0.0]
ANSWER = Answer(
    ids=(5, 6, 7, 8, 9, 2), text=TEXT, offsets=OFFSETS, logprobs=(-0.1,) * 6, finish="stop", seconds=0.25
)
TRACE = Trace(
    status="ok",
    rule="tags",
    steps=(Step(0, "perception", "A bright disc.", 0, 14, "first", 0, 2),),
    modality="X-ray",
    answer_text="round",
    answer_letter="B",
    answer_start=23,
    answer_end=28,
    modality_tag="<X_RAY>",
)
HEAT = HeatMap(
    values=np.array([0.1, 0.9], dtype=np.float32),
    boxes=np.array([[0, 0, 30, 40], [30, 0, 60, 40]], dtype=np.float32),
    signed=False,
    unit="share of attention",
    image_share=0.4,
    meta={"layers": np.array([0, 1]), "label": "Attention", "span": {"label": "answer"}},
)
CARD = ModelCard("teaching-tuned", "Tuned", "tuned")
MODEL = SimpleNamespace(name="teaching-tuned", label="Tuned", revision="r1", note="", card=CARD)


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tiny_rgb: np.ndarray) -> SimpleNamespace:
    """Stand-ins from picture to map; `chain.seen` collects what they were given, other fields steer them."""
    state = SimpleNamespace(seen={}, heat=HEAT, status="done", message="", notes=(), fault=None)

    def load_image(source, *, window=None, invert=False):
        state.seen |= {"image": source, "window": window, "invert": invert}
        return MedicalImage(tiny_rgb, "0" * 64, "png", notes=state.notes)

    def load_model(ref, *, settings=None, progress=None):
        state.seen |= {"ref": ref, "settings": settings}
        if state.fault:
            raise state.fault
        return MODEL

    def run_case(model, image, question, decoding, stop):
        state.seen |= {"question": question, "decoding": decoding}
        prompt = Prompt(question, {}, np.array([0, 1]), HEAT.boxes, (60, 40))
        blank = Column(model.name, model.label, message=state.message)
        yield Column(model.name, model.label, "streaming")
        case = AnsweredCase(model, prompt, image, ANSWER, TRACE, (0.2, 0.8))
        yield replace(blank, status=state.status, case=None if state.status == "failed" else case)

    def explained(case, span, method, params=None):
        state.seen |= {"span": span, "method": method, "params": params}
        return state.heat

    monkeypatch.setattr(imaging, "load_image", load_image)
    monkeypatch.setattr(models, "load_model", load_model)
    monkeypatch.setattr(
        models, "load_models", lambda refs, settings, *_: [load_model(ref, settings=settings) for ref in refs]
    )
    monkeypatch.setattr(cases, "run_case", run_case)
    monkeypatch.setattr(explain, "explain", explained)
    monkeypatch.setattr(explain, "image_shares", lambda model, prompt, answer: SHARES)
    return state


def fault_of(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err and captured.err.count("\n") == 1
    return captured.err


def test_ask_json_has_exactly_the_promised_keys(chain, capsys) -> None:
    code = main(["ask", "x.png", " What is it? ", "--option", "square", "--option", "round", "--json"])
    assert code == 0
    record = json.loads(capsys.readouterr().out)
    check = {
        "state": "not known",
        "said": "<X_RAY>",
        "known": None,
        "sentence": "The model says X-ray; what the picture is, is not known here.",
    }
    assert record == {
        "model": "teaching-tuned",
        "revision": "r1",
        "image": {"width": 60, "height": 40},
        "text": TEXT,
        "trace": {
            "modality": "X-ray",
            "modality_tag": "<X_RAY>",
            "steps": [
                {"index": 0, "axis": "perception", "text": "A bright disc.", "token_start": 0, "token_end": 2}
            ],
            "answer": "round",
            "answer_letter": "B",
            "status": "ok",
            "recovered": False,
        },
        "modality_check": check,
        "contradictions": [],
        "reward": None,
        "tokens": [
            {"id": token, "text": TEXT[start:end], "logprob": -0.1, "image_share": share}
            for token, (start, end), share in zip(ANSWER.ids, OFFSETS, SHARES, strict=True)
        ],
        "seconds": 0.25,
    }
    assert chain.seen["ref"] == "tuned"
    assert chain.seen["question"] == Question("What is it?", ("square", "round"), "trace")


def test_ask_passes_its_settings_on(chain) -> None:
    flags = shlex.split("--model base --device cpu --max-new-tokens 7 --mode short --window bone --invert")
    assert main(["ask", "x.dcm", "Which side?", *flags]) == 0
    seen = chain.seen
    assert (seen["ref"], seen["window"], seen["invert"], seen["question"].mode) == (
        "base",
        "bone",
        True,
        "short",
    )
    assert (seen["settings"].device, seen["decoding"].max_new_tokens) == ("cpu", 7)


def test_ask_in_words(chain, capsys) -> None:
    chain.notes, chain.message = ("Only the first frame is shown.",), "The answer may be cut off."
    assert main(["ask", "x.gif", "What is it?", "--option", "square", "--option", "round"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "Tuned, 0.2 s",
        "Modality: X-ray",
        "1. [perception] A bright disc.",
        "Answer: round (B)",
        "  A. square: 20%",
        "  B. round: 80%",
    ]
    assert captured.err == "Note: Only the first frame is shown.\nNote: The answer may be cut off.\n"


def test_explain_json_has_exactly_the_promised_keys(chain, capsys) -> None:
    flags = shlex.split("--method attention_head --span step:0 --param layer=3 --param head=0 --json")
    assert main(["explain", "x.png", "What is it?", *flags]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record) == {
        "method", "span", "values", "boxes", "picture_of", "pictures", "image_share", "refused", "meta",
    }  # fmt: skip
    assert record["pictures"][0]["values"] == record["values"]
    assert (record["method"], record["span"], record["refused"]) == ("attention_head", "step:0", None)
    assert record["values"] == pytest.approx([0.1, 0.9])
    assert record["boxes"] == [[0, 0, 30, 40], [30, 0, 60, 40]]
    assert record["image_share"] == pytest.approx(0.4)
    assert record["meta"]["span_tokens"] == [0, 1] and record["meta"]["layers"] == [0, 1]
    assert chain.seen["params"] == {"layer": 3, "head": 0}


def test_explain_writes_the_picture_and_names_the_strongest_patch_first(
    chain, capsys, tmp_path: Path
) -> None:
    assert main(["explain", "x.png", "What is it?", "--png", str(tmp_path / "map.png")]) == 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    lines = capsys.readouterr().out.splitlines()
    assert "40% of the evidence came from the image" in lines[0]
    assert lines[2] == "  +0.9 at x 30 to 60, y 0 to 40"


def test_a_refusal_is_a_result_without_a_map(chain, capsys, tmp_path: Path) -> None:
    chain.heat = Refusal("This model has no image tokens.", "Choose another.")
    target = tmp_path / "map.png"
    assert main(["explain", "x.png", "What is it?", "--png", str(target), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["values"], record["boxes"], record["image_share"]) == ([], [], None)
    assert record["refused"] == "This model has no image tokens."
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", "x.png", "  "], "The question is empty"),
        (["ask", "x.png", "x" * 10_000], "10,000 characters; the limit is 2,000"),
        (["ask", "x.png", "Why?", "--option", "one"], "one answer option"),
        (["ask", "x.png", "Why?", "--device", "tpu"], "device can't be 'tpu'"),
        (["ask", "x.png", "Why?", "--max-new-tokens", "many"], "max new tokens can't be 'many'"),
        (["ask", "x.png"], "QUESTION"),
        (["ask", "x.png", "Why?", "--mode", "loud"], "invalid choice: 'loud'"),
        (["explain", "x.png", "Why?", "--method", "magic"], "all, attention_mean, attention_max"),
        (["explain", "x.png", "Why?", "--span", "verse:1"], "'verse:1' is not a span"),
        (["explain", "x.png", "Why?", "--span", "step:-1"], "'step:-1' is not a span"),
        (["explain", "x.png", "Why?", "--span", "step:9"], "no step 9"),
        (["explain", "x.png", "Why?", "--param", "layer=3"], "takes none"),
        (["explain", "x.png", "Why?", "--method", "attention_head", "--param", "x=3"], "layer, head"),
        (["explain", "x.png", "Why?", "--param", "layer=no"], "--param NAME=NUMBER"),
        (["explain", "x.png", "Why?", "--param", "layer"], "--param NAME=NUMBER"),
        (["explain", "x.png", "Why?", "--png", "/no/such/folder/a.png"], "can't be written"),
        (["paint"], "invalid choice: 'paint'"),
        ([], "COMMAND"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(chain, capsys, arguments: list[str], words: str) -> None:
    assert main(arguments) == 2
    assert words in fault_of(capsys)


def test_faults_are_json_when_json_is_asked_for(chain, capsys) -> None:
    assert main(["ask", "x.png", "", "--json"]) == 2
    record = json.loads(fault_of(capsys))
    assert record == {"error": "The question is empty.", "hint": "Type a question about the image."}


def test_a_failed_column_is_a_fault(chain, capsys) -> None:
    chain.status, chain.message = "failed", "The model ran out of memory."
    assert main(["ask", "x.png", "Why?"]) == 2
    assert "ran out of memory" in fault_of(capsys)


def test_unexpected_faults_show_a_reference_only(chain, capsys, monkeypatch) -> None:
    chain.fault = RuntimeError("secret path /home/someone")
    assert main(["ask", "x.png", "Why?"]) == 1
    message = fault_of(capsys)
    assert message.startswith("Something went wrong (reference ") and "secret" not in message
    monkeypatch.setenv("WORKBENCH_DEBUG", "1")
    assert main(["ask", "x.png", "Why?"]) == 1
    assert "RuntimeError: secret path" in capsys.readouterr().err


def test_interruption(chain, capsys) -> None:
    chain.fault = KeyboardInterrupt()
    assert main(["ask", "x.png", "Why?"]) == 130
    assert fault_of(capsys) == "Interrupted.\n"


def test_public_instances_refuse_other_models(chain, capsys, monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_PUBLIC", "1")
    assert main(["ask", "x.png", "Why?", "--model", "evil/model"]) == 2
    assert "does not load the model 'evil/model'" in fault_of(capsys)
    assert "ref" not in chain.seen


def test_terminal_control_sequences_are_not_passed_on() -> None:
    assert printable("a\x1b[31mb\u202ec\r\n\tд🙂") == "a\ufffd[31mb\ufffdc\ufffd\n\tд🙂"


@pytest.mark.parametrize(
    "command", [[], ["ask"], ["explain"], ["bench"], ["bench", "run"], ["bench", "judge"], ["doctor"]]
)
def test_help_imports_no_model_code(command: list[str]) -> None:
    code = (
        "import sys\nfrom workbench.cli import main\n"
        f"try: main({[*command, '--help']!r})\nexcept SystemExit as end: code = end.code\n"
        "assert not {'torch', 'transformers', 'gradio', 'cv2'} & set(sys.modules)\nsys.exit(code)"
    )
    done = finished([sys.executable, "-c", code])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(" ".join(["usage: python -m workbench", *command]))


def test_output_survives_a_terminal_without_unicode() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "ask", "x.png", "Why?", "--mode", "läut"],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
        cwd=Path(__file__).resolve().parent.parent,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 2
    assert b"l\\xe4ut" in done.stderr


def test_an_installed_package_has_no_readme_to_write_to(capsys, monkeypatch) -> None:
    monkeypatch.setattr("workbench.commands.space_card.INSTALLED", True)
    assert main(["space-card", "--write"]) == 2
    assert "README.md" in capsys.readouterr().err


def test_page_is_served_with_the_settings_of_its_flags(capsys, monkeypatch) -> None:
    served: list[Settings] = []
    launch = SimpleNamespace(serve=served.append)
    monkeypatch.setitem(sys.modules, "workbench.ui.launch", launch)
    assert main(["page", "--port", "7001", "--device", "cpu"]) == 0
    assert (served[0].port, served[0].device) == (7001, "cpu")
    assert main(["page", "--port", "seven"]) == 2
    assert "seven" in capsys.readouterr().err and len(served) == 1


def test_space_card_prints_the_block(capsys) -> None:
    assert main(["space-card"]) == 0
    assert capsys.readouterr().out.startswith("---\ntitle: ")


@pytest.fixture
def bench(chain, monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """A stand-in benchmark; the list holds what each run was given."""
    runs: list[SimpleNamespace] = []

    def run_bench(items, models, out, **settings):
        runs.append(SimpleNamespace(items=items, models=models, out=out, **settings))
        for done in range(1, 41) if settings["progress"] else ():
            pace = {"rate": 30.0, "seconds_left": 2.0 * (40 - done)} if done > 1 else {}
            settings["progress"](Progress(done, 40, "base", "image", **pace))

    def open_report(out):
        return SimpleNamespace(to_json=lambda: {"folder": out.name, "runs": len(runs)})

    def table_text(report):
        return f"{report.to_json()['runs']} runs"

    monkeypatch.setattr(bench_command, "load_items", lambda source, limit: [source, limit])
    monkeypatch.setattr(bench_command, "run_bench", run_bench)
    monkeypatch.setattr(bench_command, "open_report", open_report)
    monkeypatch.setattr(bench_command, "bench_table_text", table_text)
    return runs


def test_bench_run_answers_once_with_each_model_then_reports(bench, chain, tmp_path: Path, capsys) -> None:
    out = tmp_path / "new" / "results"
    flags = ["--model", "tuned", "--model", "base", "--model", "tuned", "--limit", "2", "--json"]
    assert main(["bench", "run", "--items", "phantoms", "--out", str(out), *flags]) == 0
    (ran,) = bench
    assert (ran.items, ran.out, len(ran.models)) == (["phantoms", 2], out, 2)
    assert (ran.conditions, ran.mode, ran.retry_failed, ran.progress) == (("image",), "trace", False, None)
    assert chain.seen["ref"] == "base" and out.is_dir()
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"folder": "results", "runs": 1} and captured.err == ""
    assert main(["bench", "report", str(out)]) == 0
    assert capsys.readouterr().out == "1 runs\n"


def test_bench_run_passes_its_settings_on_and_tells_how_far_it_is(bench, tmp_path: Path, capsys) -> None:
    flags = shlex.split("--model base --condition blank --condition image --condition blank --mode short")
    more = ["--max-new-tokens", "9", "--retry-failed", "--out", str(tmp_path)]
    assert main(["bench", "run", "--items", "x.jsonl", *flags, *more]) == 0
    (ran,) = bench
    assert (ran.conditions, ran.mode, ran.retry_failed) == (("blank", "image"), "short", True)
    assert ran.decoding.max_new_tokens == 9 and ran.items == ["x.jsonl", None]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21 and lines[0] == "1 of 40 answers ('base', image)"
    assert lines[1] == "2 of 40 answers ('base', image), 30 a minute, 76 s left"
    assert lines[-1] == "40 of 40 answers ('base', image), 30 a minute, 0 s left"


def test_bench_run_samples_as_it_is_told(bench, tmp_path: Path) -> None:
    flags = ["--model", "base", "--out", str(tmp_path), "--json", "--condition", "sampled"]
    assert main(["bench", "run", "--items", "x", *flags]) == 0
    more = ["--samples", "6", "--temperature", "0.5", "--seed", "3", "--batch-size", "8"]
    assert main(["bench", "run", "--items", "x", *flags, *more]) == 0
    plain, told = bench
    assert (plain.samples, plain.sampling.temperature, plain.sampling.seed) == (4, 0.7, 0)
    assert (told.samples, told.sampling.temperature, told.sampling.seed) == (6, 0.5, 3)
    assert told.decoding.temperature == 0 and told.batch_size == 8 and told.shard == Shard(0, 1)
    assert not hasattr(plain, "batch_size")


def test_processes_tell_of_their_own_share() -> None:
    lines: list[str] = []
    progress_lines(lines.append, Shard(1, 3))(Progress(5, 50, "base", "image", 61.2, 4000.0))
    assert lines == ["process 2 of 3: 5 of 50 answers ('base', image), 61 a minute, 1 h 07 min left\n"]


def test_the_command_line_names_every_condition() -> None:
    assert BENCH_CONDITIONS == CONDITIONS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "/no/such/folder"], "no results folder"),
        (["run", "--items", "phantoms", "--model", "base", "--out", "/dev/null/x"], "can't be made"),
        (
            ["run", "--items", "phantoms", "--model", "base", "--out", "x", "--limit", "0"],
            "--limit can't be 0",
        ),
        (["run", "--items", "phantoms", "--out", "x"], "--model"),
        (["run", "--items", "phantoms", "--model", "base", "--out", "x", "--samples", "3"], "sampled"),
        (["run", "--items", "phantoms", "--model", "base", "--out", "x", "--condition", "up"], "up"),
    ],
)
def test_bad_bench_input(bench, capsys, arguments: list[str], words: str) -> None:
    assert main(["bench", *arguments]) == 2
    assert words in fault_of(capsys)
    assert bench == []


def test_ask_with_a_gold_answer_shows_the_reward_and_checks_the_tag(chain, capsys) -> None:
    asked = ["ask", "x.png", "What is it?", "--option", "square", "--option", "round"]
    assert main([*asked, "--gold", "square", "--modality", "CT", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["modality_check"]["state"] == "differs" and record["modality_check"]["known"] == "CT"
    assert [part["name"] for part in record["reward"]["parts"]] == ["llm", "embed", "modality", "format"]
    assert record["reward"]["parts"][2]["value"] == 0 and record["reward"]["stand_ins"] is True
    assert main([*asked, "--gold", "square", "--modality", "CT"]) == 0
    said = capsys.readouterr().out
    assert "Composite reward" in said and "stand-in" in said and "“CT”" in said


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--modality", "thermography"], "no known kind"), (["--gold", " "], "gold answer is empty"),
        (["--judge", "http://localhost:9/v1"], "--gold"), (["--embedder", "somewhere"], "--gold"),
    ],
)  # fmt: skip
def test_ask_refuses_what_it_cannot_mark_before_loading(
    chain, capsys, flags: list[str], sentence: str
) -> None:
    assert main(["ask", "x.png", "What is it?", *flags]) == 2
    assert sentence in capsys.readouterr().err and "ref" not in chain.seen
