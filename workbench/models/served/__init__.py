"""Models behind OpenAI-compatible servers (vLLM, TGI, llama.cpp): asked over the wire, weights elsewhere.

Names are loaded when they are first used, and declared in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
