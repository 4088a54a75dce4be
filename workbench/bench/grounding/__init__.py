"""The grounding benchmark: does each method's map point at the finding, and does what it marks matter?

Names are loaded when they are first used, and declared in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
