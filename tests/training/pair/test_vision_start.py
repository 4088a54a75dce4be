import numpy as np
import pytest
import torch

from tests.tiny import TEXTS, TINY
from workbench.training.pair.architecture import Size, build_model, train_tokenizer
from workbench.training.pair.corpus import CorpusImage
from workbench.training.pair.targets import image_regions, patch_covers, structure_name
from workbench.training.pair.vision_start import PatchReader, VisionStream, heads_of, take_heads


def test_phantom_targets_say_which_share_of_each_patch_is_covered():
    stream = VisionStream([], Size(), seed=1, pictures=2)
    pixels, covers, known, scene = stream._phantom(np.random.default_rng(0))
    assert pixels.shape == (3, 192, 192)
    assert covers.shape == (144, len(stream.structures))
    assert covers.min() >= 0 and covers.max() <= 1
    assert covers.sum() > 1
    assert known.all()
    assert 0 <= scene < len(stream.scenes)


def test_covers_by_hand():
    mask = np.zeros((8, 8), np.uint8)
    mask[:4, :2] = 1  # half of the upper left quarter
    assert patch_covers({"b": mask}, ["a", "b"], 2)[:, 1].tolist() == [0.5, 0, 0, 0]


def test_boxes_land_on_the_padded_square():
    image = CorpusImage("a", None, "CT", "", 200, 100, (("Liver", (0, 0, 100, 50)),), None, {}, ())
    mask = image_regions(image, 200)["liver"]
    ys, xs = np.nonzero(mask)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (0, 100, 50, 100)


def test_names_are_merged():
    assert structure_name("Left Kidney") == "kidney"
    assert structure_name("Effusion") == "pleural effusion"


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(0)
    return PatchReader(build_model(train_tokenizer(TEXTS, TINY.vocabulary), TINY), 2, 3)


def test_the_loss_ignores_structures_that_are_not_known(reader):
    tokens, known = torch.randn(2, 36, TINY.text_width), torch.tensor([[True, False], [True, False]])
    losses = []
    for value in (0.0, 1.0):
        covers = torch.zeros(2, 36, 2)
        covers[:, :, 1] = value
        losses.append(reader.dense_loss(tokens, covers, known).item())
    assert losses[0] == losses[1]


def test_the_balanced_loss_by_hand(reader):
    # Zero heads give log 2 for every patch, so present and absent structures cost log 2 whatever their size.
    torch.nn.init.zeros_(reader.structure_head.weight)
    torch.nn.init.zeros_(reader.structure_head.bias)
    covers = torch.zeros(1, 36, 2)
    covers[0, 3, 0] = 1
    loss = reader.dense_loss(torch.randn(1, 36, TINY.text_width), covers, torch.tensor([[True, True]]))
    assert loss.item() == pytest.approx(np.log(2), abs=1e-6)


def test_heads_go_on_by_name_and_new_classes_start_fresh(reader):
    saved = heads_of(reader, ["lung", "heart"], ["a", "b", "c"])
    saved["tensors"]["structure_head.bias"] = torch.tensor([1.0, 2.0])
    saved["tensors"]["row_head.bias"] = torch.full_like(reader.row_head.bias, 5.0)
    torch.manual_seed(1)
    wider = PatchReader(build_model(train_tokenizer(TEXTS, TINY.vocabulary), TINY), 3, 1)
    fresh = wider.structure_head.bias[1].item()
    take_heads(wider, saved, ["heart", "nodule", "lung"], ["c"])
    assert wider.structure_head.bias.tolist() == [2.0, fresh, 1.0]
    assert torch.equal(wider.structure_head.weight[2], reader.structure_head.weight[0])
    assert torch.equal(wider.scene_head.weight[0], reader.scene_head.weight[2])
    assert (wider.row_head.bias == 5.0).all()
