"""A map as text, picture and HTML."""

import cv2
import numpy as np

from workbench.explain import HeatMap, Refusal, Span, map_html, map_png, map_text
from workbench.imaging import MedicalImage

BOXES = np.array([[0, 0, 10, 20], [10, 0, 20, 20]], np.float32)
IMAGE = MedicalImage(np.full((20, 20, 3), 40, np.uint8), "test", "array")
SPAN = Span("answer", "<b>left</b>", (3,))


def heat(image: MedicalImage | None = IMAGE) -> HeatMap:
    meta = {"label": "Occlusion", "caveat": "Twice hides."}
    return HeatMap(np.array([0.25, -0.5], np.float32), BOXES, True, "nats", 0.4, meta, SPAN, image)


def test_the_text_names_span_share_and_the_strongest_place() -> None:
    first, second, third = map_text(heat()).split("\n")
    assert first == "Occlusion of '<b>left</b>': 40% of the evidence came from the image."
    assert second == "Strongest of 2 patches: -0.5 nats at x 10 to 20, y 0 to 20."
    assert third == "Twice hides." and repr(heat()) == map_text(heat())


def test_the_picture_is_the_map_over_the_image() -> None:
    pixels = cv2.imdecode(np.frombuffer(map_png(heat()), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape[0] >= 20 and heat()._repr_png_() == map_png(heat())
    assert map_png(heat(image=None)) is None


def test_text_of_a_model_is_escaped() -> None:
    page = map_html(heat())
    assert "&lt;b&gt;left" in page and "<b>" not in page and "data:image/png;base64," in page
    assert "<img" not in map_html(heat(image=None))


def test_a_refusal_is_a_sentence() -> None:
    assert str(Refusal("No image.", "Add one.")) == "No map: No image. Add one."
