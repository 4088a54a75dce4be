"""What `python -m workbench explain` prints for people: one map, or one line a method."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.explain.patch_grid import strongest_patches

SHOWN = 5  # patches that are listed


def map_text(record: dict[str, Any], label: str, targets: Sequence[Path]) -> str:
    """One map: its share, its strongest patches, its trust where measured; the reason where there is none."""
    if record["refused"] is not None:
        return f"No map: {record['refused']} {record['meta']['hint']}".strip()
    values, boxes = np.array(record["values"], float), np.array(record["boxes"], float).reshape(-1, 4)
    lines = [
        f"{record['method']} for {label}: {record['image_share']:.0%} of the evidence came from the image.",
        f"Strongest patches ({record['meta']['unit']}):",
    ]
    for patch in strongest_patches(values, boxes, SHOWN):
        x0, y0, x1, y1 = (round(edge) for edge in record["boxes"][patch])
        which = f"in picture {record['picture_of'][patch] + 1} " if len(record["pictures"]) > 1 else ""
        lines.append(f"  {record['values'][patch]:+.4g} {which}at x {x0} to {x1}, y {y0} to {y1}")
    if len(record["pictures"]) > 1:
        parts = [f"picture {n} {one['share']:.0%}" for n, one in enumerate(record["pictures"], 1)]
        lines.append(f"Of the map lie on: {', '.join(parts)}.")
    if reading := record["meta"].get("reading"):
        parts = [f"{name} {share:.0%}" for name, share in reading.items()]
        lines.append(f"Where these words' attention went: {', '.join(parts)}.")
    if trust := record["meta"].get("trust"):
        lines.append(_trust_text(trust))
    return "\n".join(lines + [f"Written to {one}." for one in targets])


def _trust_text(trust: dict[str, Any]) -> str:
    if "refused" in trust:
        return f"Trust: not computable. {trust['refused']}"
    centre, inverse = (trust["controls"][name] for name in ("centre", "inverse"))
    return (
        f"Trust: {trust['verdict']}. Without its strongest places the words lose "
        f"{trust['comprehensiveness']:.3f} nats; random orders do as well in at most {trust['chance']:.0%} "
        f"of cases. Deletion and insertion: {trust['gap']:+.3f} nats better than random order "
        f"(centre first {centre:+.3f}, inverse {inverse:+.3f})."
    )


def rows_text(record: dict[str, Any], wanted: Sequence[str]) -> str:
    """A plain table, one line a method."""
    head = ["method", "image share", "seconds", "passes", *wanted]
    lines = [head]
    for row in record["methods"]:
        if row["refused"] is not None:
            lines.append([row["method"], f"no map: {row['refused']}"])
            continue
        cells = [
            f"{row['image_share']:.0%}",
            f"{row['seconds']:.2f}",
            f"{row['forwards']}+{row['backwards']}",
        ]
        lines.append([row["method"], *cells, *(_cell(row["metrics"][name]) for name in wanted)])
    full = [line for line in lines if len(line) == len(head)]
    widths = [max(len(line[at]) for line in full) for at in range(len(head))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip()
        for line in lines
    ]
    return "\n".join([f"Maps of {record['span_label']!r}; passes are forward+backward.", *table])


def _cell(value: Any) -> str:
    return f"{value:+.3f}" if isinstance(value, float) else "-" if value is None else str(value)
