from .compare import Comparison as Comparison
from .compare import Side as Side
from .compare import compare_runs as compare_runs
