"""`python -m workbench train export`: the small pair's own training data as records for any stage.

Real questions of a corpus and drawn phantoms with their reasoned targets, as `records.jsonl` beside the drawn
pictures: what `--data records:FOLDER` of the other stages reads.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.phantoms import DRAWERS, draw_phantom
from workbench.phantoms.questions import ask
from workbench.phantoms.questions.phrasing import rephrase
from workbench.phantoms.sample import TAGS, Sample
from workbench.training.pair.corpus import load_corpus
from workbench.training.pair.stream import random_phantom_seed
from workbench.training.sft.records import Record

RECORDS_FILE = "records.jsonl"


def record_of(sample: Sample, name: str, image: Path, source: str) -> Record:
    """A sample as a record: the options it can be shown with, and its reasoned answer as target."""
    return Record(
        name,
        sample.question,
        sample.answer,
        image,
        sample.options if sample.answer in sample.options else (),
        sample.reasoned(),
        TAGS[sample.modality],
        source=source,
    )


def phantom_records(folder: Path, count: int, seed: int) -> Iterator[Record]:
    """One question on each of `count` phantoms of training seeds; pictures are written to `folder/images`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        kind = list(DRAWERS)[number % len(DRAWERS)]
        drawn = random_phantom_seed(rng)
        phantom = draw_phantom(drawn, kind, 224)
        samples = ask(rng, phantom)
        sample = rephrase(rng, samples[int(rng.integers(len(samples)))], "train")
        path = folder / "images" / f"{kind}-{drawn}.png"
        Image.fromarray(phantom.pixels).save(path)
        yield record_of(sample, f"{kind}-{drawn}", path, "phantoms")


def corpus_records(folder: Path, corpus: Path) -> Iterator[Record]:
    """Every question of a corpus (a folder with a manifest.jsonl); pictures are copied to `folder/images`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for image in load_corpus(corpus / "manifest.jsonl"):
        path = folder / "images" / f"{image.image_id}{image.path.suffix}"
        shutil.copyfile(image.path, path)
        for number, sample in enumerate(image.samples):
            yield record_of(sample, f"{image.image_id}/{number}", path, "corpus")


def line_of(record: Record, folder: Path) -> str:
    """The JSON line that the schema `records` reads back; the image is named from `folder`."""
    image = Path(record.image).relative_to(folder).as_posix()
    return json.dumps(asdict(record) | {"image": image}, ensure_ascii=False)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    out = argparse.ArgumentParser(prog="python -m workbench train export", description=__doc__)
    out.add_argument("--corpus", type=Path, help="folder with manifest.jsonl of real training images")
    out.add_argument("--phantoms", type=int, default=500, help="drawn pictures, one question each (500)")
    out.add_argument("--seed", type=int, default=0)
    out.add_argument("--out", type=Path, default=Path("runs/records"), help="folder (default runs/records)")
    out.add_argument("--json", action="store_true", help="print the outcome as JSON")
    args = out.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    records = list(phantom_records(args.out, args.phantoms, args.seed))
    records += list(corpus_records(args.out, args.corpus)) if args.corpus else []
    text = "".join(f"{line_of(record, args.out)}\n" for record in records)
    (args.out / RECORDS_FILE).write_text(text, encoding="utf-8")
    outcome = {"records": len(records), "file": str(args.out / RECORDS_FILE)}
    print(json.dumps(outcome) if args.json else "\n".join(f"{k}: {v}" for k, v in outcome.items()))
    return 0
