"""Dense targets: which share of every patch each structure covers, for real pictures and phantoms."""

import cv2
import numpy as np

from workbench.phantoms import DRAWERS, Phantom
from workbench.training.pair.corpus import CorpusImage, region_name
from workbench.training.pair.pictures import pad_square

SAME_AS = {"effusion": "pleural effusion", "infiltrate": "consolidation", "lung cancer": "mass"}
PHANTOM_REGIONS = (
    "lung", "heart", "nodule", "consolidation", "pleural effusion", "cardiomegaly", "brain", "ventricle",
    "mass", "haematoma", "infarct", "white blood cell", "red blood cell", "platelet", "optic disc", "vessels",
    "haemorrhages", "exudates", "skin lesion", "liver", "spleen", "kidney", "liver mass", "kidney stone",
    "free fluid", "cyst", "stone", "crowded nuclei", "necrosis", "polyp", "ulcer", "bleeding", "red bar",
    "blue bar", "green bar", "orange bar", "grey bar", "dextrocardia", "butterfly mass", "cherry red spot",
    "pale macula",
)  # fmt: skip


def structure_name(label: str) -> str:
    name = region_name(label)
    return SAME_AS.get(name, name)


def class_names(images: list[CorpusImage]) -> tuple[list[str], list[str]]:
    """Structure classes and scene classes present in the corpus and the phantoms."""
    structures = list(PHANTOM_REGIONS)
    labels = {structure_name(label) for image in images for label, _ in image.regions}
    labels |= {structure_name(label) for image in images for label in image.mask_labels.values()}
    structures += sorted(labels - set(structures))
    scenes = sorted({f"{image.modality}|{image.body_part}" for image in images}) + [
        f"phantom {k}" for k in DRAWERS
    ]
    return structures, scenes


def image_regions(image: CorpusImage, side: int) -> dict[str, np.ndarray]:
    """Structure name → uint8 mask on the padded square of `side` pixels."""
    found: dict[str, np.ndarray] = {}
    longest = max(image.width, image.height)
    dx, dy = (longest - image.width) // 2, (longest - image.height) // 2
    if image.mask_path is not None:
        labels = cv2.imread(str(image.mask_path), cv2.IMREAD_GRAYSCALE)
        labels = cv2.resize(pad_square(labels, 0)[0], (side, side), interpolation=cv2.INTER_NEAREST)
        for value, label in image.mask_labels.items():
            name = structure_name(label)
            found[name] = np.maximum(found.get(name, 0), (labels == value).astype(np.uint8))
    boxed: dict[str, np.ndarray] = {}
    for label, box in image.regions:
        name = structure_name(label)
        if name in found:
            continue
        mask = boxed.setdefault(name, np.zeros((side, side), np.uint8))
        x0, y0, x1, y1 = (round((v + d) * side / longest) for v, d in zip(box, (dx, dy, dx, dy), strict=True))
        mask[y0:y1, x0:x1] = 1
    return found | boxed


def phantom_regions(phantom: Phantom) -> dict[str, np.ndarray]:
    """Structure name → uint8 mask of everything drawn."""
    regions: dict[str, np.ndarray] = {}
    for region in (*phantom.anatomy, *phantom.lesions):
        regions[region.name] = np.maximum(regions.get(region.name, 0), region.mask.astype(np.uint8))
    return regions


def patch_covers(regions: dict[str, np.ndarray], structures: list[str], grid: int) -> np.ndarray:
    """Share of each patch that each structure covers, float32 `[P, C]`."""
    out = np.zeros((grid * grid, len(structures)), np.float32)
    for name, mask in regions.items():
        share = cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA)
        column = structures.index(name)
        out[:, column] = np.maximum(out[:, column], share.reshape(-1))
    return out


def evidence_patches(covers: np.ndarray, structures: list[str], names: tuple[str, ...]) -> tuple[int, ...]:
    """Patches covered by a quarter or more by the named structures, at least the most covered one."""
    if not names:
        return ()
    cover = covers[:, [structures.index(structure_name(name)) for name in names]].max(1)
    if cover.max() <= 0:
        return ()
    return tuple(np.flatnonzero(cover >= min(0.25, float(cover.max()))).tolist())
