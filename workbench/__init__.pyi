from . import (
    bench as bench,
)
from . import (
    cases as cases,
)
from . import (
    explain as explain,
)
from . import (
    imaging as imaging,
)
from . import (
    models as models,
)
from . import (
    traces as traces,
)
from .cases import AnsweredCase as AnsweredCase
from .errors import UserFacing as UserFacing
from .explain import HeatMap as HeatMap
from .explain import Refusal as Refusal
from .explain import Span as Span
from .imaging import MedicalImage as MedicalImage
from .imaging import load_image as load_image
from .library import (
    ComparedAnswers as ComparedAnswers,
)
from .library import (
    ask as ask,
)
from .library import (
    compare as compare,
)
from .library import (
    example as example,
)
from .models import (
    Decoding as Decoding,
)
from .models import (
    LoadedModel as LoadedModel,
)
from .models import (
    Question as Question,
)
from .models import (
    load_model as load_model,
)
from .models import (
    load_pair as load_pair,
)
from .settings import Settings as Settings

__version__: str
