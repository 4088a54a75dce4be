"""Infidelity and sensitivity-max of a map, by captum.metrics (Yeh et al., On the (In)fidelity, 2019)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max as captum_sensitivity_max

from workbench.explain.explanations import explain
from workbench.explain.heatmap import Refusal
from workbench.explain.metrics.fills import Fill, fill_picture, removable, without
from workbench.explain.metrics.geometry import check_map
from workbench.explain.metrics.metric import MapUnderTest, Metric, Score
from workbench.explain.metrics.scoring import PictureScore, as_images
from workbench.explain.metrics.trust import unmeasurable
from workbench.explain.sheet import Place

SAMPLES = 24  # random removals of infidelity
REMOVED = (0.05, 0.5)  # share of the patches that a random removal takes, even between these
NOISES = 5  # noisy pictures of sensitivity-max; each is a whole new map
RADIUS = 0.02  # largest change of a pixel, as a fraction of the grey range: captum's default


@dataclass(frozen=True)
class Infidelity:
    """`value` in nats²; `unexplained` the share of the squared effects it leaves (None when no removal had
    any effect); `n` random removals."""

    value: float
    unexplained: float | None
    n: int


def infidelity(
    score: PictureScore,
    picture: np.ndarray,
    values: np.ndarray,
    boxes: np.ndarray,
    *,
    samples: int = SAMPLES,
    fill: Fill = "blur",
    seed: int = 0,
    places: Sequence[Place] | None = None,
) -> Infidelity:
    """E[(β Σ_removed φ − (f(x) − f(x without removed)))²] with the best β, over random removals.

    `values` `[P]`, `boxes` `[P, 4]`, `picture` uint8 `[H, W, 3]`, which may be a sheet with several pictures
    at `places`. β (captum's `normalize`) makes maps of different units comparable; a negative one would turn
    a map round, so such a map counts as saying nothing. Raises ValueError for fewer than two patches in the
    picture.
    """
    check_map(values, boxes)
    there = removable(boxes, (picture.shape[1], picture.shape[0]))
    if len(there) < 2:
        raise ValueError("want at least two patches in the picture")
    filled = fill_picture(picture, fill, places)
    generator = np.random.default_rng(seed)
    drawn = torch.from_numpy(random_removals(len(there), samples, generator)).double()

    def forward(kept: torch.Tensor) -> torch.Tensor:
        changed = []
        for row in kept.numpy() < 0.5:
            removed = np.zeros(len(values), bool)
            removed[there[row]] = True
            changed.append(without(picture, filled, boxes, removed))
        return torch.from_numpy(np.asarray(score(changed), np.float64))

    # captum may ask in batches; the iterator hands out each drawn removal once.
    rows = iter(drawn)

    def remove(whole: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        taken = torch.stack([next(rows) for _ in whole])
        return taken, whole - taken

    whole = torch.ones(1, len(there), dtype=torch.float64)
    attributed = torch.from_numpy(values[there].astype(np.float64))[None]
    found = captum_infidelity(forward, remove, whole, attributed, n_perturb_samples=samples, normalize=True)
    effects = (forward(whole) - forward(1 - drawn)).numpy()
    at_most = float((effects**2).mean())
    foretold = (drawn.numpy() * attributed.numpy()).sum(1)
    value = at_most if foretold @ effects <= 0 else max(0.0, float(found))
    return Infidelity(value, value / at_most if at_most > 0 else None, samples)


def random_removals(patches: int, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Random sets of patches, 1.0 where removed, float64 `[samples, patches]`; never none and never all."""
    out = np.zeros((samples, patches))
    for row, share in zip(out, generator.uniform(*REMOVED, samples), strict=True):
        count = min(patches - 1, max(1, round(share * patches)))
        row[generator.permutation(patches)[:count]] = 1
    return out


@dataclass(frozen=True)
class Sensitivity:
    """The largest relative change of the map over `n` noisy pictures."""

    value: float
    n: int


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def sensitivity_max(
    explain_picture: Callable[[np.ndarray], np.ndarray | Refusal],
    picture: np.ndarray,
    *,
    noises: int = NOISES,
    radius: float = RADIUS,
    seed: int = 0,
) -> Sensitivity | Refusal:
    """max over noise δ, |δ| ≤ `radius` of the grey range, of ‖φ(x + δ) − φ(x)‖ / ‖φ(x)‖.

    `explain_picture` makes the map `[P]` of a picture uint8 `[H, W, 3]`; it runs `noises` + 1 times. The
    first refusal is handed on.
    """
    generator = torch.Generator().manual_seed(seed)

    # A tuple: captum 0.9.0 takes the rows of a bare tensor for explanations of their own.
    def explained(pictures: Any) -> tuple[torch.Tensor, ...]:
        (batch,) = pictures if isinstance(pictures, tuple) else (pictures,)
        return (torch.stack([_as_map(explain_picture(_as_picture(one))) for one in batch]),)

    def shaken(pictures: Any, reach: float) -> tuple[torch.Tensor, ...]:
        (batch,) = pictures if isinstance(pictures, tuple) else (pictures,)
        noise = torch.rand(batch.shape, generator=generator, dtype=batch.dtype) * 2 - 1
        return ((batch + reach * noise).clamp(0, 1),)

    whole = torch.from_numpy(picture.astype(np.float64) / 255)[None]
    try:
        found = captum_sensitivity_max(
            explained, whole, shaken, perturb_radius=radius, n_perturb_samples=noises,
            max_examples_per_batch=1,
        )  # fmt: skip
    except _Refused as refused:
        return refused.refusal
    return Sensitivity(float(found.max()), noises)


def _as_picture(one: torch.Tensor) -> np.ndarray:
    return (one * 255).round().to(torch.uint8).numpy()


def _as_map(found: np.ndarray | Refusal) -> torch.Tensor:
    if isinstance(found, Refusal):
        raise _Refused(found)
    return torch.from_numpy(np.asarray(found, np.float64))


def measured_infidelity(test: MapUnderTest) -> Infidelity | Refusal:
    """Infidelity of the map, measured once."""
    if refused := unmeasurable(test):
        return refused
    sheet, values = test.case.sheet, test.heat.values
    return test.once(
        "infidelity",
        lambda: infidelity(test.score, sheet.pixels, values, test.boxes, seed=test.seed, places=sheet.places),
    )


def _infidelity(test: MapUnderTest) -> Score | Refusal:
    found = measured_infidelity(test)
    return found if isinstance(found, Refusal) else Score(found.value, found.n)


def _unexplained(test: MapUnderTest) -> Score | Refusal:
    found = measured_infidelity(test)
    return found if isinstance(found, Refusal) else Score(found.unexplained, found.n, {"saying nothing": 1.0})


def _sensitivity(test: MapUnderTest) -> Score | Refusal:
    if refused := unmeasurable(test):
        return refused
    case = test.case

    def explained(pixels: np.ndarray) -> np.ndarray | Refusal:
        images = as_images(pixels, case)
        other = replace(case, images=images, prompt=case.model.prepare(case.question, images))
        found = explain(other, test.span, test.method, test.params, stop=test.stop)
        return found if isinstance(found, Refusal) else found.values

    found = sensitivity_max(explained, case.sheet.pixels, seed=test.seed)
    return found if isinstance(found, Refusal) else Score(found.value, found.n)


REMOVALS = f"{2 * SAMPLES + 1} pictures through the model"
ROBUSTNESS = (
    Metric(
        "infidelity", "Infidelity", "How far the map's sum over removed patches is from what their removal "
        "really costs: mean squared error, the map scaled as well as can be.", "lower", 0.0, np.inf, "nats²",
        _infidelity, n="random removals", cost=REMOVALS,
    ),
    Metric(
        "unexplained", "Unexplained share", "Infidelity over the mean squared cost of those removals: 0 when "
        "the map foretells every one, 1 when it is no better than saying that nothing matters.", "lower", 0.0,
        1.0, "share", _unexplained, n="random removals", controls=("saying nothing",), cost=REMOVALS,
    ),
    Metric(
        "sensitivity_max", "Sensitivity-max", "Largest change of the map, relative to its size, when the "
        "picture gets a noise that hardly shows.", "lower", 0.0, np.inf, "share", _sensitivity, "robustness",
        "noisy pictures", cost=f"{NOISES + 1} maps", remakes_maps=True,
    ),
)  # fmt: skip
