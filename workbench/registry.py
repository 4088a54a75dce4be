"""One kind of registry for everything that can be added: methods, metrics, families, judges, importers.

An entry comes from the package, from an installed package's entry points (group `workbench.methods`, say),
or from a call of `register` in a notebook or a test. All three look the same to whoever reads the registry.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Generic, TypeVar

from workbench.errors import UserFacing

LOG = logging.getLogger(__name__)
Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Entries by name, in order: the package's own, then those of installed packages, then registered ones.

    `kind` is what one entry is called in a sentence ("method"); `group` the entry point group, whose objects
    are entries or iterables of entries; `builtin` the package's own; `name` tells the name of an entry.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Iterable[Entry],
        name: Callable[[Entry], str] = attrgetter("name"),
    ) -> None:
        self.kind, self.group, self._name = kind, group, name
        self._entries: dict[str, Entry] = {}
        self._installed_read = False
        for entry in builtin:
            self._add(entry)

    def register(self, entry: Entry) -> Entry:
        """Add an entry and return it. Raises ValueError when its name is taken."""
        self._read_installed()
        self._add(entry)
        return entry

    def unregister(self, name: str) -> None:
        """Take an entry out again; raises KeyError for an unknown name."""
        del self._entries[name]

    def get_or_raise(self, name: str) -> Entry:
        """The entry of that name; raises UserFacing that lists the known ones."""
        try:
            return self[name]
        except KeyError:
            raise UserFacing(
                f"There is no {self.kind} named {name!r}.", f"Known {self.kind}s: {', '.join(self)}."
            ) from None

    def __getitem__(self, name: str) -> Entry:
        self._read_installed()
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        self._read_installed()
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        self._read_installed()
        return len(self._entries)

    def _add(self, entry: Entry) -> None:
        name = self._name(entry)
        if name in self._entries:
            raise ValueError(f"there is a {self.kind} named {name!r} already")
        self._entries[name] = entry

    def _read_installed(self) -> None:
        """Entry points are read once, when first needed; a broken one is named in the log and left out."""
        if self._installed_read:
            return
        self._installed_read = True
        for point in entry_points(group=self.group):
            try:
                found = point.load()
                for entry in found if isinstance(found, list | tuple) else (found,):
                    self._add(entry)
            except Exception:
                LOG.exception("the %s %r of an installed package can't be used", self.kind, point.name)
