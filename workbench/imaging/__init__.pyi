from .limits import DEFAULT_LIMITS as DEFAULT_LIMITS
from .limits import ImageLimits as ImageLimits
from .load import from_array as from_array
from .load import load_image as load_image
from .medical_image import (
    DisplayWindow as DisplayWindow,
)
from .medical_image import (
    GreySource as GreySource,
)
from .medical_image import (
    MedicalImage as MedicalImage,
)
from .windowing import rewindow as rewindow
