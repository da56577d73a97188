"""Reading YAML so that mistakes can be named with their line."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import yaml

from acc_assets.tree.errors import RecipeError


class RecipeFileError(RecipeError):
    """A recipe file with a mistake at a known line."""

    def __init__(self, problem: str, *, line: int, remedy: str = "", recipe: str = "") -> None:
        self.line = line
        super().__init__(problem, remedy=remedy, recipe=recipe)


class Located(dict[str, Any]):
    """A YAML mapping that knows the line it starts at, and those of its keys."""

    line: int = 0
    lines: Mapping[str, int] = MappingProxyType({})


class RecipeLoader(yaml.SafeLoader):
    """Reads mappings with their lines, refuses keys that stand twice, and takes 1e-3 for a number."""

    def construct_located(self, node: yaml.MappingNode) -> Iterator[Located]:
        mapping = Located()
        mapping.line = node.start_mark.line + 1
        yield mapping
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        mapping.lines = {
            str(name): key.start_mark.line + 1 for name, (key, _) in zip(keys, node.value, strict=True)
        }
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise RecipeFileError(
                f"the key {twice} stands twice.", line=mapping.line, remedy="Keep one of them."
            )
        mapping.update({str(k): v for k, v in self.construct_mapping(node, deep=True).items()})


# YAML 1.1 reads 1e-3 as a word; people mean a number.
RecipeLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+\Z"), list("-+0123456789")
)
RecipeLoader.add_constructor("tag:yaml.org,2002:map", RecipeLoader.construct_located)


def located(values: Mapping[str, Any], line: int) -> Located:
    """A mapping that stands at a line."""
    found = Located(values)
    found.line = line
    return found


def from_json(value: Any) -> Any:
    """A JSON value as a recipe file gives it: its mappings, which stand at no line, are `Located`."""
    if isinstance(value, dict):
        return located({key: from_json(item) for key, item in value.items()}, 0)
    return [from_json(item) for item in value] if isinstance(value, list) else value


def parse_value(text: str) -> Any:
    """The value that a text stands for in a recipe file: a number, a truth value, a list, or the text itself.

    Raises `RecipeError` for a text that stands for nothing, such as a bracket that is not closed.
    """
    try:
        return yaml.load(text, Loader=RecipeLoader)
    except (yaml.YAMLError, RecipeError, ValueError) as error:
        problem = getattr(error, "problem", None) or error
        raise RecipeError(
            f"{reprlib.repr(text)} is no value: {problem}.", remedy="Put text into quotes."
        ) from None
