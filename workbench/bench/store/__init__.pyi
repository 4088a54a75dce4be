from .records import to_json as to_json
from .results import has_results as has_results
from .results import read_run as read_run
from .run_lines import current_lines as current_lines
