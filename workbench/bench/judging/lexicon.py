"""Words that the rule judge knows: values by kind, negation, words without content. Data, no logic.

Patterns are regular expressions for lower-case text, matched as whole words. A value that isn't listed here
is still compared as a plain content word.
"""

VALUES: dict[str, dict[str, str]] = {
    "modality": {
        "x-ray": r"x[- ]?rays?|radiographs?|chest films?", "mri": r"mri|magnetic resonance", "ct": r"ct",
        "ultrasound": r"ultrasound|sonography", "blood smear": r"blood smears?",
        "fundus": r"fundus(?: photographs?| images?)?", "dermoscopy": r"dermoscop(?:y|ic)",
        "endoscopy": r"endoscop(?:y|ic)|colonoscopy", "histology": r"histolog(?:y|ical)",
        "oct": r"oct|optical coherence tomography", "mammography": r"mammogra(?:phy|ms?)",
    },
    "finding": {
        "effusion": r"(?:pleural )?effusions?", "nodule": r"nodules?", "mass": r"mass(?:es)?|tumou?rs?",
        "consolidation": r"consolidations?", "infiltrate": r"infiltrat(?:es?|ions?)",
        "cardiomegaly": r"cardiomegaly|enlarged heart", "pneumothorax": r"pneumothora(?:x|ces)",
        "pneumonia": r"pneumonia", "atelectasis": r"atelectas[ie]s", "fracture": r"fractures?",
        "haematoma": r"ha?ematomas?", "infarct": r"infarct(?:s|ions?)?", "haemorrhage": r"ha?emorrhages?",
        "exudate": r"exudates?", "oedema": r"o?edema", "cyst": r"cysts?", "polyp": r"polyps?",
        "ulcer": r"ulcers?", "aneurysm": r"aneurysms?", "stenosis": r"stenos[ie]s", "emphysema": r"emphysema",
        "calcification": r"calcifications?", "abscess": r"abscess(?:es)?", "melanoma": r"melanomas?",
        "carcinoma": r"carcinomas?|cancers?", "metastasis": r"metastas[ie]s", "hernia": r"hernias?",
        "hydrocephalus": r"hydrocephalus", "fibrosis": r"fibrosis",
    },
    "side": {"left": r"left(?:[- ]sided)?", "right": r"right(?:[- ]sided)?", "both": r"bilateral(?:ly)?"},
    "level": {
        "upper": r"(?:upper|superior)(?! (?:edge|border|limb))", "middle": r"middle",
        "lower": r"(?:lower|inferior)(?! (?:edge|border|limb))", "front": r"front|anterior",
        "back": r"back|posterior",
    },
    "state": {
        "normal": r"normal|healthy|unremarkable",
        "abnormal": r"abnormal|abnormalit(?:y|ies)|patholog(?:y|ical)|diseased",
    },
    "nature": {"benign": r"benign", "malignant": r"malignan(?:t|cy)"},
    "plane": {"axial": r"axial|transverse", "coronal": r"coronal", "sagittal": r"sagittal"},
    "size": {
        "enlarged": r"enlarged|enlargement", "normal-sized": r"normal[- ]sized|normal (?:in )?size",
    },
    "reply": {"yes": r"answer is yes", "no": r"answer is no"},
    "existence": {"present": r"present|visible|seen|evident", "absent": r"absent|missing"},
    "border": {"regular": r"regular|smooth", "irregular": r"irregular|ragged|uneven|jagged"},
    "hue": {
        "black": r"black", "brown": r"brown", "red": r"red", "orange": r"orange", "yellow": r"yellow",
        "purple": r"purple", "pink": r"pink", "blue": r"blue", "white": r"white",
    },
    "brightness": {
        "bright": r"bright|hyperintense|hyperdense|hyperechoic", "grey": r"gr[ea]y",
        "dark": r"dark|hypointense|hypodense|hypoechoic", "pale": r"pale",
    },
}  # fmt: skip
NUMBERS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
# Things whose names hold words that would else be read as values.
THINGS = {
    "white_blood_cell": r"white blood cells?|leu[ck]ocytes?",
    "red_blood_cell": r"red blood cells?|erythrocytes?",
    "optic_disc": r"optic dis[ck]s?",
}  # fmt: skip
# The other value of a two-valued kind is meant when one of them is denied.
OPPOSITE = {
    "normal": "abnormal", "abnormal": "normal", "present": "absent", "absent": "present",
    "regular": "irregular", "irregular": "regular", "benign": "malignant", "malignant": "benign",
    "enlarged": "normal-sized", "normal-sized": "enlarged",
}  # fmt: skip
# Appearance words are looked at for contradictions, and required only where a claim has nothing firmer.
SOFT_KINDS = ("hue", "brightness")
# One claim has one value of these; of findings, colours and modalities a sentence may name several.
SINGLE_KINDS = ("side", "level", "state", "existence", "border", "number")
# A topic that names a kind is discussed when any value of these kinds is stated.
KIND_TOPICS = {
    "finding": ("finding", "state", "nature"), "diagnosis": ("finding", "state", "nature"),
    "modality": ("modality",), "plane": ("plane",), "answer": ("reply",), "size": ("size",),
    "side": ("side",), "position": ("side", "level"), "place": ("side", "level"),
    "location": ("side", "level"), "color": ("hue",), "border": ("border",), "count": ("number",),
    "number": ("number",), "presence": ("existence",),
}  # fmt: skip
NEGATORS = {"no", "not", "without", "never", "neither", "nor", "cannot"}
SCOPE_ENDS = {
    "but", "however", "although", "though", "while", "whereas", "among", "in", "on", "at", "between",
    "beside", "therefore", "thus", "hence", "because", "since",
}  # fmt: skip
ARTICLES = {"a", "an", "the", "there"}
_FOUND = r"(?:seen|visible|present|shown|evident|identified|found|detected|demonstrated|noted|observed)"
DENIED_AFTER = (
    rf"(?:is|are|was|were|can be|has been|have been) (?:absent|excluded|ruled out|missing|not {_FOUND})"
    rf"|\bcannot be {_FOUND}|\bunlikely\b"
)
# Said otherwise before reading: contractions, and turns of phrase that deny what follows.
REWRITES = (
    (r"\bcan['’]t\b", "cannot"), (r"n['’]t\b", " not"),
    (r"\b(?:not|cannot) (?:be |completely |fully )?(?:rule out|exclude)\b", "may"),
    (
        r"\b(?:rul(?:es?|ing) out|exclud(?:es?|ing)|(?:absence|lack) of|free of"
        r"|(?:argu|speak)(?:es|s|ing)? against)\b",
        "no",
    ),
)  # fmt: skip
STOPWORDS = {
    "a", "an", "the", "this", "that", "these", "those", "there", "here", "it", "its", "is", "are",
    "was", "were", "be", "been", "being", "has", "have", "had", "do", "does", "did", "can", "could",
    "may", "might", "will", "would", "shall", "should", "must", "and", "or", "nor", "of", "to",
    "in", "on", "at", "by", "for", "from", "with", "without", "into", "over", "under", "than", "as",
    "so", "thus", "hence", "therefore", "because", "since", "but", "however", "although", "while",
    "whereas", "which", "who", "what", "when", "where", "how", "why", "image", "images", "picture",
    "pictures", "show", "shows", "shown", "showing", "see", "appear", "appears", "seem", "seems",
    "typically", "usually", "often", "generally", "general", "commonly", "mean", "means", "look",
    "looks", "like", "name", "names", "we", "i", "you", "he", "she", "they", "not", "no", "never",
    "neither", "cannot", "also", "very", "quite", "more", "most", "less", "least", "such", "some",
    "any", "each", "every", "all", "among", "between", "beside", "across", "only", "then", "if",
    "out", "up", "off",
}  # fmt: skip
SPELLINGS = (
    (r"haem", "hem"), (r"\boed", "ed"), (r"colour", "color"), (r"tumour", "tumor"), (r"\bgrey", "gray"),
    (r"centre", "center"), (r"fibre", "fiber"),
)  # fmt: skip
