"""The answered case: one question on one image, answered by one model, and everything made of it.

Names are loaded when they are first used, and declared in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
