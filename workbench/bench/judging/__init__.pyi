from .preference import run_preference as run_preference
from .served_judge import LLMJudge as LLMJudge
from .served_judge import open_judge as open_judge
from .verdicts import judge_run as judge_run
from .verdicts import judges_agreement as judges_agreement
from .verdicts import read_verdicts as read_verdicts
