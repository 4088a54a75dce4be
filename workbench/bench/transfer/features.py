"""Features of a model's vision tower: a picture's patches, and their mean, kept in the results folder."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from workbench.bench.asking.run_key import adapter_of, image_budget
from workbench.bench.store.jsonl import JsonLines
from workbench.bench.transfer.probe import LinearProbe
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Question
from workbench.models.families.towers import TowerPatches
from workbench.models.session import LoadedModel

FEATURES_FILE = "features.jsonl"
POOLING = "mean over the patches that show the picture"
PIXELS_SIDE = 16
_CODE = "1"  # raise it with every change to how features are read
_ANY = Question("What does the image show?", mode="short")  # the language model is never run


def tower_patches(model: LoadedModel, image: MedicalImage) -> TowerPatches:
    """The features of every patch that shows a part of the picture; patches of padding are left out.

    Only the vision tower runs. Raises UserFacing for a text-only model and for a family that doesn't say
    where its tower is.
    """
    read = getattr(model.family, "tower", None)
    if not model.takes_image or read is None:
        why = (
            "has no part that looks at pictures"
            if not model.takes_image
            else "is of a family without `tower`"
        )
        raise UserFacing(f"{model.label} {why}, so there is no encoder to look at.", "Choose another model.")
    size = (image.width, image.height)
    with model.lock, torch.inference_mode():
        found = read(model.model, model.prepare(_ANY, image).inputs, size, model.processor)
    shown = (found.boxes[:, 2:] > found.boxes[:, :2]).all(1)
    kept = torch.from_numpy(np.flatnonzero(shown)).to(found.features.device)
    return TowerPatches(found.features[kept].float().cpu(), found.boxes[shown])


def pooled(patches: TowerPatches) -> np.ndarray:
    """The mean over the patches, float64 `[d]`."""
    return patches.features.double().mean(0).numpy()


def pixel_features(image: MedicalImage) -> np.ndarray:
    """The picture itself, shrunk to 16 × 16 colours, float64 `[768]`: a probe without any encoder."""
    small = cv2.resize(image.pixels, (PIXELS_SIDE, PIXELS_SIDE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float64).ravel() / 255


def tower_key(model: LoadedModel) -> str:
    """16 hex digits of what decides a model's features: revision, adapter, number format, picture size."""
    parts = [_CODE, model.revision, adapter_of(model), str(model.dtype), image_budget(model)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def has_revision(model: LoadedModel) -> bool:
    """Whether a model says which weights it has; another one that doesn't may hold others."""
    return model.revision not in ("", "unknown")


def fits(probe: LinearProbe, model: LoadedModel) -> bool:
    """Whether a probe was fitted on just the features that this model makes."""
    return has_revision(model) and probe.tower == tower_key(model)


class FeatureStore:
    """Pooled features of one folder by (key of the model, SHA-256 of the file); a stopped run goes on.

    Features of a model whose revision is unknown are kept for this object only: another commit may hold
    other weights.
    """

    def __init__(self, folder: Path) -> None:
        self._lines = JsonLines(folder / FEATURES_FILE)
        self._known = dict(self._stored())

    def _stored(self) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
        for _, line in self._lines.objects():
            try:
                values = np.frombuffer(base64.b64decode(line["values"], validate=True), np.float32)
                yield (line["model"], line["picture"]), values.astype(np.float64)
            except (KeyError, TypeError, ValueError):
                continue  # made again

    def get(self, key: str, picture: str) -> np.ndarray | None:
        """Features `[d]`, float32 numbers in a float64 array; None where there are none."""
        return self._known.get((key, picture))

    def put(self, key: str, picture: str, values: np.ndarray, keep: bool) -> np.ndarray:
        """Remember features, on disk too if `keep`; returns them as `get` will. Raises OSError."""
        plain = np.ascontiguousarray(values, np.float32)
        self._known[key, picture] = plain.astype(np.float64)
        if keep:
            line = {"model": key, "picture": picture, "values": base64.b64encode(plain.tobytes()).decode()}
            self._lines.append([line])
        return self._known[key, picture]
