"""Reports: built from result lines, kept, and shown as text, charts, one HTML page or exported files.

Names are loaded when they are first used, and declared in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
