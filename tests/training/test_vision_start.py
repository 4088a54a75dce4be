import numpy as np
import torch

from workbench.training.architecture import Size
from workbench.training.corpus import CorpusImage
from workbench.training.vision_start import VisionStream, _regions, structure_name


def test_phantom_targets_say_which_share_of_each_patch_is_covered():
    stream = VisionStream([], Size(), seed=1, pictures=2)
    pixels, covers, known, scene = stream._phantom(np.random.default_rng(0))
    assert pixels.shape == (3, 192, 192)
    assert covers.shape == (144, len(stream.structures))
    assert 0 <= covers.min() and covers.max() <= 1
    assert covers.sum() > 1
    assert known.all()
    assert 0 <= scene < len(stream.scenes)


def test_boxes_land_on_the_padded_square():
    image = CorpusImage("a", None, "CT", "", 200, 100, (("Liver", (0, 0, 100, 50)),), None, {}, ())
    mask = _regions(image, 200)["liver"]
    ys, xs = np.nonzero(mask)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (0, 100, 50, 100)


def test_names_are_merged():
    assert structure_name("Left Kidney") == "kidney"
    assert structure_name("Effusion") == "pleural effusion"


def test_the_loss_ignores_structures_that_are_not_known():
    from tests.tiny import TEXTS, TINY

    from workbench.training.architecture import build_model, train_tokenizer
    from workbench.training.vision_start import PatchReader, VisionBatch

    model = build_model(train_tokenizer(TEXTS, TINY.vocabulary), TINY)
    reader = PatchReader(model, 2, 3)
    pixels, scene = torch.randn(2, 3, 48, 48), torch.tensor([0, 1])
    known = torch.tensor([[True, False], [True, False]])
    losses = []
    for value in (0.0, 1.0):
        covers = torch.zeros(2, 36, 2)
        covers[:, :, 1] = value
        losses.append(reader.loss(VisionBatch(pixels, covers, known, scene)).item())
    assert losses[0] == losses[1]
