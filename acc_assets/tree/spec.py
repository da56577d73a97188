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

    def build(self) -> Any:
        """Call the target; where it gives a configuration, build that."""
        built = self.target(**self.kwargs)
        return built.build() if is_configuration(built, "build") else built

    def __getattr__(self, name: str) -> Any:
        # A builder that takes `latent_dim=` or `factor_groups=` describes its model by them, as a config does.
        kwargs = object.__getattribute__(self, "kwargs")
        if not name.startswith("_") and name in kwargs:
            return kwargs[name]
        raise AttributeError(name)


def bind_model(builder: Any, kwargs: Mapping[str, Any]) -> Any:
    """Make a model's configuration from what a recipe passes.

    A function or class at the top level of a file is kept with its arguments and called when an asset materializes,
    since its code can be hashed. Any other callable, such as a lambda, is called now and must give a configuration.
    Raises `TypeError` where the arguments do not fit, or what was given is no model.
    """
    config = _configured(builder, kwargs)
    if config is None and _is_at_top_level(builder):
        inspect.signature(builder).bind(**kwargs)
        config = Call(builder, dict(kwargs))
    elif config is None:
        config = builder(**kwargs)
    if not is_configuration(config, "build"):
        raise TypeError(
            f"{_name(builder)} gave {_kind(config)}. While a recipe is traced it must give a model configuration; for "
            "an nn.Module, name a function or class at the top level of the recipe file and pass its arguments as "
            "keywords."
        )
    canonical(config)
    return config


def bind_dataset(loader: Any, kwargs: Mapping[str, Any]) -> Any:
    """Make a data set's configuration from what a recipe passes: a config, its class, or a callable, which is called.

    Raises `TypeError` where the arguments do not fit, or what was given is no data set.
    """
    config = _configured(loader, kwargs)
    if config is None:
        config = loader(**kwargs)
    if not is_configuration(config, "load", "describe", "files"):
        raise TypeError(
            f"{_name(loader)} gave {_kind(config)}. A data set is a configuration such as Mnist(image_size=32), a "
            "frozen dataclass of your own that derives from acc_assets.datasets.DatasetConfig, or a loaded ImageData."
        )
    canonical(config)
    return config


def is_configuration(value: Any, *methods: str) -> bool:
    """Whether a value is an instance of a dataclass with these methods."""
    return (
        dataclasses.is_dataclass(value)
        and not isinstance(value, type)
        and all(callable(getattr(value, method, None)) for method in methods)
    )


def _configured(target: Any, kwargs: Mapping[str, Any]) -> Any:
    """The configuration that a target is or, as its class, makes; None for any other callable."""
    if isinstance(target, type) and dataclasses.is_dataclass(target):
        return target(**kwargs)
    if dataclasses.is_dataclass(target):
        if kwargs:
            raise TypeError(f"{_kind(target)} is complete already and takes no {sorted(kwargs)}")
        return target
    if not callable(target):
        raise TypeError(f"{_kind(target)} is neither a configuration nor a callable")
    return None


def _is_at_top_level(target: Any) -> bool:
    # The code of methods and nested functions is not what `source_hash` covers, nor are the values they captured.
    name = getattr(target, "__qualname__", "")
    return bool(name) and "." not in name and "<" not in name and not inspect.ismethod(target)


def _name(target: Any) -> str:
    return str(getattr(target, "__qualname__", None) or type(target).__name__).rpartition("<locals>.")[2]


def _kind(value: Any) -> str:
    return (
        f"the class {value.__name__}"
        if isinstance(value, type)
        else f"a value of type {type(value).__name__}"
    )


def canonical(value: Any) -> Any:
    """Turn a configuration into plain JSON values; dataclasses carry their type's name.

    Fields whose metadata say `hashed=False` (labels for people) are left out. A class's `version` comes in, so that a
    change of the code behind a configuration of this package makes its users stale, and those alone. Raises
    `TypeError` for a value that has no canonical form, naming it.
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
        kind = type(value)
        own = kind.__module__.startswith(f"{PACKAGE}.") and not kind.__module__.startswith(USER_CODE)
        raised = getattr(kind, "version", None)
        version = {"version": raised} if isinstance(raised, int) else {}
        fields = {
            field.name: canonical(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.metadata.get("hashed", True)
        }
        return {"type": kind.__name__, **version, **fields} | ({} if own else {"source": source_hash(kind)})
    raise TypeError(
        f"{value!r} of type {type(value).__name__} cannot stand in a recipe's configuration; allowed are numbers, "
        "text, lists, mappings and frozen dataclasses of these"
    )


def spec_hash(spec: Mapping[str, Any]) -> str:
    """Hash of a canonical spec: equal specs, equal hashes, whatever the order of keys."""
    return digest(json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=True))
