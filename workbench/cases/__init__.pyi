from .answered import AnsweredCase as AnsweredCase
from .column import Column as Column
from .column import run_case as run_case
from .display import case_html as case_html
from .display import case_text as case_text
from .maps import MapSet as MapSet
from .maps import case_maps as case_maps
from .words import Word as Word
