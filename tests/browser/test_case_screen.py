"""The Case tab in a real browser, with stand-in models: states, odd input, hostile text, keyboard, phone."""

import json
import struct
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.driving import (
    READY,
    answered,
    ask,
    fake_page,
    go_to,
    holds,
    models_page,
    never_wider_than_the_window,
    pick,
    says,
    status,
    tick,
)
from tests.tiny import planted_text_model
from tests.ui.running import APP, ROOT, running_page

pytestmark = pytest.mark.browser

SENTENCE = ".wb-notice"
CONTRAST = """() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const rgba = parse(getComputedStyle(node).backgroundColor);
      if (rgba.length < 4 || rgba[3] === 1) return rgba.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const poor = [];
  const places = ["#page-header", "#case-gallery", "#case-chips", "#case-status"];
  for (const node of document.querySelectorAll(places.map((place) => place + " *").join())) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.offsetParent) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([node.textContent.slice(0, 40), ratio]);
  }
  return poor;
}"""


def upload(page: Any, path: Path) -> None:
    page.set_input_files("#case-file input[type=file]", str(path))


def test_the_main_job_with_an_example(plain: str, visit: Any) -> None:
    page = visit(plain)
    assert "Not a medical device" in page.inner_text("#page-header")
    assert page.locator(".wb-model").count() == 2
    pick(page)
    assert page.input_value("#case-question textarea") != ""
    ask(page)
    status(page, "Finished.")
    for key in ("base", "tuned"):
        column = page.locator(f"[data-column={key}]")
        assert column.locator("[data-step]").count() == 3
        assert "nodule" in column.inner_text()
    column.locator("[data-step]").nth(1).click()
    says(page, "#viewer", "40 % of the evidence")
    says(page, "[data-column=tuned] .wbv-reward summary", "Composite reward")
    column.locator(".wbv-reward summary").click()
    says(page, "[data-column=tuned] .wbv-reward", "stand-in")


def test_the_main_job_with_app_py_and_the_shipped_pair(visit: Any, tmp_path: Path) -> None:
    """The one test of the page as people start it; the others save the start of Python."""
    (tmp_path / "uploads").mkdir()
    with running_page(APP, tmp_path / "uploads") as address:
        page = visit(address)
        answered(page)
        tuned = page.locator("[data-column=tuned]")
        assert tuned.locator("[data-step]").count() >= 1
        says(page, "[data-column=tuned]", "from the image")
        page.locator("#case-bar input").first.click()
        page.get_by_role("option", name="Direct logit", exact=False).click()
        says(page, "#viewer", "logit attribution")


def test_another_method_and_its_settings(plain: str, visit: Any) -> None:
    page = visit(plain)
    answered(page)
    page.locator("#case-bar input").first.click()
    page.get_by_role("option", name="one head", exact=False).click()
    page.wait_for_selector("#case-bar input[type=number]:visible")
    layer = page.locator("#case-bar input[type=number]:visible").first
    layer.fill("2")
    says(page, "#viewer", "layer 2, head 0")


def test_asking_without_a_picture_or_a_question_says_so_and_the_page_goes_on(plain: str, visit: Any) -> None:
    page = visit(plain)
    ask(page)
    says(page, SENTENCE, "no picture yet")
    pick(page)
    page.fill("#case-question textarea", "   ")
    ask(page)
    says(page, SENTENCE, "question is empty")
    page.fill("#case-question textarea", "x" * 10_000)
    ask(page)
    says(page, SENTENCE, "10,000 characters")
    page.locator("#case-chips button").first.click()
    page.wait_for_function("document.querySelector('#case-question textarea').value.length < 200")
    ask(page)
    status(page, "Finished.")
    page.locator(SENTENCE).wait_for(state="detached")


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_bad_files_give_one_sentence_and_leave_nothing_behind(
    plain: str, visit: Any, uploads: Path, tmp_path: Path
) -> None:
    bad = {
        "text.png": b"this is not a picture",
        "huge.png": png_header(30_000, 30_000),
        "page.html": b"<script>document.title='pwned'</script>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "empty.png": b"",
        "cut.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
        "noextension": b"\x00" * 300,
    }
    page = visit(plain)
    said = set()
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        pick(page)
        upload(page, tmp_path / name)
        sentence = page.locator(SENTENCE)
        sentence.wait_for()
        assert sentence.count() == 1 and len(sentence.inner_text()) > 20, name
        assert "reference" not in sentence.inner_text(), (name, sentence.inner_text())
        said.add(sentence.inner_text())
    assert len(said) >= 2
    ask(page)
    status(page, "Finished.")
    assert [file for file in uploads.rglob("*") if file.is_file()] == []


def test_an_upload_is_shown_and_its_file_is_gone(plain: str, visit: Any, uploads: Path) -> None:
    page = visit(plain)
    upload(page, ROOT / "assets" / "examples" / "brain-mass.png")
    status(page, "Picture ready")
    says(page, "#case-notes", "256 × 256 pixels")
    page.locator("#viewer canvas").wait_for()
    assert [file for file in uploads.rglob("*") if file.is_file()] == []


def test_two_pictures_and_a_follow_up(plain: str, visit: Any, uploads: Path, tmp_path: Path) -> None:
    page = visit(plain)
    page.wait_for_selector(READY)
    upload(page, ROOT / "assets" / "examples" / "brain-mass.png")
    status(page, "Picture ready")
    second = tmp_path / "second.png"
    cv2.imwrite(str(second), np.full((40, 70, 3), 128, np.uint8))
    page.set_input_files("input[data-testid='Add another picture-upload-button']", str(second))
    status(page, "It goes with the next question")
    assert [file for file in uploads.rglob("*") if file.is_file()] == []
    page.fill("#case-question textarea", "What differs?")
    ask(page)
    status(page, "Finished.")
    strip = page.locator("#viewer .wbv-thumb")
    assert strip.count() == 2
    page.locator("[data-column=tuned] .wbv-whole").click()
    strip.nth(1).click()
    says(page, "#viewer .wbv-reading", "Picture 2 holds")
    assert strip.nth(1).get_attribute("aria-pressed") == "true"
    page.fill("#case-follow-up textarea", "And on which side?")
    page.click("#case-ask-follow-up")
    says(page, "[data-column=base] .wbv-earlier", "And on which side?")
    says(page, "[data-column=tuned] .wbv-earlier", "What differs?")
    status(page, "Finished.")
    holds(page, "#case-follow-up textarea", "")
    page.locator("#case-turns label").first.click()
    page.wait_for_function("!document.querySelector('[data-column=base] .wbv-earlier')?.innerText")
    assert page.locator("[data-column=tuned] [data-step]").count() == 3


def test_an_upload_drops_the_options_of_the_example_but_not_a_persons_own(
    plain: str, visit: Any, tmp_path: Path
) -> None:
    page = visit(plain)
    options = "#case-options textarea"
    own = [tmp_path / f"{width}.png" for width in (72, 88)]
    for path, width in zip(own, (72, 88), strict=True):
        cv2.imwrite(str(path), np.full((64, width), 128, np.uint8))
    filled = "document.querySelector('#case-options textarea').value !== ''"
    pick(page)
    page.wait_for_function(filled)
    upload(page, own[0])
    holds(page, options, "")
    pick(page)
    page.wait_for_function(filled)  # typed before the example's own options arrive, they would be replaced
    page.fill(options, "yes\nno")
    upload(page, own[1])
    says(page, "#case-notes", "88 × 64")  # comes with the options, if they change
    assert page.input_value(options) == "yes\nno"


def test_a_pasted_picture_is_taken(plain: str, visit: Any) -> None:
    page = visit(plain)
    page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 30 });
          const blob = await new Promise((done) => canvas.toBlob(done));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([blob], "pasted.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }"""
    )
    status(page, "Picture ready")
    says(page, "#case-notes", "40 × 30 pixels")


def test_a_dicom_slice_offers_windows_and_invert(plain: str, visit: Any) -> None:
    from pydicom.data import get_testdata_file

    page = visit(plain)
    upload(page, Path(get_testdata_file("CT_small.dcm", download=False)))
    status(page, "Picture ready")
    says(page, "#case-notes", "CT")
    before = page.evaluate("document.querySelector('#viewer canvas').toDataURL()")
    tick(page.get_by_label("Invert").first)
    status(page, "as it is shown now")
    page.wait_for_function(
        "before => document.querySelector('#viewer canvas').toDataURL() !== before", arg=before
    )


def test_stop_keeps_the_text_and_clear_empties_the_page(visit: Any, uploads: Path) -> None:
    with fake_page("stuck", uploads) as address:
        page = visit(address)
        pick(page)
        ask(page)
        status(page, "answering")
        says(page, "[data-column=tuned]", "image shows")
        page.click("#case-stop")
        status(page, "What was written is kept")
        text = page.locator("[data-column=tuned]").inner_text()
        assert "image shows" in text and "Therefore" not in text
        page.click("#case-clear")
        status(page, "Cleared")
        holds(page, "#case-question textarea", "")
        says(page, "#viewer", "Add an image")


def test_who_leaves_makes_room_for_the_next(visit: Any, uploads: Path) -> None:
    with fake_page("stuck", uploads) as address:
        first, second = visit(address), visit(address)
        for page in (first, second):
            page.wait_for_selector(READY)
            pick(page)
        ask(first)
        status(first, "answering")
        ask(second)
        status(second, "Waiting for the models")
        assert "answering" not in second.inner_text("#case-status")
        first.close()  # its answer would never have ended
        status(second, "answering")


def test_hostile_text_is_inert(visit: Any, uploads: Path) -> None:
    hostile = "${document.title='pwned'} `${alert(2)}` <img src=http://evil.invalid/a onerror=alert(1)> {{x}}"
    with fake_page("hostile", uploads) as address:
        page = visit(address)
        pick(page)
        page.fill("#case-question textarea", hostile)
        page.fill("#case-options textarea", f"<b>a</b>\n{hostile}")
        ask(page)
        status(page, "Finished.")
        shown = page.inner_text("#viewer")
        assert "onerror" in shown and "<b>nodule</b>" in shown and "${document.title" in shown
        assert page.title() == "Medical Reasoning Workbench"
        assert page.locator("#viewer form, #viewer img[src^=http], #viewer b").count() == 0


def test_models_that_do_not_load_leave_a_working_page(visit: Any, uploads: Path) -> None:
    with fake_page("broken", uploads) as address:
        page = visit(address)
        page.wait_for_selector(".wb-pair[data-phase=failed]")
        assert "model.safetensors is missing" in page.inner_text("#page-header")
        pick(page)
        ask(page)
        says(page, "[data-column=base]", "model.safetensors is missing")
        pick(page, 1)


def test_a_phone_never_scrolls_sideways_in_either_mode(plain: str, visit: Any) -> None:
    page = visit(plain, viewport={"width": 360, "height": 740})
    for mode in ("light", "dark"):
        pick(page)
        ask(page)
        status(page, "Finished.")
        never_wider_than_the_window(page)
        assert page.evaluate(CONTRAST) == [], mode
        page.locator(".wb-theme").click()
    page.locator(".wb-theme").click()
    page.reload()
    page.wait_for_selector("#case-gallery button")
    assert page.evaluate("document.body.classList.contains('dark')")


def test_the_whole_job_by_keyboard(plain: str, visit: Any) -> None:
    page = visit(plain)
    page.locator("#case-gallery button").nth(1).focus()
    page.keyboard.press("Enter")
    status(page, "Picture ready")
    page.locator("#case-question textarea").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "case-ask":
            break
    assert page.evaluate("document.activeElement.id") == "case-ask"
    page.keyboard.press("Enter")
    status(page, "Finished.")
    images = page.locator("#case-gallery img")
    assert all(images.nth(at).get_attribute("alt") for at in range(images.count()))


def posted(address: str, sent: dict[str, Any]) -> str:
    """What the page answers when `sent` is posted as an uploaded file, without a browser."""
    with urllib.request.urlopen(f"{address}config") as answer:
        config = json.load(answer)
    handler = next(one for one in config["dependencies"] if one["api_name"] == "handler")
    body = {"data": [sent, "", ""], "fn_index": handler["id"], "session_hash": "forger"}
    head = {"Content-Type": "application/json"}
    join = urllib.request.Request(f"{address}gradio_api/queue/join", json.dumps(body).encode(), head)
    urllib.request.urlopen(join).close()
    lines = []
    with urllib.request.urlopen(f"{address}gradio_api/queue/data?session_hash=forger") as stream:
        for line in stream:
            lines.append(line.decode())
            if "process_completed" in lines[-1]:
                break
    return "".join(lines)


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_a_forged_path_is_refused(plain: str, meta: dict[str, Any]) -> None:
    """A raw call that names a file outside the upload folder gets no picture, and the file stays."""
    secret = ROOT / "assets" / "examples" / "brain-mass.png"
    told = posted(plain, {"path": str(secret), **meta})
    assert "process_completed" in told
    assert '"success":false' in told or "was not uploaded here" in told
    assert "data:image/png" not in told
    assert secret.is_file()


def test_text_only_models_are_asked_voted_on_and_probed_without_a_picture(
    visit: Any, uploads: Path, tmp_path: Path
) -> None:
    model = planted_text_model(tmp_path / "model", " bright", " spot")
    with models_page({"base": model, "tuned": model}, uploads, max_new_tokens=6) as address:
        page = visit(address)
        page.wait_for_selector(READY)
        says(page, "#case-reads", "only read text")
        page.fill("#case-question textarea", "Is there a bright area?")
        page.fill("#case-options textarea", "yes\nno")
        ask(page)
        status(page, "Finished.")
        says(page, "[data-column=tuned]", "Recovered")
        asked = page.locator("[data-column=tuned] .wbv-asked-word")
        assert asked.all_inner_texts()[:5] == ["Is", "there", "a", "bright", "area?"]
        page.locator("[data-column=tuned] [data-step]").first.click()
        page.wait_for_selector("[data-column=tuned] .wbv-asked-word.is-carrying")
        says(page, "#viewer", "“bright” (+")
        carrying = page.locator("[data-column=tuned] .wbv-asked-word.is-carrying").all_inner_texts()
        assert carrying == ["bright"]
        page.get_by_text("Votes: the same question").click()
        page.click("#votes-draw")
        says(page, "#votes-result", "Votes of 4 answers")
        says(page, "#votes-status", "Finished.")
        go_to(page, "Probe")
        says(page, "#probe-region", "no picture")
        page.get_by_text("Begin with other reasoning").click()
        page.fill("#probe-prefix textarea", "It is not so.")
        page.click("#probe-anchor")
        says(page, "#probe-results", "Begun with the given reasoning")
        says(page, "#probe-status", "Finished.")
