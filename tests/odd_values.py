"""What a slip of the hand, another program or an attacker puts where a name, a number or a text belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
MARKUP = """</script><script>alert(1)</script><img src=x onerror="alert(2)">' & {{ 7 * 7 }} <b>"""
WORDS = (
    "",
    " ",
    "..",
    ".",
    "../../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:\\x",
    "%2e%2e%2f",
    "a\0b",
    "a\nb",
    "a\u202eb",
    "\ufeffa",
    "\ud800",
    "CON",
    "__proto__",
    "${steps}",
    "${none}",
    "${}",
    "!!python/object:os.system",
    "é" * 90,
    "x" * 3000,
    MARKUP,
)
words = st.sampled_from(WORDS) | st.text(max_size=6)
numbers = st.sampled_from(
    [
        0,
        -1,
        1,
        2,
        True,
        False,
        10**9,
        2**63,
        -(2**63) - 1,
        10**400,
        0.5,
        -0.0,
        1e308,
        5e-324,
        float("nan"),
        float("inf"),
        -float("inf"),
    ]
)
scalars = st.none() | numbers | words


def tried(call: Callable[[], T], *errors: type[Exception]) -> tuple[T | None, str]:
    """What a call returns, or the message of one of the errors that it may raise instead; no other passes."""
    try:
        return call(), ""
    except errors as error:
        told = str(error)
    assert told.strip()
    return None, told


def nested(keys: st.SearchStrategy[Any] = words) -> st.SearchStrategy[Any]:
    """Values of JSON and what lies beyond, some levels deep."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all values inside one."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [path, *(place for key in keys for place in places(value[key], (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], change: Any) -> Any:
    """A copy in which `change(parent, key)` was called with a copy of the parent of what lies at `path`."""
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1:
        change(copy, path[0])
    else:
        copy[path[0]] = changed(value[path[0]], path[1:], change)
    return copy


@st.composite
def mutated(draw: st.DrawFn, value: Any, others: st.SearchStrategy[Any] | None = None) -> Any:
    """A document of mappings and lists with one to three changes: gone, doubled, renamed or other."""
    others = nested() if others is None else others
    for _ in range(draw(st.integers(1, 3))):
        ways = [path for path in places(value) if path]
        if not ways:
            break
        path = draw(st.sampled_from(ways))
        kind = draw(st.sampled_from(["replace", "replace", "remove", "rename", "double", "move"]))
        new = draw(others) if kind == "replace" else draw(words) if kind == "rename" else None
        other = draw(st.sampled_from(ways))

        def change(parent: Any, key: Any, kind: str = kind, new: Any = new, other: Any = other) -> None:
            if kind == "replace":
                parent[key] = new
            elif kind == "remove":
                del parent[key]
            elif isinstance(parent, list):
                parent.insert(key, parent[key])
            elif kind == "rename":
                parent[new] = parent.pop(key)
            else:
                parent[str(other[-1])] = parent[key]

        value = changed(value, path, change)
    return value
