"""Whether the fields of a configuration hold what their annotations say."""

from __future__ import annotations

import dataclasses
import reprlib
import sys
import types
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin


def check_field_types(config: Any) -> None:
    """Raise `TypeError` for the first field of a dataclass whose value is not of its annotation's type.

    A whole number will do for a float and a list for a tuple; True and False are no numbers. Annotations that name what
    is imported for type checkers only are not looked at.
    """
    kind: type = type(config)
    for name, hint, plain in _hints(kind):
        value = getattr(config, name)
        if type(value) not in plain and not _fits(value, hint):
            allowed = next(field.type for field in dataclasses.fields(config) if field.name == name)
            raise TypeError(f"{kind.__name__}: {name} is {reprlib.repr(value)}; allowed is {allowed}")


@lru_cache(maxsize=256)
def _hints(kind: type) -> list[tuple[str, Any, frozenset[type]]]:
    """Name and annotation of every field, and the plain types that the annotation names: most values are of these."""
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        names = vars(sys.modules[base.__module__]) if base.__module__ in sys.modules else {}
        for name, annotation in vars(base).get("__annotations__", {}).items():
            try:
                hints[name] = eval(annotation, dict(names)) if isinstance(annotation, str) else annotation
            except NameError:
                hints[name] = Any
    fields = [field.name for field in dataclasses.fields(kind) if hints[field.name] is not Any]
    return [(name, hints[name], _plain(hints[name])) for name in fields]


def _plain(hint: Any) -> frozenset[type]:
    if get_origin(hint) in (Union, types.UnionType):
        return frozenset().union(*map(_plain, get_args(hint)))
    if hint is float:
        return frozenset((float, int))
    return frozenset((hint,)) & {bool, int, str, types.NoneType} if isinstance(hint, type) else frozenset()


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple and arguments:
        if not isinstance(value, tuple | list):
            return False
        if arguments[-1] is Ellipsis:
            return all(_fits(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(_fits, value, arguments))
    if hint is None or hint is types.NoneType:
        return value is None
    if hint is Any or not isinstance(hint, type):  # or something that only a type checker can decide
        return True
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
