from .answer import Answer as Answer
from .answer import Decoding as Decoding
from .answer import Prompt as Prompt
from .answer import Question as Question
from .catalogue import ModelCard as ModelCard
from .catalogue import load_catalogue as load_catalogue
from .loading import load_model as load_model
from .session import LoadedModel as LoadedModel
