"""Canonical JSON of configurations, and its hash: what makes a node the node it is."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from acc_assets.tree.sources import PACKAGE, USER_CODE, digest, source_hash


@dataclasses.dataclass(frozen=True)
class Call:
    """A callable with its keyword arguments, to be called when an asset materializes.

    The code of the file that defines the callable, and of the local files that it imports, is part of the spec, so that
    an edited model makes its nodes stale.
    """

    target: Callable[..., Any]
    kwargs: Mapping[str, Any]

    def __post_init__(self) -> None:
        name = getattr(self.target, "__qualname__", "")
        if not name:
            raise ValueError(
                f"{self.target!r} has no name. Pass a function or class and its arguments as keywords."
            )
        if "<lambda>" in name or "<locals>" in name:
            raise ValueError(
                f"{name} is a lambda or a nested function, whose captured values cannot be hashed. "
                "Name a function or class at the top level of the recipe file and pass its arguments as keywords."
            )

    def build(self) -> Any:
        """Call the target."""
        return self.target(**self.kwargs)

    load = build

    def __getattr__(self, name: str) -> Any:
        # A builder that takes `latent_dim=` or `factor_groups=` describes its model by them, as a config does.
        kwargs = object.__getattribute__(self, "kwargs")
        if not name.startswith("_") and name in kwargs:
            return kwargs[name]
        raise AttributeError(name)


def bind(target: Any, kwargs: Mapping[str, Any]) -> Any:
    """Make one configuration from what a recipe passes: a config, a config class or any callable.

    Raises `TypeError` where the arguments do not fit and `ValueError` for lambdas and nested functions.
    """
    if isinstance(target, type) and dataclasses.is_dataclass(target):
        return target(**kwargs)
    if not isinstance(target, type) and (hasattr(target, "build") or hasattr(target, "load")):
        if kwargs:
            raise TypeError(f"{target!r} is complete already and takes no {sorted(kwargs)}")
        return target
    if not callable(target):
        raise TypeError(f"{target!r} is neither a configuration nor a callable")
    inspect.signature(target).bind(**kwargs)
    return Call(target, dict(kwargs))


def canonical(value: Any) -> Any:
    """Turn a configuration into plain JSON values; dataclasses carry their type's name.

    Fields whose metadata say `hashed=False` (labels for people) are left out. Raises `TypeError` for a value that has
    no canonical form, naming it.
    """
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{value} is not a finite number")
        return value
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, Mapping):
        return {str(key): canonical(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, set | frozenset | range):
        return [canonical(item) for item in sorted(value)]
    if isinstance(value, Call):
        return {
            "call": value.target.__qualname__,
            "kwargs": canonical(value.kwargs),
            "source": source_hash(value.target),
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: canonical(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.metadata.get("hashed", True)
        }
        kind = type(value)
        own = kind.__module__.startswith(f"{PACKAGE}.") and not kind.__module__.startswith(USER_CODE)
        return {"type": kind.__name__, **fields} | ({} if own else {"source": source_hash(kind)})
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot stand in a recipe's configuration")


def spec_hash(spec: Mapping[str, Any]) -> str:
    """Hash of a canonical spec: equal specs, equal hashes, whatever the order of keys."""
    return digest(json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=True))
