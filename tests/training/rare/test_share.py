"""The mixture's share of rare findings reaches the batches, with dense targets and evidence."""

import numpy as np

from workbench.phantoms.rare import RARE
from workbench.training.pair.architecture import Size
from workbench.training.pair.stream import BatchStream, Mixture
from workbench.training.pair.targets import PHANTOM_REGIONS, class_names, evidence_patches, patch_covers


def stream(mixture: Mixture) -> BatchStream:
    made = BatchStream.__new__(BatchStream)
    made.images, made.size, made.mixture, made.photographs = [], Size(), mixture, []
    made.structures, _ = class_names([])
    made.kind_weights = np.full(len(mixture.kinds), 1 / len(mixture.kinds))
    return made


def rare_pictures(share: float, draws: int = 60) -> int:
    source = stream(Mixture(rare=share))
    shown = [source._drawn(np.random.default_rng([5, n])) for n in range(draws)]
    return sum(any(name in one.regions for name in RARE) for one in shown)


def test_share_decides_how_many_pictures_are_rare() -> None:
    assert rare_pictures(0.0) == 0
    assert rare_pictures(1.0, 6) == 6
    assert 8 <= rare_pictures(0.3) <= 28


def test_every_rare_finding_has_a_dense_target_and_evidence() -> None:
    assert set(RARE) <= set(PHANTOM_REGIONS)
    source = stream(Mixture(rare=1.0))
    for n in range(6):
        shown = source._drawn(np.random.default_rng([6, n]))
        covers = patch_covers(shown.regions, source.structures, source.size.grid)
        for sample in shown.samples:
            assert evidence_patches(covers, source.structures, sample.evidence)
