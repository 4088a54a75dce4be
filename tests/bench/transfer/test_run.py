"""A whole run on tiny models: what it reports, what it keeps, what it asks anew; the map of a picture."""

import json

import cv2
import numpy as np
import pytest

from tests.tiny import load_tiny, planted_model, save_tiny
from workbench.bench import transfer
from workbench.bench.transfer import run
from workbench.bench.transfer.report import PIXELS
from workbench.cli import main
from workbench.errors import UserFacing
from workbench.imaging import from_array

SIZE = (90, 50)
SPOT = (60, 8, 75, 17)  # in the original picture; the planted tower sees brightness only


def spotted(seed: int, bright: bool) -> np.ndarray:
    """A dark noisy picture, wider than high, with a spot that is white or as dark as the rest."""
    pixels = np.random.default_rng(seed).integers(0, 40, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    if bright:
        x0, y0, x1, y1 = SPOT
        pixels[y0:y1, x0:x1] = 255
    return pixels


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, bright in (("spot", True), ("plain", False)):
        (folder / name).mkdir()
        for seed in range(8):
            cv2.imwrite(str(folder / name / f"{seed}.png"), spotted(seed + 100 * bright, bright))
    (folder / "spot" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return planted_model(folder / "planted"), load_tiny(save_tiny(folder / "random", seed=3))


@pytest.fixture(scope="module")
def done(pictures, models, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return out, transfer.run_transfer(pictures, models, out)


def test_the_report_states_what_was_measured(done):
    out, report = done
    assert list(report["models"]) == ["planted", "random", PIXELS]
    assert report["split"] | {"seed": 0} == report["split"]
    assert (report["split"]["train"], report["split"]["test"]) == (12, 4)
    assert report["left_out"] == {"This is not a picture that can be read": 1}
    planted = report["models"]["planted"]["macro_f1"]
    assert (planted["value"], planted["n"], planted["origin"]) == (1, 4, "measured")
    assert [(one["first"], one["second"]) for one in report["differences"]] == [
        ("planted", "random"),
        (PIXELS, "planted"),
        (PIXELS, "random"),
    ]
    assert report["baselines"]["majority"]["macro_f1"] == pytest.approx(1 / 3)
    assert "fine-tuned the encoder" in report["caveat"]
    assert any("No groups were given" in remark for remark in report["remarks"])
    assert any("plain (6 and 2), spot (6 and 2)" in remark for remark in report["remarks"])
    assert transfer.load_transfer(out) == report
    text = transfer.as_text(report)
    assert "always plain" in text and "Left out: 1" in text
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert len(lines) == 4 and all(
        abs(sum(line["probabilities"]["planted"].values()) - 1) < 1e-4 for line in lines
    )


def test_nothing_is_read_twice_and_the_figures_stay(done, pictures, models, monkeypatch):
    out, report = done

    def fail(*_: object) -> None:
        raise AssertionError("a tower was run again")

    monkeypatch.setattr(run, "tower_patches", fail)
    assert transfer.run_transfer(pictures, models, out) | {"date": ""} == report | {"date": ""}
    with (out / "features.jsonl").open("a") as file:
        file.write('{"model": "x", "pic')  # a run that was killed
    assert transfer.run_transfer(pictures, models, out)["models"] == report["models"]


def test_a_model_of_unknown_revision_is_read_again(pictures, models, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(models[1], "revision", "unknown")
    monkeypatch.setattr(run, "pooled", lambda found: calls.append(1) or np.arange(3.0))
    for _ in range(2):
        transfer.run_transfer(pictures, models[1:], tmp_path)
    assert len(calls) == 32
    with pytest.raises(UserFacing, match="no probe of"):
        transfer.find_probe(tmp_path, models[1])


def test_models_of_one_name_are_told_apart(pictures, models, tmp_path, monkeypatch):
    for model in models:
        monkeypatch.setattr(type(model), "name", "model")
    assert list(transfer.run_transfer(pictures, models, tmp_path)["models"]) == ["model", "model #2", PIXELS]


def test_the_evidence_lies_on_the_planted_spot(done, models):
    out, _ = done
    image = from_array(spotted(7, True))
    view = transfer.EncoderView(models[0], transfer.find_probe(out, models[0]), image)
    assert view.label == "spot" and view.probabilities["spot"] > 0.5
    heat = view.explain()
    x0, y0, x1, y1 = heat.boxes[heat.values.argmax()]
    assert x0 < SPOT[2] and x1 > SPOT[0] and y0 < SPOT[3] and y1 > SPOT[1]
    total = {
        label: view.explain(label).values.sum() + view.explain(label).meta["bias"]
        for label in ("plain", "spot")
    }
    shares = np.exp([total["plain"], total["spot"]])
    assert np.allclose(shares / shares.sum(), list(view.probabilities.values()), atol=1e-5)
    check = view.check()
    assert check.strongest < -0.01 and check.strongest <= check.random
    with pytest.raises(UserFacing, match="no class 'other'"):
        view.explain("other")


def test_a_probe_is_only_for_its_own_model(done, models):
    out, _ = done
    probe = transfer.find_probe(out, models[0])
    with pytest.raises(UserFacing, match="differs in weights"):
        transfer.EncoderView(models[1], probe, from_array(spotted(7, True)))


def test_a_given_split_that_cuts_groups_is_told(pictures, models, tmp_path):
    rows = [
        f"{pictures / name / f'{seed}.png'},{name},{'test' if seed > 4 else 'train'},p{seed % 3}"
        for name in ("spot", "plain")
        for seed in range(8)
    ]
    table = tmp_path / "set.csv"
    table.write_text(
        "\n".join(["image,label,split,group", *rows, f"{pictures / 'spot' / 'broken.png'},new,test,p9"])
    )
    report = transfer.run_transfer(table, models[:1], tmp_path / "out")
    assert report["split"]["test"] == 6 and report["split"]["by_group"]
    assert any("both sides of the given split" in remark for remark in report["remarks"])


def test_a_class_without_training_pictures_is_left_out(pictures, models, tmp_path):
    names = [("plain", "train"), ("spot", "train"), ("plain", "test"), ("new", "test")]
    rows = [f"{pictures / 'plain' / f'{n}.png'},{label},{split}" for n, (label, split) in enumerate(names)]
    table = tmp_path / "set.csv"
    table.write_text("\n".join(["image,label,split", *rows]))
    report = transfer.run_transfer(table, models[:1], tmp_path / "out")
    assert list(report["classes"]) == ["plain", "spot"] and report["split"]["test"] == 1
    assert any("'new' has no training picture" in remark for remark in report["remarks"])


def test_the_command_line(done, tmp_path, pictures, capsys, models):
    out, report = done
    assert main(["bench", "transfer", "--report", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == report["models"]
    source, png = str(pictures / "spot" / "0.png"), tmp_path / "map.png"
    model = models[0].card.location
    asked = ["bench", "transfer", "--out", str(out), "--model", model, "--device", "cpu", "--map", source]
    assert main([*asked, "--png", str(png), "--label", "spot", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["label"] == "spot" and len(record["values"]) == len(record["boxes"]) == 24
    assert cv2.imread(str(png)).shape[1] >= SIZE[0]
    assert main(asked) == 0
    assert "spot" in capsys.readouterr().out
    for wrong in (["--out", "x"], [], ["--report", str(tmp_path)], ["--out", "x", "--png", "a.png"]):
        assert main(["bench", "transfer", *wrong]) == 2
