"""One run: labelled pictures, each model's features of them, a probe on each, all tested alike."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.store.jsonl import JsonLines
from workbench.bench.transfer.features import (
    FeatureStore,
    fits,
    has_revision,
    pixel_features,
    pooled,
    tower_key,
    tower_patches,
)
from workbench.bench.transfer.pictures import TEST, BadPicture, Labelled, PictureSet, read_pictures
from workbench.bench.transfer.probe import LinearProbe, fit_probe
from workbench.bench.transfer.report import PIXELS, Tested, build_transfer, load_transfer, write_transfer
from workbench.bench.transfer.split import TEST_SHARE, side_to_test
from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.models.session import LoadedModel

PREDICTIONS_FILE = "predictions.jsonl"


@dataclass(frozen=True)
class TransferProgress:
    """`done` of `total` pictures have the features of every model."""

    done: int
    total: int


def run_transfer(
    source: str | Path,
    models: Sequence[LoadedModel],
    out: str | Path,
    *,
    test_share: float = TEST_SHARE,
    seed: int = 0,
    progress: Callable[[TransferProgress], None] | None = None,
) -> dict[str, Any]:
    """Probe the vision towers of `models` on labelled pictures and write the report to the folder `out`.

    `source` is what `read_pictures` takes. The pictures are split by group, once for all models, unless the
    source names the split. Features stay in `out`, so that a run that was stopped, or that another model
    joins, reads only what is missing. Returns the report, as `load_transfer` gives it. Raises UserFacing.
    """
    if not models:
        raise UserFacing("There is no model to probe.", "Name one or several.")
    folder = Path(out)
    found = read_pictures(source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pictures, features, bad = _features(found, models, FeatureStore(folder), progress)
    except OSError as error:
        raise UserFacing(
            f"The folder {folder.name!r} can't be written ({error.strerror}).",
            "Choose a folder you may write to.",
        ) from error
    pictures, tested, remarks = _sides(
        replace(found, pictures=pictures, bad=(*found.bad, *bad)), test_share, seed
    )
    kept = [number for number, picture in enumerate(pictures) if picture is not None]
    chosen = [picture for picture in pictures if picture is not None]
    side = tested[kept]
    columns = [
        _probe(about, [values[number] for number in kept], chosen, side)
        for about, values in zip(_names(models), features, strict=True)
    ]
    report = build_transfer(
        replace(found, pictures=tuple(chosen), bad=(*found.bad, *bad)), columns, side, remarks,
        seed=seed, test_share=None if found.has_split else test_share,
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
    )  # fmt: skip
    _keep(folder, report, columns, [picture for picture, test in zip(chosen, side, strict=True) if test])
    return report


def _names(models: Sequence[LoadedModel]) -> list[dict[str, str]]:
    """What names every column: models of one name are numbered; the picture itself comes last."""
    names: list[dict[str, str]] = []
    for number, model in enumerate(models):
        same = sum(other.name == model.name for other in models[:number])
        name = f"{model.name} #{same + 1}" if same else model.name
        names.append({"model": name, "revision": model.revision, "tower": tower_key(model)})
    return [*names, {"model": PIXELS}]


def _features(
    found: PictureSet,
    models: Sequence[LoadedModel],
    store: FeatureStore,
    progress: Callable[[TransferProgress], None] | None,
) -> tuple[tuple[Labelled, ...], list[list[np.ndarray]], list[BadPicture]]:
    """Pictures that every model could read, features a column and picture, and the pictures that were not."""
    readers: list[tuple[str, bool, Callable[[Any], np.ndarray]]] = []
    for number, model in enumerate(models):
        known = has_revision(model)
        # Two models of unknown revision may hold other weights.
        readers.append((tower_key(model) if known else f"unknown {number}", known, _reader(model)))
    readers.append((PIXELS, True, pixel_features))
    good, bad = [], []
    columns: list[list[np.ndarray]] = [[] for _ in readers]
    for done, picture in enumerate(found.pictures, 1):
        try:
            row = _row(picture, readers, store)
        except UserFacing as fault:
            bad.append(BadPicture(picture.path.name, fault.message.rstrip(".")))
        else:
            good.append(picture)
            for column, values in zip(columns, row, strict=True):
                column.append(values)
        if progress is not None:
            progress(TransferProgress(done, len(found.pictures)))
    return tuple(good), columns, bad


def _reader(model: LoadedModel) -> Callable[[Any], np.ndarray]:
    return lambda image: pooled(tower_patches(model, image))


def _row(
    picture: Labelled, readers: Sequence[tuple[str, bool, Callable[[Any], np.ndarray]]], store: FeatureStore
) -> list[np.ndarray]:
    """Features of one picture in every column; decoded only where one is missing. Raises UserFacing."""
    known = [store.get(key, picture.digest) for key, _, _ in readers]
    if any(values is None for values in known):
        image = load_image(picture.path)
        for number, (key, keep, read) in enumerate(readers):
            if known[number] is None:
                try:
                    values = read(image)
                except ValueError as error:  # such as a picture a thousand times as wide as high
                    raise UserFacing("The model's processor can't take a picture of this shape.") from error
                known[number] = store.put(key, picture.digest, values, keep)
    return [values for values in known if values is not None]


def _sides(found: PictureSet, share: float, seed: int) -> tuple[list[Labelled | None], np.ndarray, list[str]]:
    """The pictures (None where their class can't be learnt), which are tested on, and what to say of it."""
    pictures, remarks = list(found.pictures), []
    if not pictures:
        raise UserFacing("None of the pictures can be read.", "Check the files.")
    labels, groups = [picture.label for picture in pictures], [picture.group for picture in pictures]
    if found.has_split:
        tested = np.array([picture.split == TEST for picture in pictures], bool)
    else:
        tested = side_to_test(labels, groups, share, seed)
    learnt = Counter(label for label, test in zip(labels, tested, strict=True) if not test)
    missing = sorted(set(labels) - set(learnt))
    for label in missing:
        remarks.append(
            f"Class {label!r} has no training picture and is left out ({labels.count(label)} pictures)."
        )
    if len(learnt) < 2 or not any(t and label in learnt for label, t in zip(labels, tested, strict=True)):
        raise UserFacing(
            "There are fewer than two classes to learn, or no picture to test on.",
            "Give more pictures a class; a class needs one group to learn from and one to test on.",
        )
    both = {g for g, t in zip(groups, tested, strict=True) if t} & {
        g for g, t in zip(groups, tested, strict=True) if not t
    }
    if both:
        remarks.append(
            f"{len(both)} groups have pictures on both sides of the given split: the figures are too good."
        )
    return [None if picture.label in missing else picture for picture in pictures], tested, remarks


def _probe(
    about: dict[str, str], features: Sequence[np.ndarray], pictures: Sequence[Labelled], tested: np.ndarray
) -> Tested:
    """The fitted probe of one column and what it says of the test pictures."""
    values, train = np.stack(features), np.flatnonzero(~tested)
    labels, groups = ([getattr(pictures[at], name) for at in train] for name in ("label", "group"))
    probe = replace(fit_probe(values[train], labels, groups), **about)
    return Tested(probe, probe.probabilities(values[tested]))


def _keep(
    folder: Path, report: dict[str, Any], columns: Sequence[Tested], pictures: Sequence[Labelled]
) -> None:
    """The report, the probes and the predictions; a picture is named by its file's hash."""
    for number, column in enumerate(columns):
        if column.probe.model != PIXELS:
            column.probe.save(folder / f"probe-{number}.npz")
    path = folder / PREDICTIONS_FILE
    path.unlink(missing_ok=True)
    JsonLines(path).append(
        {
            "picture": picture.digest, "gold": picture.label,
            "probabilities": {
                column.probe.model: dict(
                    zip(column.probe.classes, column.probabilities[row].round(6).tolist(), strict=True)
                )
                for column in columns
            },
        }
        for row, picture in enumerate(pictures)
    )  # fmt: skip
    write_transfer(folder, report)


def find_probe(folder: str | Path, model: LoadedModel) -> LinearProbe:
    """The probe that a run kept of a model, found by what decides its features. Raises UserFacing."""
    names = [name for name in load_transfer(folder)["models"] if name != PIXELS]
    probes = [LinearProbe.load(Path(folder) / f"probe-{number}.npz") for number in range(len(names))]
    fitting = [probe for probe in probes if fits(probe, model)]
    if not fitting:
        raise UserFacing(
            f"This run has no probe of {model.label} as it is loaded here.",
            f"It has probes of {', '.join(names)}; run `bench transfer` with this model to add one.",
        )
    return fitting[0]
