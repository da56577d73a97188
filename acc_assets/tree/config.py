"""What a configuration is: a frozen dataclass whose annotations say types and ranges, checked when one is made."""

from __future__ import annotations

import dataclasses
import functools
import reprlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, overload

import pydantic.dataclasses
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import dataclass_transform

T = TypeVar("T")
MAX_STEPS = 10**9  # at a thousand steps a second that is twelve days, so more is a slip of the hand
# A whole number will do for a float; otherwise nothing is converted: True is no number, "3" no number, 1.5 not whole.
RULES = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)
_AS_YAML_GIVES_IT = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)

Name = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="letters, digits and '_', starting with a letter"),
]
Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS)]
PositiveNumber = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Several = Annotated[tuple[T, ...], Field(min_length=1), _AS_YAML_GIVES_IT]
AnyNumberOf = Annotated[tuple[T, ...], _AS_YAML_GIVES_IT]
Pair = Annotated[tuple[T, T], _AS_YAML_GIVES_IT]


@overload
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def config(cls: type[T]) -> type[T]: ...
@overload
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def config(*, kw_only: bool = True) -> Callable[[type[T]], type[T]]: ...
def config(cls: type[T] | None = None, *, kw_only: bool = True) -> Any:
    """Make a class a configuration: a frozen dataclass that checks its fields by their annotations.

    A whole number will do for a float, and a list for the tuples of this module. Constraints between fields stand in
    `__post_init__`, which raises `ValueError`. Whatever is wrong is a `ValueError` of one line a field, with the
    class, the field, the value and what is allowed. A plain dataclass that derives from a configuration has what it
    inherits checked, unless it has a `__post_init__` of its own that does not call this one.

    >>> @config
    ... class Walk:
    ...     steps: Positive
    >>> Walk(steps=0)
    Traceback (most recent call last):
    ValueError: Walk: steps is 0; allowed is a whole number from 1
    """
    if cls is None:
        return functools.partial(config, kw_only=kw_only)
    constraints: Callable[[Any], None] = getattr(cls, "__post_init__", lambda self: None)

    def __post_init__(self: Any) -> None:  # noqa: N807
        kind = type(self)
        if issubclass(kind, _TypesAlone):
            return
        if "__pydantic_decorators__" in vars(kind) or id(self) in _TYPED:
            constraints(self)
            return
        names = [field.name for field in dataclasses.fields(made) if field.init]
        inherited = types_alone(**{name: getattr(self, name) for name in names})
        for name in names:
            object.__setattr__(self, name, getattr(inherited, name))
        _TYPED.add(id(self))
        try:
            constraints(self)
        except ValueError as error:
            raise ValueError(f"{cls.__name__}: {error}") from None
        finally:
            _TYPED.discard(id(self))

    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
    made: Any = pydantic.dataclasses.dataclass(frozen=True, kw_only=kw_only, config=RULES)(cls)
    checked = made.__init__

    @functools.wraps(checked)
    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        try:
            checked(self, *args, **kwargs)
        except ValidationError as error:
            raise ValueError("\n".join(_lines(type(self), error, args, kwargs))) from None

    made.__init__ = __init__
    types_alone: Any = type(cls.__name__, (made, _TypesAlone), {})
    types_alone.__abstractmethods__ = frozenset()  # what is abstract is not asked of it
    return made


class _TypesAlone:
    """The part of a plain dataclass that a configuration gave it, made to check and convert its fields one by one."""


_TYPED: set[int] = set()  # plain dataclasses whose fields have been checked, while their constraints are


def json_schema(kind: type) -> dict[str, Any]:
    """JSON schema of a configuration class: its fields with types, ranges and defaults."""
    return TypeAdapter(kind).json_schema(schema_generator=JsonSchema)


class JsonSchema(GenerateJsonSchema):
    """Describes what JSON cannot hold, such as an array, by its class."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        return {"description": f"an instance of {schema['cls'].__name__}"} if "cls" in schema else {}


def _lines(kind: type, error: ValidationError, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """One line for each field at fault, however many things are wrong with it."""
    fields = [field for field in dataclasses.fields(kind) if field.init]
    by_position = [field.name for field in fields if not field.kw_only]
    given = dict(zip(by_position, args, strict=False)) | kwargs
    schema = json_schema(kind)
    lines: dict[Any, str] = {}
    errors = error.errors(include_url=False, include_input=False)
    for one in sorted(
        errors, key=lambda one: one["type"] != "unexpected_keyword_argument"
    ):  # a slip in a name first
        place = one["loc"][0] if one["loc"] else None
        if isinstance(place, int) and place < len(by_position):
            place = by_position[place]
        if place is None:  # of `__post_init__`
            line = str(one["ctx"]["error"]) if "ctx" in one else one["msg"]  # a name that is no UTF-8
        elif isinstance(place, int):
            line = f"{len(args)} values stand without a name; fields by position are {', '.join(by_position) or 'none'}"
        elif place not in schema["properties"]:
            line = f"there is no field {place!r}; fields are {', '.join(schema['properties'])}"
        elif one["type"] == "multiple_argument_values":
            line = f"{place} is given twice"
        else:
            fault = f"is {reprlib.repr(given[place])}" if place in given else "is missing"
            line = f"{place} {fault}; allowed is {_allowed(schema['properties'][place], schema)}"
        lines.setdefault(place, f"{kind.__name__}: {line}")
    return list(lines.values())


def _allowed(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a field's JSON schema allows, in words."""
    if "$ref" in field:
        kind = schema["$defs"][field["$ref"].rpartition("/")[2]]
        return f"{kind['title']}({', '.join(kind.get('required', ['...']))})"
    if "description" in field:
        return str(field["description"])
    if "anyOf" in field:  # None comes first
        options = sorted(field["anyOf"], key=lambda option: option.get("type") != "null")
        return " or ".join(_allowed(option, schema) for option in options)
    if "enum" in field or "const" in field:
        return " or ".join(map(repr, field.get("enum", [field.get("const")])))
    if field.get("type") == "array":
        if "prefixItems" in field:
            return f"{len(field['prefixItems'])} values, each {_allowed(field['prefixItems'][0], schema)}"
        least = field.get("minItems", 0)
        return f"a list{f' of at least {least}' if least else ''}, each {_allowed(field['items'], schema)}"
    words = _WORDS.get(field.get("type", ""), "a value of its type")
    bounds = (
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "to"),
        ("exclusiveMaximum", "below"),
    )
    multiple = f", a multiple of {field['multipleOf']}" if "multipleOf" in field else ""
    return " ".join([words, *(f"{word} {field[key]:,}" for key, word in bounds if key in field)]) + multiple


_WORDS = {
    "integer": "a whole number",
    "number": "a finite number",
    "string": "text",
    "boolean": "True or False",
    "null": "None",
}
