from . import export as export
from .model import Report as Report
from .stored import open_report as open_report
