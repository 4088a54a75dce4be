"""The viewer over time: streaming, states, themes, sizes, saving, and inside Gradio."""

import threading
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.driving import says, watched
from tests.browser.viewer_page import (
    COLUMN,
    GRID,
    KEYS,
    ROW,
    WORDS,
    case_column,
    case_payload,
    packed_maps,
    part,
    pixel,
    show,
    word,
)
from tests.waiting import HANG_SECONDS
from workbench.ui.viewer.component import viewer_html
from workbench.viewer.payload import png_data_url

pytestmark = pytest.mark.browser


def test_streaming_keeps_selection_zoom_focus_and_settings(page: Any) -> None:
    full = case_payload()
    nothing = {"words": [], "steps": [], "answer": None, "maps": None, "options": []}
    show(page, case_payload(columns=[{**full["columns"][1], **nothing, "status": "streaming"}]))
    for count in (2, 5, 8):
        words = full["columns"][1]["words"][:count]
        steps = [s for s in full["columns"][1]["steps"] if s["words"][0] < count]
        growing = [{**full["columns"][1], "status": "streaming", "words": words, "steps": steps}]
        growing[0] |= {"answer": None, "maps": None, "options": []}
        show(page, case_payload(columns=growing))
        if count == 2:
            word(page, 1).click()
            assert "no heat map for this answer yet" in part(page, "reading").inner_text()
            part(page, "zoomIn").click()
            word(page, 1).focus()
    show(page, full)
    assert page.evaluate("viewer.selection") == {"column": "tuned", "kind": "word", "index": 1}
    assert page.evaluate("viewer.stage.zoom") == 1.25
    assert page.evaluate("document.activeElement.textContent") == "opacity"
    assert part(page, "reading").inner_text().startswith("38 % of the evidence")
    show(page, case_payload(case="two"))
    assert page.evaluate("viewer.selection") == {"column": "tuned", "kind": "all", "index": 0}
    assert page.evaluate("viewer.stage.zoom") == 1


def test_states_say_what_to_do(page: Any) -> None:
    show(page, None)
    assert part(page, "empty").inner_text() == "Add an image and ask a question, or pick an example."
    stopped = case_column("base", WORDS, (0, 0), status="cancelled", maps=None)
    failed = case_column("tuned", WORDS, (0, 0), status="failed", message="Out of memory.", maps=None)
    failed |= {"words": [], "steps": [], "answer": None, "options": []}
    show(page, case_payload(columns=[stopped, failed]))
    assert part(page, "empty").is_hidden()
    base, tuned = (page.locator(f"[data-column={key}]") for key in ("base", "tuned"))
    assert "Stopped before the end" in base.inner_text() and "opacity" in base.inner_text()
    assert "Failed" in tuned.inner_text() and "Out of memory." in tuned.inner_text()
    plain = case_column("base", WORDS, (0, 0), steps=[], parse={"status": "no_trace", "rule": "letter"})
    waiting = {**failed, "status": "waiting", "message": "", "text": ""}
    show(page, case_payload(case="two", columns=[plain, waiting]))
    assert "No reasoning given" in base.inner_text() and "gives no reasoning" in base.inner_text()
    assert "Waiting for this model's turn." in tuned.inner_text()
    show(page, case_payload(case="three", image=None))
    assert part(page, "noPicture").inner_text() == "This question was asked without a picture."


def test_refused_map_is_explained_and_not_drawn(page: Any) -> None:
    refused = {"refused": "This model hides its attention.", "hint": "Try occlusion.", "label": "x"}
    show(page, case_payload(columns=[case_column("tuned", WORDS, (0, 0), maps=refused)]))
    text = "No heat map: This model hides its attention. Try occlusion."
    assert part(page, "refused").inner_text() == text
    assert part(page, "legend").is_hidden()
    word(page, 1).click()
    assert {tuple(pixel(page, x, y)) for x in (160, 212) for y in (5, 77, 170)} == {(90, 90, 90)}


def test_a_part_without_a_map_says_so_and_its_neighbours_keep_theirs(page: Any) -> None:
    at = KEYS.index("word:0")
    values = np.zeros((len(KEYS) - 1, GRID * GRID))
    values[KEYS.index("word:1") - 1, ROW * GRID + COLUMN] = 0.2
    maps = packed_maps(values, [0.5] * len(values), keys=[*KEYS[:at], *KEYS[at + 1 :]])
    show(page, case_payload(columns=[case_column("tuned", WORDS, (0, 0), maps=maps)]))
    word(page, 0).click()
    assert part(page, "reading").inner_text().startswith("There is no heat map for this part of the answer.")
    assert pixel(page, 212, 77) == [90, 90, 90]
    word(page, 1).click()
    assert pixel(page, 212, 77) != [90, 90, 90] and "50 %" in part(page, "reading").inner_text()


def test_what_the_model_saw(page: Any) -> None:
    payload = case_payload()
    payload["image"]["seen"] = png_data_url(np.full((40, 40, 3), 200, np.uint8))
    show(page, payload)
    word(page, 1).click()
    part(page, "seen").click()
    assert "another shape" in part(page, "seenBadge").inner_text()
    assert pixel(page, 20, 20) == [200, 200, 200]
    part(page, "seen").click()
    assert part(page, "seenBadge").is_hidden()
    assert pixel(page, 290, 5) == [90, 90, 90]


def test_step_film_plays_from_the_chosen_step(page: Any) -> None:
    show(page, case_payload())
    part(page, "forward").click()
    assert page.evaluate("viewer.selection") == {"column": "tuned", "kind": "step", "index": 0}
    script = "play => { play.click(); return play.textContent; }"  # at once: the film goes on by itself
    assert part(page, "play").evaluate(script) == "Pause"
    page.wait_for_function("document.querySelector('[data-part=filmPlace]').textContent === '3 / 3'")
    page.wait_for_function("document.querySelector('[data-part=play]').textContent === 'Play steps'")


@pytest.mark.parametrize("page", [{"reduced_motion": "reduce"}], indirect=True)
def test_film_does_not_play_when_less_motion_is_wished(page: Any) -> None:
    show(page, case_payload())
    assert part(page, "play").is_disabled()
    assert "less motion" in part(page, "filmNote").inner_text()
    part(page, "forward").click()
    assert page.evaluate("viewer.selection.kind") == "step"


def test_saved_picture_carries_scale_and_notice(page: Any) -> None:
    show(page, case_payload())
    word(page, 1).click()
    page.evaluate("""() => {
        window.drawn = [];
        const plain = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
            drawn.push(text);
            return plain.call(this, text, ...rest);
        };
    }""")
    with page.expect_download() as download:
        part(page, "save").click()
    saved = cv2.imread(str(download.value.path()))
    assert saved.shape[1] == 1200 and saved.shape[0] > 720
    text = " ".join(page.evaluate("drawn"))
    assert "Not a medical device." in text and "not where disease is." in text
    assert "0.2" in text and "share of attention" in text and "Tuned model: the word “opacity”" in text


@pytest.mark.parametrize(
    "page",
    [
        {"viewport": {"width": 360, "height": 740}},
        {"viewport": {"width": 800, "height": 900}},
        {"viewport": {"width": 1400, "height": 900}, "color_scheme": "dark"},
    ],
    indirect=True,
)
def test_no_sideways_scroll_and_readable_contrast(page: Any) -> None:
    tuned = case_column("tuned", ["pneumonoultramicroscopicsilicovolcanoconiosis" * 3] * 8, (ROW, COLUMN))
    show(page, case_payload(columns=[case_column("base", WORDS, (3, 2), status="cancelled"), tuned]))
    word(page, 1).click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for details in page.locator("details").all():
        details.evaluate("node => node.open = true")
    worst = page.evaluate(CONTRAST)
    assert worst["ratio"] >= 4.5, worst


CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const dark = document.querySelector(".wbv").dataset.theme === "dark";
    const ground = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const colour = rgba(getComputedStyle(at).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return dark ? [11, 15, 25] : [255, 255, 255];
    };
    let worst = { ratio: 99 };
    for (const node of document.querySelectorAll(".wbv *")) {
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        if (!own || !node.offsetParent || node.disabled) continue;
        const pair = [light(rgba(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a);
        const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
        if (ratio < worst.ratio) worst = { ratio, text: node.textContent.slice(0, 40), at: node.className };
    }
    return worst;
}"""


def test_dark_class_of_gradio_and_stacking(page: Any) -> None:
    show(page, case_payload())
    root = part(page, "root")
    assert root.get_attribute("data-theme") == "light"
    page.evaluate("document.body.classList.add('dark')")
    page.wait_for_function("document.querySelector('.wbv').dataset.theme === 'dark'")
    base, tuned = (page.locator(f"[data-column={key}]").bounding_box() for key in ("base", "tuned"))
    assert base["y"] == tuned["y"] and base["x"] < tuned["x"]
    page.set_viewport_size({"width": 700, "height": 900})
    base, tuned = (page.locator(f"[data-column={key}]").bounding_box() for key in ("base", "tuned"))
    assert base["x"] == tuned["x"] and base["y"] < tuned["y"]


def test_inside_gradio_a_stream_keeps_the_selection_and_clicks_make_no_request(browser: Any) -> None:
    gr = pytest.importorskip("gradio")
    go_on = threading.Event()

    def answer() -> Iterator[dict[str, Any]]:
        full = case_payload()
        for count in (3, 5):
            tuned = {
                **full["columns"][1],
                "words": full["columns"][1]["words"][:count],
                "status": "streaming",
            }
            tuned |= {"steps": full["columns"][1]["steps"][:1], "answer": None, "options": [], "maps": None}
            yield {**full, "columns": [full["columns"][0], tuned]}
            if count == 3:
                go_on.wait(HANG_SECONDS)
        yield full

    with gr.Blocks() as demo:
        start = gr.Button("Ask", elem_id="ask")
        viewer = viewer_html()
        start.click(answer, None, viewer, show_progress="hidden", api_visibility="private")
        demo.load(lambda: "Ask now", None, start, show_progress="hidden", api_visibility="private")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, footer_links=[], run_history=False)
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    page = watched(context.new_page(), url, [], [])
    try:
        page.goto(url)
        part(page, "empty").wait_for()
        says(page, "#ask", "Ask now")  # it comes from the server: from now on clicks are heard
        page.locator("#ask").click()
        word(page, 2).wait_for()
        word(page, 1).click()
        part(page, "zoomIn").click()
        go_on.set()
        page.wait_for_function("document.querySelector('[data-part=reading]').textContent.startsWith('38 %')")
        node = "document.querySelector('[data-part=root]').closest('[id^=html-]').workbenchViewer"
        assert page.evaluate(f"{node}.stage.zoom") == 1.25
        assert word(page, 1).get_attribute("aria-pressed") == "true"
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        for index in (0, 2, 3):
            word(page, index).click()
        # Requests arrive here in their order: what the clicks ask for would come before this one.
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        page.evaluate("fetch('config?marker')")
        assert [request for request in requests if "marker" not in request] == []
    finally:
        go_on.set()
        context.close()
        demo.close()
