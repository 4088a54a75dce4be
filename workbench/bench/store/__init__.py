"""The store: result lines and the record of how they were asked for.

Names are loaded when they are first used, and declared in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
