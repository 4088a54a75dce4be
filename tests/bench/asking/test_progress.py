"""Rate and time left, on a clock that the test winds."""

import threading
from pathlib import Path

import pytest

from tests.bench.fakes import FakeModel, sees_side, sided_items
from workbench.bench.asking.progress import Pace, Progress, duration
from workbench.bench.asking.runner import run_bench


def test_the_rate_leaves_the_first_batch_out() -> None:
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert pace.rate is None and pace.seconds_for(5) is None
    now[0] = 130.0  # 30 s of loading and warming up
    pace.add(16)
    assert pace.rate is None
    now[0] = 140.0
    pace.add(16)
    now[0] = 150.0
    pace.add(4)
    assert pace.rate == pytest.approx(60.0)  # 20 answers in 20 s
    assert pace.seconds_for(7) == pytest.approx(7.0)


def test_a_run_tells_its_own_pace_and_not_that_of_earlier_ones(tmp_path: Path) -> None:
    items, stop, seen = sided_items(tmp_path / "items"), threading.Event(), []

    def progress(step: Progress) -> None:
        seen.append(step)
        if step.done == 4:
            stop.set()

    run_bench(
        items, [FakeModel("a", sees_side)], tmp_path / "out", batch_size=4, progress=progress, stop=stop
    )
    run_bench(items, [FakeModel("a", sees_side)], tmp_path / "out", batch_size=4, progress=progress)
    assert [step.done for step in seen] == [4, 8, 12]
    assert [step.rate is None for step in seen] == [True, True, False]
    assert seen[-1].rate > 0 and seen[-1].seconds_left == 0.0


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3540, "59 min"), (11100, "3 h 05 min")]
)
def test_times_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said
