"""Medical Reasoning Workbench: see why a medical vision-language model said what it said."""

__version__ = "0.1.0"
