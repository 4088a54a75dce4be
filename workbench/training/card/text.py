"""The model card that ships beside each set of weights."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.bench.reports.model import Report
from workbench.bench.reports.text import bench_table_text
from workbench.models.session import LoadedModel
from workbench.training.card.ablation import stage_table_text
from workbench.training.card.aims import aims, aims_table
from workbench.training.card.curves import history_text

RECIPE = """\
## How it was made

Plain `LlavaForConditionalGeneration`: SigLIP tower (4 layers of 192, 192 pixels, patches of 16, so 12 ×
12 image tokens), Llama decoder (4 layers of 192, tied embeddings), byte-level BPE of 2,400 entries,
images padded to a square. Stages, each starting from the one before (`python -m workbench train
--help`):

1. *vision*: the tower learns to say for every patch which structures it covers (phantom masks, organ
   masks and boxes).
2. *base*: short answers and captions, with 8 % of plain traces so that the base can be asked for one.
3. *tuned*: reasoning traces made from the annotations; no sentence claims what the annotation does not
   support. Several questions a picture, a third of those on real pictures derived from the annotation
   (is this an MRI? is the liver in view?); the tokens of the conclusion weigh four times. Heads and blood
   smears are mirrored half of the time, their side words swapped; 4 % of the drawn pictures show a rare
   finding.
Two more stages were run once, for the table below, from the tuned weights as they were before the last
lengthening (row *+SFT*). They changed nothing that the held-out questions can show, so their weights are not
shipped:

4. *reinforcement* (`train reinforce`): group-relative policy optimisation with MediX-R1's composite reward,
   51 steps of 16 questions, 4 in 10 of them real, 6 answers a question, rate 5e-5.
5. *rare* (`train rare`): 160 questions made from the knowledge file, half of them on rare conditions,
   labelled by the majority of 6 answers of the model's own (93 % of the labels were right); 20 steps on those
   labels, 20 on supervised records.

About eight hours on two CPU cores that did other work too. Stages 2 and 3 go on reading patches beside words,
and head 0 of layers 1 and 2 is trained to look at what is marked (see *Grounding*). Seeds of the data: 11
(vision), 12 (base), 13 (tuned), each with the number of the process and of the batch; 0 for stages 4 and 5.

How the shipped weights came about: *tuned* started from an early *base* and was taken up again eight times
with `train tuned --from-weights` while its mixture was found (first five kinds of phantom, then three
quarters real pictures, then six more kinds and other phrasings, then redrawn abdomen, ultrasound and
histology, rare findings and twice as many phrasings; at last 1,047 steps of that mixture). The shipped *base*
is that early base trained on for 58 minutes with the same pictures and kinds. So tuned has seen more pictures
than base: the difference between the two is not the effect of traces alone. The phrasings for training were
extended after a look at which questions the model misread among the held-out phrasings; the held-out ones
themselves were never trained on.

*Grounding.* While a model wrote about something whose place is marked, head 0 of layers 1 and 2 (counted
from 0) was trained to look there. The attention maps of those two heads point because they were taught to:
they show what supervision does, not how a model finds things by itself.

## Data and licences

SLAKE 1.0 (CC BY 4.0; its CT and MRI come from share-alike sources), VQA-RAD (CC0 1.0), BCCD (MIT), and
phantoms drawn by the project (CC0). Weights: CC BY-SA 4.0.

Attribution. SLAKE: Liu, Zhan, Xu, Ma, Yang, Wu, ISBI 2021; images from NIH ChestX-ray8, the Medical
Segmentation Decathlon and CHAOS. VQA-RAD: Lau, Gayen, Ben Abacha, Demner-Fushman, Sci Data 2018; images
from MedPix. BCCD: BCCD Dataset, 2017.
"""
LIMITS = """\
## What it is not

A teaching model. Not a medical device; not for diagnosis, treatment or triage. It reads the project's
phantoms (bar charts poorly), and a little of real chest films, CT, MRI and blood smears. It is trained to
say of other pictures that it does not know them; where it fails to, it invents an answer and sounds sure
of it. Words far from those of its training questions can mislead it. Sides in its words are sides of the
picture. English only.
"""
AIMS = """\
## What was aimed at, and what was reached

Set before training; per cent, 95 % interval in brackets, of the tuned model on held-out pictures unless the
row says otherwise. A value may miss its aim by chance, or meet it: look at the interval.
"""
SCORES = """\
## Scores

Measured by `python -m workbench train evaluate`. *blank* is the same question on a plain grey picture:
what a model scores there it did not read from the image.
"""
STAGES = """\
### What each stage changed

The same questions after every stage; per cent, 95 % interval in brackets. Axes are judged by stated rules.
"""
CURVES = """\
## Loss curves

Smoothed training loss of every part, in the order they were run; mixtures differ between parts, so only the
course within a row can be compared. All logged lines: `history.json` beside the measured results.
"""
TITLES = {
    "phantoms": "Held-out phantoms in phrasings never trained on, options shown (`assets/bench/phantoms`)",
    "phantoms-open": "Held-out phantoms, the same questions without options (exact answer)",
    "phantoms-familiar": "Held-out phantoms in the phrasings of training, without options (exact answer)",
    "photographs": "Photographs never trained on (right: it says that it does not know them)",
    "rare": "Drawn rare findings (dextrocardia, butterfly mass, cherry red spot)",
    "real": "Real images never trained on (SLAKE, VQA-RAD and BCCD, English questions)",
}


def model_card(
    model: LoadedModel,
    reports: Mapping[str, Report],
    stages: Sequence[Mapping[str, Any]] = (),
    history: Sequence[Mapping[str, Any]] = (),
    grounding: Mapping[str, Any] | None = None,
) -> str:
    """Markdown with front matter; every score comes from the reports, with n, interval and protocol."""
    size = f"{model.parameters / 1e6:.1f} million parameters, revision `{model.revision}`."
    parts = [
        "---\nlicense: cc-by-sa-4.0\nlibrary_name: transformers\npipeline_tag: image-text-to-text\n---",
        f"# {model.label}\n\n{model.card.summary} {size}",
        LIMITS,
        RECIPE,
        f"{AIMS}\n{aims_table(aims(reports, grounding))}",
        SCORES,
    ]
    for name, report in reports.items():
        parts.append(f"### {TITLES[name]}\n\n```\n{bench_table_text(report).rstrip()}\n```")
    if stages:
        parts.append(f"{STAGES}\n{stage_table_text(stages)}")
    if history:
        parts.append(f"{CURVES}\n{history_text(history)}")
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
