"""From bytes to a picture that carries no identifiers, and back to a picture with a map on it."""

from workbench.imaging.limits import DEFAULT_LIMITS, ImageLimits
from workbench.imaging.load import from_array, load_image
from workbench.imaging.medical_image import DisplayWindow, GreySource, MedicalImage
from workbench.imaging.windowing import rewindow

__all__ = [
    "DEFAULT_LIMITS", "DisplayWindow", "GreySource", "ImageLimits", "MedicalImage", "from_array",
    "load_image", "rewindow",
]  # fmt: skip
