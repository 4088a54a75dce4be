"""A small page with the viewer on it, payloads to feed it, and ways to look at what it drew."""

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from workbench.ui.viewer.component import viewer_asset, viewer_script
from workbench.ui.viewer.payload import png_data_url, quantise

WIDTH, HEIGHT, GRID, CELL, ABOVE = 300, 180, 12, 25, 60
ROW, COLUMN = 5, 8  # the planted patch: x 200..225, y 65..90 of the picture
KEYS = (*(f"word:{n}" for n in range(8)), *(f"step:{n}" for n in range(3)), "answer", "all")
HOSTILE = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script>"


def padded_boxes() -> np.ndarray:
    """A wide picture padded to a square of 12 × 12 patches: the rows above and below it are empty."""
    boxes = []
    for row in range(GRID):
        top, bottom = (np.clip((row + k) * CELL - ABOVE, 0, HEIGHT) for k in (0, 1))
        boxes += [[column * CELL, top, (column + 1) * CELL, bottom] for column in range(GRID)]
    return np.array(boxes, dtype=np.float32)


def grey_picture() -> np.ndarray:
    pixels = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    pixels[:, : WIDTH // 2] = 60
    return pixels


def packed_maps(
    values: np.ndarray, share: list[float], signed: bool = False, keys: Sequence[str] = KEYS
) -> dict[str, Any]:
    """Maps of the parts of `case_column`'s answer that `keys` names, a row each."""
    codes, peaks = quantise(values, signed)
    return {
        "method": "attention_mean",
        "label": "Mean attention",
        "unit": "share of attention",
        "signed": signed,
        "caveat": "Attention shows where the model read, not why.",
        "boxes": padded_boxes().tolist(),
        "keys": list(keys),
        "q": base64.b64encode(codes).decode(),
        "peak": peaks,
        "share": share,
    }


def case_column(key: str, words: list[str], at: tuple[int, int], **changes: Any) -> dict[str, Any]:
    """Eight words: step 1 (perception) 0-2, step 2 (knowledge) 3-4, step 3 (rationale) 5-6, answer 7."""
    values = np.zeros((len(words) + 3 + 2, GRID * GRID))
    values[1, at[0] * GRID + at[1]] = 0.2  # the second word looks at the planted patch alone
    values[2, 2 * GRID] = 0.1
    values[3] = 0.01
    values[len(words) :, at[0] * GRID + at[1]] = 0.1
    share = [0.0, 0.38, 0.2, 0.1, 0.0, 0.0, 0.05, 0.12, 0.31, 0.05, 0.03, 0.12, 0.15]
    column = {
        "key": key,
        "title": {"base": "Base model", "tuned": "Tuned model"}[key],
        "subtitle": "revision 3f2a · cpu · float32",
        "status": "done",
        "message": "",
        "modality": "X-ray",
        "parse": {"status": "ok", "rule": "answer_tag"},
        "text": " ".join(words),
        "words": [
            {"text": text, "glue": " ", "lp": -0.1, "step": None, "answer": n == 7}
            for n, text in enumerate(words)
        ],
        "steps": [
            {"axis": "perception", "words": [0, 3]},
            {"axis": "knowledge", "words": [3, 5]},
            {"axis": "rationale", "words": [5, 7]},
        ],
        "answer": {"text": words[7], "letter": "B", "words": [7, 8]},
        "options": [
            {"letter": "A", "text": "Normal", "p": 0.29},
            {"letter": "B", "text": "Opaque", "p": 0.71},
        ],
        "maps": packed_maps(values, share),
    }
    return {**column, **changes}


WORDS = ["An", "opacity", "below.", "Fluid", "layers.", "Hence", "B.", "Opaque"]


def case_payload(case: str = "one", **changes: Any) -> dict[str, Any]:
    image = {
        "src": png_data_url(grey_picture()),
        "width": WIDTH,
        "height": HEIGHT,
        "alt": "Chest X-ray",
        "seen": None,
        "notes": ["Windowed as stored."],
    }
    columns = [case_column("base", WORDS, (3, 2)), case_column("tuned", WORDS, (ROW, COLUMN))]
    return {"case": case, "image": image, "scale_note": "", "columns": columns, **changes}


def page_text() -> bytes:
    """A bare page that runs the component's own files, without Gradio."""
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' "
        "content='width=device-width, initial-scale=1'><title>Viewer</title><link rel='icon' href='data:,'>"
        f"<body style='margin:8px'><main id='host'>{viewer_asset('template.html')}</main><script>"
        f"{viewer_script()}\nwindow.sent = [];\n"
        "window.viewer = createViewer(document.getElementById('host'), (...event) => sent.push(event));"
        "</script></body></html>"
    ).encode()


def show(page: Any, payload: dict[str, Any] | None) -> None:
    page.evaluate("payload => viewer.update(payload)", payload)
    if payload and payload["image"]:
        page.wait_for_function("viewer.stage.picture !== null")


def word(page: Any, index: int, column: str = "tuned") -> Any:
    return page.locator(f"[data-column={column}] [data-word='{index}']")


def part(page: Any, name: str) -> Any:
    return page.locator(f"[data-part={name}]")


def pixel(page: Any, x: float, y: float) -> list[int]:
    """Colour of the canvas at a place of the picture."""
    script = """([x, y]) => {
        const canvas = document.querySelector("canvas"), [sx, sy] = viewer.stage.toScreen(x, y);
        const dots = canvas.width / canvas.clientWidth;
        const at = [Math.round(sx * dots), Math.round(sy * dots)];
        return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
    }"""
    return page.evaluate(script, [x, y])


def viridis(t: float) -> np.ndarray:
    code = np.array([[round(255 * t)]], dtype=np.uint8)
    return cv2.applyColorMap(code, cv2.COLORMAP_VIRIDIS)[0, 0, ::-1].astype(float)
