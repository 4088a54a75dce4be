"""Aims beside what was measured: the right number is held against the right target."""

from tests.bench.report_fakes import bare_report, number
from workbench.bench.reports.model import Report
from workbench.bench.scores.calibration import Calibration
from workbench.bench.scores.numbers import ByKind
from workbench.bench.scores.slices import Slice
from workbench.training.card.aims import Aim, aims, aims_table, best_pointing


def _kinds(closed: float, open_: float, low: float | None = None, high: float | None = None) -> ByKind:
    return ByKind(number(closed), number(closed, low, high), number(open_))


def _slice(value: str, **by_condition: ByKind) -> Slice:
    return Slice(value, 10, 10, {"tuned": by_condition})


def _real(tuned: float, base: float = 0.6, blank_high: float = 0.5) -> Report:
    error = Calibration(**vars(number(0.09, 0.07, 0.11)), curve=())
    datasets = (
        _slice("SLAKE 1.0", image=_kinds(0.8, 0.75), blank=_kinds(0.1, 0.1)),
        _slice("VQA-RAD", image=_kinds(0.6, 0.2, 0.5, 0.7), blank=_kinds(0.4, 0.1, 0.3, blank_high)),
    )
    return bare_report(
        accuracy={"base": {"image": _kinds(base, 0.1)}, "tuned": {"image": _kinds(tuned, 0.2)}},
        baselines={"question_majority": _kinds(0.61, 0.1)},
        calibration={"tuned": {"image": {"answer": error}}},
        slices={"dataset": datasets, "question_type": (_slice("Plane", image=_kinds(0.95, 0.95)),)},
    )


def _reached(found: list[Aim]) -> dict[str, bool | None]:
    return {aim.words: aim.reached for aim in found}


def test_real_aims_are_held_against_base_and_baseline() -> None:
    found = _reached(aims({"real": _real(0.71)}))
    assert found["real closed questions, base: the most frequent answer"] is False  # 60 against 61
    assert found["real closed questions, tuned: base + 5 points"] is True
    assert found["real closed questions, tuned: most frequent answer + 10 points"] is True
    assert found["SLAKE, open questions, exact answer"] is True
    assert found["real images, plane (SLAKE)"] is True
    assert found["calibration error (ECE) of the answer, real images"] is False
    below = _reached(aims({"real": _real(0.70)}))
    assert below["real closed questions, tuned: most frequent answer + 10 points"] is False


def test_above_the_blank_picture_means_that_the_intervals_are_apart() -> None:
    words = "VQA-RAD, closed questions: above the blank picture, intervals apart"
    assert _reached(aims({"real": _real(0.71)}))[words] is True  # from 50 on, against 50 at most
    assert _reached(aims({"real": _real(0.71, blank_high=0.51)}))[words] is False


def test_what_was_not_measured_is_no_aim_missed() -> None:
    assert aims({}) == []
    assert Aim("x", None, 0.9).reached is None
    assert "not measured" in aims_table([Aim("x", None, 0.9)])


def test_the_best_method_is_one_that_was_measured_on_findings_of_drawn_pictures() -> None:
    def row(method: str, value: float, n: int = 30, origin: str = "phantom", model: str = "tuned") -> dict:
        figure = {"value": value, "low": 0.5, "high": 0.9, "prior": 0.15}
        return {
            "origin": origin, "model": model, "span": "finding step", "method": method, "n": n,
            "pointing": figure,
        }  # fmt: skip

    rows = [
        row("a", 0.7), row("b", 0.8), row("c", 1.0, n=0), row("centre_prior", 1.0),
        row("d", 1.0, origin="real"), row("e", 1.0, model="base"),
    ]  # fmt: skip
    assert best_pointing({"rows": rows})["method"] == "b"
    (aim,) = aims({}, {"rows": rows})
    assert aim.reached is False and "(b)" in aim.words
    line = aims_table([aim]).splitlines()[-1]
    assert line.endswith("| ≥ 90.0 | 80.0 [50.0, 90.0] (centre of the picture: 15) | 30 | no |")
    assert best_pointing({"rows": []}) is None
