"""`python -m workbench bench transfer`: what a linear probe on each model's vision tower can tell apart."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import explain, imaging, models
from workbench.bench import transfer
from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.bench.transfer import TransferProgress

DEFAULT_MODELS = ("base", "tuned")
_EVERY = 20  # lines of progress a run


def add_arguments(leaf: argparse.ArgumentParser) -> None:
    """The flags of this command, for the parser in `workbench.cli`."""
    leaf.add_argument(
        "--images", metavar="FOLDER|CSV",
        help="a sub-folder of pictures a class (or train/ and test/ with them), or a CSV file: image, label, "
        "and where known split and group",
    )  # fmt: skip
    leaf.add_argument("--out", metavar="DIR", help="folder for features, probes and the report; resumes")
    leaf.add_argument("--model", action="append", default=[], metavar="MODEL", help="default: base and tuned")
    leaf.add_argument("--test-share", type=float, default=0.3, metavar="S", help="default: %(default)s")
    leaf.add_argument("--seed", type=int, default=0, metavar="N", help="of the split (default: %(default)s)")
    leaf.add_argument("--report", metavar="DIR", help="print the report of an earlier run")
    leaf.add_argument(
        "--map", metavar="IMAGE", help="class probabilities of a picture, by the probes in --out"
    )
    leaf.add_argument("--label", default="", metavar="CLASS", help="what to map (default: the most probable)")
    leaf.add_argument("--png", metavar="OUT", help="with --map: also write where the evidence lies")


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Print a report, map a picture, or probe the models. Raises UserFacing."""
    if args.report:
        return _report(transfer.load_transfer(args.report), args.json)
    if not args.out:
        raise UserFacing("The folder for the results is missing.", "Give --out DIR, or --report DIR.")
    refs = tuple(dict.fromkeys(args.model)) or DEFAULT_MODELS
    for ref in refs:
        settings.require_allowed(ref)
    if args.map:
        return _map(args, refs[-1], settings)
    if args.png or args.label:
        raise UserFacing("--png and --label belong to one picture.", "Name it: --map IMAGE.")
    if not args.images:
        raise UserFacing("The labelled pictures are missing.", "Give --images FOLDER or --images FILE.csv.")
    if not 0 < args.test_share < 1:
        raise UserFacing(f"--test-share can't be {args.test_share}.", "Use a number between 0 and 1.")
    transfer.read_pictures(args.images)  # before minutes are spent on loading models
    report = transfer.run_transfer(
        args.images,
        [models.load_model(ref, settings=settings) for ref in refs],
        args.out,
        test_share=args.test_share,
        seed=args.seed,
        progress=None if args.json else progress_lines(sys.stderr.write),
    )
    return _report(report, args.json)


def _report(report: dict, json: bool) -> Outcome:
    return Outcome(as_json(report) if json else transfer.as_text(report))


def _map(args: argparse.Namespace, ref: str, settings: Settings) -> Outcome:
    """One picture as the last named model's encoder sees it (tuned, where none is named)."""
    target = Path(args.png) if args.png else None
    if target is not None and (target.suffix.lower() != ".png" or not target.parent.is_dir()):
        raise UserFacing(f"{args.png!r} can't be written.", "Name a .png file in a folder that exists.")
    image = imaging.load_image(args.map)
    model = models.load_model(ref, settings=settings)
    view = transfer.EncoderView(model, transfer.find_probe(args.out, model), image)
    heat, check = view.explain(args.label), view.check(args.label)
    if target is not None:
        try:
            target.write_bytes(explain.map_png(heat) or b"")
        except OSError as error:
            raise UserFacing(f"{target.name} can't be written.", "Choose another folder.") from error
    if args.json:
        record = {
            "model": model.name, "revision": model.revision, "probabilities": view.probabilities,
            "label": heat.meta["class"], "bias": heat.meta["bias"], "values": heat.values,
            "boxes": heat.boxes, "image_share": heat.image_share, "unit": heat.unit,
            "check": vars(check), "caveat": heat.meta["caveat"],
        }  # fmt: skip
        return Outcome(as_json(record))
    shares = sorted(view.probabilities.items(), key=lambda pair: -pair[1])
    bars = [f"{share:6.1%}  {'█' * round(30 * share)} {name}" for name, share in shares]
    return Outcome("\n".join([*bars, str(heat), str(check)]))


def progress_lines(write: Callable[[str], object]) -> Callable[["TransferProgress"], None]:
    """A listener that writes about twenty lines a run."""

    def tell(progress: "TransferProgress") -> None:
        step = max(1, progress.total // _EVERY)
        if progress.done % step == 0 or progress.done == progress.total:
            write(f"{progress.done} of {progress.total} pictures\n")

    return tell
