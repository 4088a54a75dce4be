"""Open the workbench page: `python app.py` on your machine, or this file as a Space."""

import sys

from workbench.errors import UserFacing
from workbench.space.allowed import read_settings
from workbench.ui.launch import serve

if __name__ == "__main__":
    try:
        serve(read_settings(sys.argv[1:]))
    except UserFacing as fault:
        sys.exit(str(fault))
