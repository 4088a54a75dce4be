"""Bar chart: how many bars, which is the tallest or shortest, which of two is taller."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.wording import sample_of, shuffled
from workbench.phantoms.sample import Sample

MODALITY = "chart"
FACT = ("bar chart", "In a bar chart a taller bar typically stands for a larger value.")
NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}


def _heights(phantom: Phantom) -> dict[str, int]:
    return {name.removesuffix(" bar"): int(v) for name, v in phantom.facts.items() if name != "count"}


def _count(rng: np.random.Generator, count: int) -> Sample:
    return sample_of(
        "How many bars does the chart have?",
        shuffled(rng, str(count), ["2", "3", "4", "5"], 4),
        str(count),
        MODALITY,
        "count",
        ("bars", f"The image shows {NUMBER_WORDS[count]} bars."),
        FACT,
        ("count", f"Therefore the number of bars is {count}."),
    )


def _extreme(rng: np.random.Generator, heights: dict[str, int]) -> Sample:
    word, choose = ("tallest", max) if rng.random() < 0.5 else ("shortest", min)
    name = choose(heights, key=lambda colour: heights[colour])
    return sample_of(
        f"Which bar is the {word}?",
        shuffled(rng, name, list(heights), len(heights)),
        name,
        MODALITY,
        "size",
        (f"{name} bar", f"The image shows that the {word} bar is {name}."),
        FACT,
        ("size", f"Therefore the {word} bar is {name}."),
        (f"{name} bar",),
    )


def _compare(rng: np.random.Generator, heights: dict[str, int]) -> Sample:
    first, second = (str(name) for name in rng.permutation(list(heights))[:2])
    taller = heights[first] > heights[second]
    higher, lower = (first, second) if taller else (second, first)
    return sample_of(
        f"Is the {first} bar taller than the {second} bar?",
        ("yes", "no"),
        "yes" if taller else "no",
        MODALITY,
        "comparison",
        (f"{higher} bar", f"The image shows that the {higher} bar reaches above the {lower} bar."),
        FACT,
        ("comparison", f"Therefore the {higher} bar is the taller one."),
        (f"{first} bar", f"{second} bar"),
    )


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """Count, extreme, comparison."""
    heights = _heights(phantom)
    return [_count(rng, len(heights)), _extreme(rng, heights), _compare(rng, heights)]


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return (
        f"A bar chart with {NUMBER_WORDS[int(phantom.facts['count'])]} bars: {', '.join(_heights(phantom))}."
    )
