"""MediX-R1's 16 modality tags, and which of them fit the kinds of picture that others have words for.

The tags are those of arXiv 2602.23363. A kind is a word of this project, of a DICOM header or of a data set;
words are compared without case, punctuation, what stands in brackets, and words such as "image" or "scan".
"""

import re

MODALITIES = {
    "X_RAY": "X-ray",
    "MICROSCOPY": "microscopy",
    "CLINICAL_PHOTOGRAPHY": "clinical photograph",
    "CT_SCAN": "CT",
    "GRAPHICS": "graphics",
    "ANGIOGRAPHY": "angiography",
    "PET_SCAN": "PET",
    "ULTRASOUND": "ultrasound",
    "MRI_SCAN": "MRI",
    "FUNDUS_PHOTOGRAPHY": "fundus photograph",
    "OCT_SCAN": "OCT",
    "ENDOSCOPY": "endoscopy",
    "MAMMOGRAPHY": "mammography",
    "FLUOROSCOPY": "fluoroscopy",
    "OTHER": "other",
    "SPECT": "SPECT",
}
# Kind of picture -> its own tag. A word that is missing here and below is a kind that nobody can check.
_OWN = {
    "x ray": "X_RAY", "xray": "X_RAY", "radiograph": "X_RAY", "radiography": "X_RAY", "plain film": "X_RAY",
    "xr": "X_RAY", "cr": "X_RAY", "dx": "X_RAY", "chest x ray": "X_RAY", "cxr": "X_RAY",
    "chest film": "X_RAY",
    "ct": "CT_SCAN", "computed tomography": "CT_SCAN",
    "mri": "MRI_SCAN", "mr": "MRI_SCAN", "magnetic resonance": "MRI_SCAN",
    "ultrasound": "ULTRASOUND", "us": "ULTRASOUND", "sonography": "ULTRASOUND",
    "ultrasonography": "ULTRASOUND",
    "echocardiography": "ULTRASOUND", "ivus": "ULTRASOUND",
    "microscopy": "MICROSCOPY", "histology": "MICROSCOPY", "histopathology": "MICROSCOPY",
    "pathology": "MICROSCOPY", "cytology": "MICROSCOPY", "blood smear": "MICROSCOPY",
    "electron microscopy": "MICROSCOPY", "light microscopy": "MICROSCOPY", "immunofluorescence": "MICROSCOPY",
    "dermoscopy": "CLINICAL_PHOTOGRAPHY", "dermatoscopy": "CLINICAL_PHOTOGRAPHY",
    "dermatology": "CLINICAL_PHOTOGRAPHY", "clinical": "CLINICAL_PHOTOGRAPHY",
    "clinical photography": "CLINICAL_PHOTOGRAPHY",
    "fundus": "FUNDUS_PHOTOGRAPHY", "fundus photography": "FUNDUS_PHOTOGRAPHY",
    "fundoscopy": "FUNDUS_PHOTOGRAPHY",
    "oct": "OCT_SCAN", "optical coherence tomography": "OCT_SCAN",
    "endoscopy": "ENDOSCOPY", "colonoscopy": "ENDOSCOPY", "gastroscopy": "ENDOSCOPY",
    "bronchoscopy": "ENDOSCOPY", "laparoscopy": "ENDOSCOPY",
    "mammography": "MAMMOGRAPHY", "mammogram": "MAMMOGRAPHY", "mg": "MAMMOGRAPHY",
    "fluoroscopy": "FLUOROSCOPY", "angiography": "ANGIOGRAPHY", "angiogram": "ANGIOGRAPHY",
    "pet": "PET_SCAN", "positron emission tomography": "PET_SCAN",
    "spect": "SPECT", "single photon emission computed tomography": "SPECT",
    "chart": "GRAPHICS", "graph": "GRAPHICS", "graphics": "GRAPHICS", "diagram": "GRAPHICS",
    "other": "OTHER",
}  # fmt: skip
# Further tags that are no mistake: the wider technique, or one of the two that a picture combines.
_FITS = {
    "mammography": ("X_RAY",), "mammogram": ("X_RAY",), "mg": ("X_RAY",),
    "fluoroscopy": ("X_RAY",), "angiography": ("X_RAY", "FLUOROSCOPY"),
    "angiogram": ("X_RAY", "FLUOROSCOPY"),
    "laparoscopy": ("CLINICAL_PHOTOGRAPHY",), "dermoscopy": ("MICROSCOPY",), "dermatoscopy": ("MICROSCOPY",),
    "ct angiography": ("CT_SCAN", "ANGIOGRAPHY"), "cta": ("CT_SCAN", "ANGIOGRAPHY"),
    "oct angiography": ("OCT_SCAN", "ANGIOGRAPHY"), "octa": ("OCT_SCAN", "ANGIOGRAPHY"),
    "mr angiography": ("MRI_SCAN", "ANGIOGRAPHY"), "mra": ("MRI_SCAN", "ANGIOGRAPHY"),
    "pet ct": ("PET_SCAN", "CT_SCAN"), "pet mri": ("PET_SCAN", "MRI_SCAN"), "spect ct": ("SPECT", "CT_SCAN"),
    "nuclear medicine": ("SPECT", "PET_SCAN", "OTHER"), "scintigraphy": ("SPECT", "OTHER"),
    "bone scintigraphy": ("SPECT", "OTHER"),
    "ecg": ("GRAPHICS", "OTHER"), "eeg": ("GRAPHICS", "OTHER"), "electrocardiogram": ("GRAPHICS", "OTHER"),
}  # fmt: skip
_BRACKETS = re.compile(r"\([^()]{0,200}\)?")
_FILLERS = frozenset(("image", "images", "imaging", "picture", "scan", "scans", "slice", "film", "view"))
_PHOTO = re.compile(r"\bphoto(?:graph)?s?$")


def tag_of(kind: str) -> str:
    """The tag that a kind of picture has for its own, as a key of MODALITIES; "" where there is none."""
    return _OWN.get(_key(kind, _OWN), "")


def tags_that_fit(kind: str) -> frozenset[str]:
    """Every tag that is no mistake for this kind of picture; empty for a kind that can't be checked."""
    own, more = tag_of(kind), _FITS.get(_key(kind, _FITS), ())
    return frozenset((*((own,) if own else ()), *more))


def _key(kind: str, known: "dict[str, str] | dict[str, tuple[str, ...]]") -> str:
    """The word in its plain spelling: as it stands where it is known, else without words that say little."""
    plain = re.sub(r"[\W_]+", " ", _BRACKETS.sub(" ", kind[:200])).casefold().strip()
    plain = _PHOTO.sub("photography", plain)
    if plain in known:
        return plain
    return " ".join(word for word in plain.split() if word not in _FILLERS)
