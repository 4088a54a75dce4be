"""Patch boxes in original pixels through padding, squashing and cropping."""

import numpy as np
import pytest
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from workbench.models.families.geometry import grid_boxes, placement

PATCH, SIDE = 8, 48
PROCESSORS = {
    "pad": LlavaImageProcessorPil(
        do_pad=True, size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ),
    "squash": SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}),
    "crop": CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}),
}


def test_padded_wide_picture_by_hand():
    # 300 x 180 pads to 300 x 300 with 60 rows above; scale 48/300, so a patch covers 50 x 50 pixels.
    place = placement(PROCESSORS["pad"], 300, 180)
    boxes = grid_boxes(place, 6, 6, PATCH, 300, 180)
    assert boxes[0].tolist() == [0, 0, 50, 0]  # y -60..-10: wholly padding, empty after clipping
    assert np.allclose(boxes[6], [0, 0, 50, 40])  # y -10..40, clipped to the picture
    assert np.allclose(boxes[14], [100, 40, 150, 90])
    assert np.allclose(boxes[35], [250, 180, 300, 180])


def test_squashed_picture_by_hand():
    boxes = grid_boxes(placement(PROCESSORS["squash"], 120, 60), 6, 6, PATCH, 120, 60)
    assert np.allclose(boxes[7], [20, 10, 40, 20])


def test_cropped_wide_picture_by_hand():
    # 120 x 60 scales to 96 x 48, then 24 columns go on each side: the crop shows x 30..90.
    boxes = grid_boxes(placement(PROCESSORS["crop"], 120, 60), 6, 6, PATCH, 120, 60)
    assert np.allclose(boxes[0], [30, 0, 40, 10])
    assert np.allclose(boxes[5], [80, 0, 90, 10])


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize(("width", "height"), [(48, 48), (300, 180), (90, 260), (211, 97)])
def test_painted_patch_arrives_where_its_box_says(name, width, height):
    processor = PROCESSORS[name]
    boxes = grid_boxes(placement(processor, width, height), 6, 6, PATCH, width, height)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    whole = np.flatnonzero(areas > 0.9 * areas.max())
    black = np.zeros((height, width, 3), np.uint8)
    dark = processor(images=black, return_tensors="np")["pixel_values"][0]
    for index in whole[:: max(1, len(whole) // 6)]:
        painted = black.copy()
        x0, y0, x1, y1 = np.round(boxes[index]).astype(int)
        painted[y0:y1, x0:x1] = 255
        change = np.abs(processor(images=painted, return_tensors="np")["pixel_values"][0] - dark).sum(0)
        energy = change.reshape(6, PATCH, 6, PATCH).sum((1, 3)).ravel()
        assert energy.argmax() == index
        assert energy[index] > 0.6 * energy.sum()
