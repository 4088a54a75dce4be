"""Medical Reasoning Workbench: see why a medical vision-language model said what it said.

    import workbench as wb
    model = wb.load_model("tuned")
    case = wb.ask(model, "chest.png", "What abnormality is shown?", options=["nodule", "none"])
    case
    case.explain("occlusion", span="answer")

Names are loaded when they are first used, and declared in `__init__.pyi`; `docs/python-api.md` tells them.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
