"""The encoder's view of one picture: class probabilities, and where the evidence for a class lies."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.bench.transfer.features import fits, tower_patches
from workbench.bench.transfer.probe import LinearProbe, softmax
from workbench.errors import UserFacing
from workbench.explain import HeatMap
from workbench.explain.metrics.fills import fill_picture, without
from workbench.imaging.medical_image import MedicalImage
from workbench.models.session import LoadedModel

REMOVED_SHARE, RANDOM_ORDERS = 0.2, 5
CAVEAT = (
    "What a patch adds to the probe's score is exact; but each patch's feature has read other patches inside "
    "the tower, so the place of the evidence is the token's, not proof of what lies under it."
)


@dataclass(frozen=True)
class RemovalCheck:
    """How the class's probability `before` changes when the strongest fifth of the patches is blurred.

    `strongest` and `random` (the mean over `n` draws of as many patches) are after minus before: a map that
    shows what matters has the lower `strongest`.
    """

    before: float
    strongest: float
    random: float
    n: int

    def __str__(self) -> str:
        return (
            f"Blurring the strongest fifth of the patches changes the probability by {self.strongest:+.3f}, "
            f"blurring as many at random by {self.random:+.3f} (mean of {self.n})."
        )


class EncoderView:
    """One picture as a probe on a model's vision tower sees it.

    >>> # view = EncoderView(model, find_probe("results/transfer", "tuned"), image)
    >>> # view.probabilities, view.explain("effusion")
    """

    def __init__(self, model: LoadedModel, probe: LinearProbe, image: MedicalImage) -> None:
        """Runs the vision tower once. Raises UserFacing for a model that the probe was not fitted on."""
        if not fits(probe, model):
            raise UserFacing(
                f"The probe was fitted on {probe.model!r} at revision {probe.revision!r}, which differs in "
                f"weights, settings or number format from {model.label} at {model.revision!r}.",
                "Run `bench transfer` again with this model.",
            )
        self.model, self.probe, self.image = model, probe, image
        found = tower_patches(model, image)
        self.boxes = found.boxes
        self._patches = found.features.double().numpy()

    @cached_property
    def probabilities(self) -> dict[str, float]:
        """Class → probability, in the probe's order."""
        shares = self.probe.probabilities(self._patches.mean(0)[None])[0]
        return dict(zip(self.probe.classes, shares.tolist(), strict=True))

    @property
    def label(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def explain(self, label: str = "") -> HeatMap:
        """What each patch adds to the score of a class (the most probable one), above the classes' mean.

        Signed; the values and the class's bias add up to its score, whose softmax is `probabilities`. The
        image's share is Σ|values| / (Σ|values| + |bias|). Raises UserFacing for an unknown class.
        """
        label = label or self.label
        number = self._number(label)
        values = self.probe.evidence(self._patches)[:, number]
        bias = float(self.probe.bias[number])
        size = float(np.abs(values).sum())
        meta = {
            "label": f"Encoder evidence for {label!r}",
            "method": "encoder_probe",
            "class": label,
            "probability": self.probabilities[label],
            "bias": bias,
            "note": f"Linear probe on the vision tower of {self.model.name}: {label!r} has probability "
            f"{self.probabilities[label]:.3f}.",
            "caveat": CAVEAT,
        }
        share = size / (size + abs(bias)) if size else 0.0
        return HeatMap(values.astype(np.float32), self.boxes, True, "logit", share, meta, image=self.image)

    def check(self, label: str = "", seed: int = 0) -> RemovalCheck:
        """Measure a map: the strongest fifth of its patches blurred, against as many at random. 6 passes."""
        label = label or self.label
        number, count = self._number(label), len(self.boxes)
        fill = fill_picture(self.image.pixels, "blur")
        removed = max(1, round(REMOVED_SHARE * count))
        order = np.argsort(-self.probe.evidence(self._patches)[:, number], kind="stable")
        rng = np.random.default_rng(seed)
        sets = [order[:removed], *(rng.permutation(count)[:removed] for _ in range(RANDOM_ORDERS))]
        after = []
        for chosen in sets:
            marked = np.isin(np.arange(count), chosen)
            pixels = without(self.image.pixels, fill, self.boxes, marked)
            after.append(self._probability(pixels, number))
        before = self.probabilities[label]
        return RemovalCheck(before, after[0] - before, float(np.mean(after[1:])) - before, RANDOM_ORDERS)

    def _probability(self, pixels: np.ndarray, number: int) -> float:
        image = MedicalImage(pixels, "changed", self.image.source_kind)
        mean = tower_patches(self.model, image).features.double().mean(0).numpy()
        return float(softmax(self.probe.scores(mean[None]))[0, number])

    def _number(self, label: str) -> int:
        if label not in self.probe.classes:
            raise UserFacing(
                f"The probe knows no class {label!r}.", f"It knows: {', '.join(self.probe.classes)}."
            )
        return self.probe.classes.index(label)
