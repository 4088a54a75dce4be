"""The settings of a process, with what space.yaml allows a public page to load."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.settings import Settings
from workbench.space.card import enabled_models, pinned_models


def read_settings(
    argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None, prog: str = "app.py"
) -> Settings:
    """As `Settings.from_env`, with the pins of space.yaml; a public page offers the models that are enabled
    there. Raises UserFacing."""
    settings = replace(Settings.from_env(argv, environ, prog), pins=pinned_models())
    return replace(settings, public_models=enabled_models()) if settings.public else settings
