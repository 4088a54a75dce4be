"""Faults of comparable tools about pictures, figures and the program; test_peer_bugs.py has the table."""

import ast
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest
import torch

from tests.explain.cases import ASK, WORD, case_of, painted, token_spans
from tests.models.families.tiny_configs import QWEN, save_qwen
from tests.tiny import PLANTED_TOKEN, load_tiny, picture
from workbench.explain import METHODS, Refusal, explain, explain_spans
from workbench.explain.interventions.block import blocking
from workbench.explain.methods.attribution import guarded
from workbench.explain.methods.decoder_pass import text_decoder
from workbench.explain.methods.grad_cam import TokenChannels, routed
from workbench.explain.methods.pictures import REPLACEMENTS, mixed, replacement, without_boxes
from workbench.explain.methods.relevancy import streaming
from workbench.explain.metrics import (
    infidelity,
    perturb,
    random_token,
    region_mask,
    span_scorer,
    swapped_image,
)
from workbench.explain.metrics.fills import fill_picture, without
from workbench.explain.metrics.road import road
from workbench.explain.metrics.sanity import restored
from workbench.explain.metrics.trust import trust
from workbench.explain.shared_pass import SharedPassReader
from workbench.imaging.medical_image import MedicalImage
from workbench.imaging.reading import COLUMNS, ROWS, region_in_words
from workbench.models.answer import Prompt
from workbench.models.probe import RowCollector, collecting
from workbench.models.session import LoadedModel
from workbench.traces import parse_trace, resolve_option

BOX = (200, 90, 250, 140)


def _with_text_before(model: LoadedModel, prompt: Prompt, ids: list[int]) -> Prompt:
    """The prompt with text tokens put in before its picture."""
    inputs, shape, at = dict(prompt.inputs), prompt.inputs["input_ids"].shape, prompt.image_positions[0]
    for key, value in inputs.items():
        if value.shape == shape:
            words = torch.tensor([ids]) if key == "input_ids" else torch.ones(1, len(ids), dtype=value.dtype)
            inputs[key] = torch.cat([value[:, :at], words, value[:, at:]], 1)
    positions = model.family.image_positions(inputs, model.model.config)
    return replace(prompt, inputs=inputs, image_positions=positions)


@pytest.mark.parametrize("method", ["attention_mean", "attention_localisation_heads", "logit_attribution",
                                    "relevancy", "attention_rollout", "occlusion"])  # fmt: skip
def test_text_before_the_picture_moves_no_map(planted, method):
    """Fault 1: a fixed range of columns (1 to 257) would read the words here, and √P is no side of it."""
    plain = planted.prepare(ASK, painted(300, 180, BOX))
    prompt = _with_text_before(planted, plain, list(range(5, 27)))
    assert prompt.image_positions[0] == plain.image_positions[0] + 22
    params = {"window": 1, "stride": 1, "tier": 3} if method == "occlusion" else None
    case = replace(case_of(planted, painted(300, 180, BOX), (PLANTED_TOKEN,)), prompt=prompt)
    found = explain(case, WORD, method, params)
    assert np.abs(found.boxes[found.values.argmax()] - np.array(BOX)).max() <= 0.12 * 300
    assert found.values.max() > 2 * np.sort(np.abs(found.values))[-2]


@pytest.mark.parametrize("corner", range(4))
@pytest.mark.parametrize("kind", QWEN)
def test_the_gradient_sits_on_the_painted_quarter(qwen, kind, corner):
    """Fault 9: these families keep pixels in blocks of patches; read row by row they'd be scattered."""
    left, top = 32 * (corner % 2), 24 * (corner // 2)
    pixels = np.full((48, 64, 3), 128, np.uint8)
    pixels[top : top + 24, left : left + 32] = picture(32, 24).pixels
    image = MedicalImage(pixels, "test", "array")
    model = qwen[kind]
    found = explain(case_of(model, image, (40, 41)), WORD, "integrated_gradients", {"steps": 8})
    x, y = (found.boxes[:, 0] + found.boxes[:, 2]) / 2, (found.boxes[:, 1] + found.boxes[:, 3]) / 2
    inside = (x > left) & (x < left + 32) & (y > top) & (y < top + 24)
    assert inside.mean() == pytest.approx(0.25, abs=0.06)
    assert np.abs(found.values[inside]).sum() > 0.5 * np.abs(found.values).sum()


@pytest.fixture(scope="module")
def qwen(tmp_path_factory) -> dict[str, LoadedModel]:
    return {kind: load_tiny(save_qwen(tmp_path_factory.mktemp(kind) / "model", kind)) for kind in QWEN}


def test_a_wide_box_hides_a_wide_region():
    """Fault 13, in everything that takes pixels away: x counts columns, y counts rows."""
    pixels, boxes = np.full((20, 60, 3), 100, np.uint8), np.array([[30, 4, 58, 8]], np.float32)
    gone, expected = np.zeros_like(pixels), pixels.copy()
    expected[4:8, 30:58] = 0
    shown = 1 - region_mask((60, 20), boxes).astype(np.float32)
    assert np.array_equal(without_boxes(pixels, gone, boxes), expected)
    assert np.array_equal(without(pixels, gone, boxes, np.array([True])), expected)
    assert np.array_equal(mixed(pixels, gone, shown), expected)


FILLS = [lambda pixels, i=i: replacement(pixels, i) for i in range(len(REPLACEMENTS))]
FILLS += [lambda pixels: fill_picture(pixels, "blur"), lambda pixels: fill_picture(pixels, "mean")]


@pytest.mark.parametrize("fill", FILLS)
def test_what_stands_for_nothing_is_never_brighter_than_the_picture(fill):
    """Fault 24: white, a common default, is the strongest finding that an X-ray can show."""
    dark = (picture(60, 40).pixels // 4).astype(np.uint8)
    gone = fill(dark)
    assert gone.shape == dark.shape and gone.dtype == np.uint8
    assert dark.min() <= gone.min() and gone.max() <= dark.max() < 64
    assert gone.std() < 0.5 * dark.std()


def test_a_blur_is_the_default_and_every_choice_is_named():
    choosing = {
        name: param
        for name, method in METHODS.items()
        for param in method.params
        if param.name in ("replacement", "baseline")
    }
    assert {"occlusion", "rise", "shapley", "greedy_search", "integrated_gradients"} == set(choosing)
    for param in choosing.values():
        assert param.choices[param.default] == "blurred picture" and "white" not in " ".join(param.choices)
    assert trust.__kwdefaults__["fill"] == perturb.__kwdefaults__["fill"] == "blur"


def test_insertion_rises_and_deletion_falls_on_the_planted_model(planted):
    """Fault 11: the ends are the whole picture and none of it, each curve from its own side."""
    image = painted(48, 48, (16, 32, 24, 40))
    case = case_of(planted, image, (PLANTED_TOKEN,))
    score, oracle = span_scorer(case, WORD), explain(case, WORD, "attention_mean")
    curves = perturb(
        score, image.pixels, oracle.values, oracle.boxes, steps=4, random_orders=2, ranked_orders=1
    )
    full, blank = score([image.pixels, fill_picture(image.pixels, "blur")])
    assert full > blank + 1
    for curve, ends in ((curves.of_map.insertion, (blank, full)), (curves.of_map.deletion, (full, blank))):
        assert (curve[0], curve[-1]) == pytest.approx(ends, abs=1e-4)
    assert curves.of_map.insertion[1] == pytest.approx(full, abs=0.5)
    assert curves.of_map.deletion[1] == pytest.approx(blank, abs=0.5)


def test_figures_about_a_map_write_nothing_and_repeat(tiny, monkeypatch):
    """Fault 12: with an answer written anew, a figure measures the sampling and may miss its word."""
    monkeypatch.setattr(tiny.model, "generate", lambda *_, **__: pytest.fail("an answer was written"))
    image, other = picture(48, 36), picture(48, 36, 1)
    case = case_of(tiny, image, (7, 11))
    found = explain(case, WORD, "logit_attribution")

    def figures() -> list[float]:
        score = span_scorer(case, WORD)
        quick = {"steps": 2, "random_orders": 2, "ranked_orders": 2}
        curves = trust(case, found, **quick).perturbation
        rows = road(score, image.pixels, found.values, found.boxes)
        lost = infidelity(score, image.pixels, found.values, found.boxes, samples=4)
        swapped = swapped_image(case, WORD, "logit_attribution", other)
        drawn = random_token(case, WORD, "logit_attribution")
        return [curves.gap, curves.comprehensiveness, *rows.most, *rows.least, lost.value, swapped, drawn]

    first = figures()
    assert first == figures()
    assert np.isfinite(first).all() and -100 not in first


def test_the_named_region_follows_the_map():
    """Fault 15: bars that were typed in. Here the peak goes through the picture and the words with it."""
    boxes = np.array([[x, y, x + 10, y + 10] for y in (0, 10, 20) for x in (0, 10, 20)], np.float32)
    for place in range(9):
        values = np.where(np.arange(9) == place, 2.0, 0.25)
        named = "centre" if place == 4 else f"{COLUMNS[place % 3]} {ROWS[place // 3]} zone"
        assert region_in_words(values, boxes, (30, 30)) == (
            f"{named} of the picture, 50 % of the image evidence"
        )


@cache
def _sources(root: Path) -> dict[Path, ast.Module]:
    files = [root / "app.py", *(root / "workbench").rglob("*.py")]
    return {file: ast.parse(file.read_text("utf-8")) for file in files}


def test_no_fault_is_made_without_being_raised(repo_root):
    """Fault 17: `ValueError("…")` on a line of its own does nothing; also not for our own kinds."""
    trees = _sources(repo_root)
    kinds = {name for name, value in vars(__import__("builtins")).items() if isinstance(value, type)
             and issubclass(value, BaseException)}  # fmt: skip
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in range(3):  # a kind of a kind of ours
        kinds |= {
            c.name for c in classes if any(ast.unparse(base).split(".")[-1] in kinds for base in c.bases)
        }
    assert {"UserFacing", "Stopped"} <= kinds
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = ast.unparse(node.value.func).split(".")[-1]
                assert called not in kinds | {"Refusal"}, f"{file}:{node.lineno}"


def test_no_text_is_run_and_no_clean_up_is_left_to_chance(repo_root, tmp_path, monkeypatch):
    """Fault 21: `eval` of an answer; faults swallowed by `__exit__`; files kept until `__del__`."""
    for file, tree in _sources(repo_root).items():
        for node in ast.walk(tree):
            where = f"{file}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile"), where
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.name != "__del__", where
                if node.name in ("__exit__", "__aexit__"):  # without a value it can't swallow a fault
                    gives = [n for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None]
                    assert not gives and ast.unparse(node.returns) == "None", where
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, where
    monkeypatch.chdir(tmp_path)
    hostile = "<answer>__import__('os').mkdir('run')</answer>"
    assert parse_trace(hostile).answer_raw == "__import__('os').mkdir('run')"
    assert resolve_option("__import__('os').mkdir('run')", ("left", "right")) is None
    assert not any(tmp_path.iterdir())


def test_a_fault_inside_a_block_comes_out_of_it(tiny):
    """Fault 21: an IndexError that a `with` block swallowed left a map of nothing."""
    prompt, layer = tiny.prepare(ASK, picture(48, 36)), tiny.decoder.layers[0]
    places = torch.from_numpy(prompt.image_positions)
    blocks = [
        lambda: guarded(tiny),
        lambda: streaming(text_decoder(tiny)),
        lambda: routed(layer, places, TokenChannels()),
        lambda: SharedPassReader(tiny, prompt, (7,)).reading(),
        lambda: collecting(RowCollector(places, places)),
        lambda: restored([layer]),
        lambda: blocking(tiny, prompt.image_positions[:2]),
    ]
    for block in blocks:
        with pytest.raises(IndexError, match="inside"), ExitStack() as stack:
            stack.enter_context(block())
            raise IndexError("inside")


def test_explaining_writes_no_file(tiny, tmp_path, monkeypatch):
    """Fault 18: attention kept in temporary files that nobody deletes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path)
    case, quick = case_of(tiny, picture(48, 36), (7, 11)), {"logit_contrast": {"foil": 19}}
    shared = [name for name, method in METHODS.items() if method.is_shared]
    for method in (*shared, "relevancy", "attention_rollout", "occlusion"):
        assert not isinstance(
            explain_spans(case, token_spans((0,), (1,)), method, quick.get(method)), Refusal
        )
    assert tempfile.gettempdir() == str(tmp_path) and not any(tmp_path.iterdir())


def test_no_library_class_holds_a_function_of_ours(tiny):
    """Fault 19: classes of a library changed on import. Looked at after a model was loaded and explained."""
    image = picture(48, 36)
    for method in ("attention_mean", "relevancy", "grad_cam"):
        explain(case_of(tiny, image, (7,)), WORD, method)
    libraries, seen = ("torch", "transformers", "captum", "PIL", "numpy", "tokenizers", "accelerate"), set()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in libraries:
            continue
        for held in [*vars(module).values()]:
            inside = [*vars(held).values()] if issubclass(type(held), type) else [held]
            seen |= {part for part in inside if type(part) is FunctionType}
    assert len(seen) > 10_000
    ours = [part for part in seen if (part.__module__ or "").partition(".")[0] in ("workbench", "tests")]
    assert not ours


def test_the_repository_holds_sources_only(repo_root):
    """Fault 25: keys, logs, caches and results under version control; the same source file twice."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repo_root, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [Path(name) for name in listed.stdout.split("\0") if name]
    unwanted = {".log", ".pyc", ".pt", ".pth", ".pkl", ".npy", ".ipynb", ".tmp", ".bak", ".orig"}
    for file in files:
        kept = file == Path("docs/notebook.ipynb") and '"output_type"' not in (repo_root / file).read_text()
        assert kept or not file.name.startswith(".env") and file.suffix not in unwanted, file
        assert not {"__pycache__", ".venv", "runs", "wandb", "node_modules"} & set(file.parts), file
        assert file.suffix != ".png" or file.parts[0] == "assets", file
    texts = [
        (repo_root / file).read_bytes()
        for file in files
        if file.suffix == ".py" and (repo_root / file).is_file()
    ]
    assert max(Counter(text for text in texts if len(text) > 100).values()) == 1
