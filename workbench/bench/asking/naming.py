"""Names of the models of a run: results are kept by name, so no two may share one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.models.session import LoadedModel


def tell_apart(models: "Iterable[LoadedModel]") -> None:
    """Give models of one name the name of the folder around theirs too: two called "model" become
    "reinforce/model" and "rare/model", and as many more folders as it takes.

    Titles that were shared change with the names. Models that lie in the same place keep one name.
    """
    models = list(models)
    shared = Counter(model.name for model in models)
    for name in (name for name, count in shared.items() if count > 1):
        alike = [model for model in models if model.name == name]
        paths = [Path(model.card.location).resolve().parts for model in alike]
        depth = next(
            (
                depth
                for depth in range(2, max(map(len, paths)) + 1)
                if len({p[-depth:] for p in paths}) == len(paths)
            ),
            1,
        )
        for model, parts in zip(alike, paths, strict=True):
            if depth > 1:
                longer = "/".join((*parts[-depth:-1], name))
                title = longer if model.card.title == name else f"{model.card.title} ({longer})"
                model.card = replace(model.card, name=longer, title=title)
