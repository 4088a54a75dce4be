"""Every sentence of the page that is longer than a label."""

TITLE = "Medical Reasoning Workbench"
DROP_LABEL = "Image file: drop, choose or paste"
FORMATS = (
    "PNG, JPEG, WebP, TIFF, BMP, GIF or DICOM. The picture is decoded in memory, names and other header "
    "fields are dropped, and the file is deleted at once."
)
MODELS_SEE_WINDOW = "The models will see the picture as it is shown now, from the next question on."
TEXT_READY = "Question ready. It is asked without a picture."
RECOVERY = "Text-only models are always asked again. Such answers are marked as recovered."
ANSWER_STYLES = [
    ("Reason in steps, then answer", "trace"),
    ("Short answer only", "short"),
    ("The question as it stands", "bare"),
]

ABOUT = """
### What this is
Two models answer the same question about the same picture: one before and one after it was taught to
reason in steps. Beside each step and word stands a map of the picture and how much of the evidence came
from the picture at all. A map shows **what influenced the model, not where disease is**.

### Limits
- The shipped pair is a small teaching model. It makes mistakes, often and fluently.
- Sides are the sides of the picture, not of the patient.
- Attention maps show where a model read; they do not prove why it answered.
- Text inside a picture, and text that you type, can mislead a model.

### Privacy
- A picture is decoded and its file is deleted at once. From then on it is kept in memory alone, until you
  press Clear, close the page, or leave it idle for half an hour.
- Names, dates and other header fields of DICOM, EXIF and similar data are dropped before anything else
  happens. Text burned into the picture can't be removed reliably: don't use such pictures.
- Slices of a head can be recognisable as a face. Don't upload them without consent.
- Questions and answers are not logged. The page asks no other server for anything and counts nobody. The
  one exception is a model that is served elsewhere: its column says so, and pictures and questions go there.

### Sources
The four systems that this workbench follows are OpenMedReason, MediX-R1, MedSSR and OpenMedQ; their
published figures stand in a panel of their own on the Benchmark tab. The example pictures are drawn by
the project, or come with the pydicom package (MIT licence).
"""
