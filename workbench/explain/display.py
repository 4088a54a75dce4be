"""A heat map as text, as a picture over its image, and as HTML for a notebook."""

import base64
import html

from workbench.explain.heatmap import HeatMap
from workbench.explain.patch_grid import strongest_patches
from workbench.explain.sheet import Sheet
from workbench.imaging.overlay import OverlayStyle, encode_png, render_overlay


def map_text(heat: HeatMap) -> str:
    """What the map explains, how much of the evidence came from the image, and where it is strongest."""
    label = heat.meta.get("label") or "Heat map"
    what = f" of {heat.span.label!r}" if heat.span is not None else ""
    order = strongest_patches(heat.values, heat.boxes, 1)
    lines = [f"{label}{what}: {heat.image_share:.0%} of the evidence came from the image."]
    for strongest in order:
        value, where = f"{heat.values[strongest]:+.4g} {heat.unit}", place_text(heat, strongest)
        lines.append(f"Strongest of {len(heat.values)} patches: {value} {where}.")
    if heat.pictures > 1:
        parts = (f"picture {number} {share:.0%}" for number, share in enumerate(heat.picture_shares, 1))
        lines.append(f"Of the map lie on: {', '.join(parts)}.")
    lines += [str(heat.meta[name]) for name in ("note", "caveat") if heat.meta.get(name)]
    return "\n".join(lines)


def place_text(heat: HeatMap, patch: int) -> str:
    """Where a patch lies, in pixels: "in picture 2 at x 0 to 8, y 8 to 16"; one picture isn't named."""
    x0, y0, x1, y1 = (round(float(edge)) for edge in heat.boxes[patch])
    which = f"in picture {heat.picture_of[patch] + 1} " if heat.pictures > 1 else ""
    return f"{which}at x {x0} to {x1}, y {y0} to {y1}"


def map_png(heat: HeatMap) -> bytes | None:
    """The map over its image as PNG, with a legend; of several images, over all of them on one sheet.

    None for a map that knows no image.
    """
    if not heat.images:
        return None
    label = ": ".join(filter(None, (heat.meta.get("label"), heat.span.label if heat.span else "")))
    style = OverlayStyle(signed=heat.signed, unit=heat.unit, label=label)
    sheet = Sheet.of(heat.images)
    boxes = sheet.boxes(heat.boxes, heat.picture_of)
    return encode_png(render_overlay(sheet.pixels, heat.values, boxes, style))


def map_html(heat: HeatMap) -> str:
    """The picture with its text below; every text is escaped."""
    png = map_png(heat)
    lines = [html.escape(line) for line in map_text(heat).split("\n")]
    picture = ""
    if png is not None:
        source = base64.b64encode(png).decode("ascii")
        picture = f'<img alt="{lines[0]}" src="data:image/png;base64,{source}" style="max-width:100%">'
    return f"<figure>{picture}<figcaption>{'<br>'.join(lines)}</figcaption></figure>"
