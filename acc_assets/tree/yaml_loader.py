"""Reading YAML so that mistakes can be named with their line."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import yaml

from acc_assets.tree.errors import RecipeError
from acc_assets.tree.names import checked_text


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

    def construct_document(self, node: yaml.Node) -> Any:
        _check_size(node, {}, ())
        return super().construct_document(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            if isinstance(node, yaml.ScalarNode):
                checked_text(node.value)
            found = super().construct_object(node, deep)
            if isinstance(found, int) and found.bit_length() > MAX_BITS:  # Python itself refuses to write it
                raise OverflowError
            return found
        except (
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
            ArithmeticError,
        ):  # such as 2001-99-99, !!int x, "\\ud800"
            value = reprlib.repr(node.value) if isinstance(node, yaml.ScalarNode) else "what stands here"
            problem = f"{value} is no {node.tag.rpartition(':')[2]}."
            raise RecipeFileError(
                problem, line=node.start_mark.line + 1, remedy="Write text in quotes."
            ) from None

    def construct_located(self, node: yaml.MappingNode) -> Iterator[Located]:
        mapping = Located()
        mapping.line = node.start_mark.line + 1
        yield mapping
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                raise RecipeFileError(
                    "a key is no text but a list or a mapping.", line=line, remedy="Write a name."
                )
        own = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != _MERGE]
        twice = sorted({str(key) for key in own if own.count(key) > 1})
        if twice:
            raise RecipeFileError(
                f"the key {twice} stands twice.", line=mapping.line, remedy="Keep one of them."
            )
        self.flatten_mapping(node)  # merged keys first, so that own ones count
        mapping.lines = {str(self.construct_object(key)): key.start_mark.line + 1 for key, _ in node.value}
        mapping.update({str(k): v for k, v in self.construct_mapping(node, deep=True).items()})


_MERGE = "tag:yaml.org,2002:merge"


def _check_size(node: yaml.Node, sizes: dict[int, int], around: tuple[int, ...]) -> int:
    """How many values a document has once every alias is written out; refuses what would never come to an end."""
    line = node.start_mark.line + 1
    if id(node) in around:
        raise RecipeFileError("an alias stands inside of what it names.", line=line, remedy="Write it out.")
    if len(around) > MAX_DEPTH:
        raise RecipeFileError(f"values are nested more than {MAX_DEPTH} deep.", line=line, remedy=_FLATTER)
    if id(node) not in sizes:
        inside = (
            [part for pair in node.value for part in pair]
            if isinstance(node, yaml.MappingNode)
            else node.value
        )
        parts = () if isinstance(node, yaml.ScalarNode) else inside
        sizes[id(node)] = 1 + sum(_check_size(part, sizes, (*around, id(node))) for part in parts)
    if sizes[id(node)] > MAX_VALUES:
        raise RecipeFileError(
            f"with its aliases it holds more than {MAX_VALUES:,} values.", line=line, remedy=_FLATTER
        )
    return sizes[id(node)]


MAX_BITS = 1024
MAX_DEPTH, MAX_VALUES = 40, 100_000  # a recipe of a thousand nodes has 30,000
_FLATTER = "A recipe names what is to be done, and no data."


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


def load(text: bytes) -> Any:
    """The value of a recipe file in UTF-8; raises `RecipeFileError` for what is none."""
    try:
        decoded = text.decode()
        return yaml.load(decoded, Loader=RecipeLoader)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise RecipeFileError(
            f"byte {error.start} is not UTF-8.", line=line, remedy="Save it as UTF-8."
        ) from None
    except yaml.reader.ReaderError as error:
        line = decoded.count("\n", 0, error.position) + 1
        shown = f"not valid YAML: the character U+{error.character:04X} is not allowed."
        raise RecipeFileError(shown, line=line, remedy="Take it out.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeFileError(f"not valid YAML: {error.problem}.", line=line) from None
    except RecursionError:
        raise RecipeFileError(
            f"values are nested more than {MAX_DEPTH} deep.", line=1, remedy=_FLATTER
        ) from None


def parse_value(text: str) -> Any:
    """The value that a text stands for in a recipe file: a number, a truth value, a list, or the text itself.

    Raises `RecipeError` for a text that stands for nothing, such as a bracket that is not closed.
    """
    try:
        return load(text.encode("utf-8", "surrogateescape"))
    except RecipeError as error:
        raise RecipeError(
            f"{reprlib.repr(text)} is no value: {error.problem}", remedy="Put text into quotes."
        ) from None
