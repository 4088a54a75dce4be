"""Image tokens that show nothing of the picture are never called its strongest patch."""

import numpy as np
import pytest

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import EVERY, make
from tests.tiny import picture
from workbench.commands.explain_text import map_text as terminal_text
from workbench.explain import HeatMap
from workbench.explain.display import map_text
from workbench.explain.patch_grid import strongest_patches, visible


def test_by_hand():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 0, 0], [4, 0, 8, 4], [8, 0, 8, 4]], np.float32)
    values = np.array([1.0, 9.0, -3.0, 7.0])
    assert strongest_patches(values, boxes, 5).tolist() == [2, 0]
    assert strongest_patches(values, boxes, 1).tolist() == [2]
    assert strongest_patches(np.zeros(0), np.zeros((0, 4)), 3).tolist() == []


@pytest.mark.parametrize("kind", EVERY)
def test_every_family(kind, tmp_path):
    """Each family's own boxes, with the largest values on those that show nothing."""
    boxes = make(kind, tmp_path / "model").prepare(tiny.ASK, picture(90, 50)).boxes
    shown = visible(boxes)
    values = np.where(shown, np.linspace(0.1, 1, len(boxes)), 50.0)
    heat = HeatMap(values, boxes, False, "share", 0.5, {}, None, None)
    record = {
        "values": values.tolist(), "boxes": boxes.tolist(), "refused": None, "method": "m",
        "image_share": 0.5, "meta": {"unit": "share"}, "pictures": [{}], "picture_of": [0] * len(boxes),
    }  # fmt: skip
    for said in (map_text(heat), terminal_text(record, "answer", ())):
        assert "+50" not in said
        assert f"{values[shown].max():+.4g} " in said
    if kind in ("llava_next", "llava_onevision"):
        assert not shown.all()
