"""Frozen dataclasses to JSON and back, by their type hints.

A dataclass is an object with its fields in order, a tuple a list, None null. Two rules keep files as they
are: a field with the metadata OPTIONAL is left out where it is None, and {} stands for None where a record or
None is expected.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
Turn = Callable[[Any], Any]
OPTIONAL = {"optional": True}  # metadata of a field that its object lacks where it is None
# A whole number is a float too, True and False are not numbers.
_PLAIN: dict[Any, tuple[type, ...]] = {float: (int, float), int: (int,), str: (str,), bool: (bool,)}


def from_json(kind: type[Record], value: Any) -> Record:
    """The record of class `kind` that a JSON object holds; what the class does not know is passed over.

    Raises TypeError for a value of the wrong kind and for a field that is missing.
    """
    return _reader(kind)(value)


def to_json(record: Any) -> dict[str, Any]:
    """The JSON object of a record, of dicts, lists and plain values."""
    return _writer(type(record))(record)


@cache
def _reader(kind: Any) -> Turn:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return _record_reader(kind, {field.name: _reader(hints[field.name]) for field in fields(kind)})
    inner, args = get_origin(kind), get_args(kind)
    if inner in (Union, UnionType):
        (known,) = (arg for arg in args if arg is not NoneType)
        read, empty = _reader(known), {} if is_dataclass(known) else None
        return lambda value: None if value is None or value == empty else read(value)
    if inner is dict:
        read = _reader(args[1])
        return lambda value: {name: read(part) for name, part in _of(dict, value).items()}
    if inner is tuple:
        return _tuple_reader(args)
    if inner is Literal:
        return lambda value: value if value in args else _wrong(kind, value)
    if kind in _PLAIN:
        return _plain_reader(kind)
    return lambda value: value


def _record_reader(kind: Any, readers: Mapping[str, Turn]) -> Turn:
    def read(value: Any) -> Any:
        found = _of(dict, value)
        return kind(**{name: turn(found[name]) for name, turn in readers.items() if name in found})

    return read


def _tuple_reader(args: tuple[Any, ...]) -> Turn:
    if args[-1] is Ellipsis:
        read = _reader(args[0])
        return lambda value: tuple(read(part) for part in _of(list, value))
    readers = [_reader(arg) for arg in args]

    def read_each(value: Any) -> tuple[Any, ...]:
        if len(_of(list, value)) != len(readers):
            _wrong(args, value)
        return tuple(turn(part) for turn, part in zip(readers, value, strict=True))

    return read_each


def _plain_reader(kind: Any) -> Turn:
    allowed = _PLAIN[kind]
    boolean = kind is bool

    def read(value: Any) -> Any:
        if isinstance(value, allowed) and isinstance(value, bool) is boolean:
            return value
        return _wrong(kind, value)

    return read


def _of(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else _wrong(kind, value)


def _wrong(kind: Any, value: Any) -> Any:
    raise TypeError(f"{str(value)[:40]!r} is not of the kind {getattr(kind, '__name__', kind)}")


@cache
def _writer(kind: Any) -> Turn:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return _record_writer(
            [(field.name, _writer(hints[field.name]), field.metadata == OPTIONAL) for field in fields(kind)]
        )
    inner, args = get_origin(kind), get_args(kind)
    if inner in (Union, UnionType):
        (known,) = (arg for arg in args if arg is not NoneType)
        write, record = _writer(known), is_dataclass(known)
        return lambda value: ({} if record else None) if value is None else write(value)
    if inner is dict:
        write = _writer(args[1])
        return lambda value: {name: write(part) for name, part in value.items()}
    if inner is tuple:
        writers = [_writer(arg) for arg in args if arg is not Ellipsis]
        if args[-1] is Ellipsis:
            return lambda value: [writers[0](part) for part in value]
        return lambda value: [turn(part) for turn, part in zip(writers, value, strict=True)]
    return lambda value: value


def _record_writer(writers: list[tuple[str, Turn, bool]]) -> Turn:
    def write(record: Any) -> dict[str, Any]:
        return {
            name: turn(value)
            for name, turn, optional in writers
            if (value := getattr(record, name)) is not None or not optional
        }

    return write
