"""The code of a user's behind a recipe: which files it lies in, and their hash.

Imports are read from the text of the files, so that one inside a function counts too: a builder that imports torch, or
a model from a file beside the recipe, only when it is called.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

PACKAGE = __name__.split(".")[0]
USER_CODE = f"{PACKAGE}.recipes."
_LIBRARY_FOLDERS = {"site-packages", "dist-packages"}
_STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
# By the function or class itself, which stands for the code as it was loaded: a file that is edited afterwards and
# loaded again gives other objects.
_hashes: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def digest(text: str) -> str:
    """First 16 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def source_files(recipe: Path) -> dict[str, Path]:
    """The recipe file and every local file that its code imports, also indirectly or inside functions.

    Local are files beside the recipe, and modules found on the path that belong neither to the standard library nor
    to an installed distribution nor to this package. Keys are relative POSIX paths: written under these names into an
    empty folder, the files are a recipe that `discover_file` traces to the same hashes, whatever happens to the
    originals. A YAML recipe is its own file alone. Not seen are data files that the code opens, and imports whose
    names are made up while it runs.
    """
    if recipe.suffix != ".py":
        return {recipe.name: recipe}
    real = recipe.resolve()
    found = _closure(_parse(real), "", real.parent)
    others = {_as_path(name, path): path for name, path in sorted(found.items()) if path != real}
    return {recipe.name: recipe} | others


def source_hash(target: Any) -> str:
    """Hash of the code behind a function or class of a user's.

    It covers the whole file that defines it, recipes aside, and every local file that this one imports (see
    `source_files`): a builder's meaning lies in the classes, helpers and constants around it. Comments and layout do
    not count. Raises `TypeError` where there is no source, as for a function typed into a console.
    """
    known = _hashes.get(target)
    if known is None:
        known = _hashes[target] = _source_hash(target)
    return known


def is_local(folder: Path, name: str) -> bool:
    """Whether `import name` in a recipe of this folder means a file or package beside it; a library goes first."""
    top = name.partition(".")[0]
    if top == PACKAGE:  # a copy of what `source_files` names, from the folder of the recipes that come along
        return (
            name.startswith(USER_CODE)
            and file_of(folder, name) is not None
            and not (folder / top / "cli.py").exists()
        )
    if top in sys.stdlib_module_names:
        return False
    if file_of(folder, top) is not None:
        return not _is_library(_find_spec(top))
    # A folder without __init__.py comes last, as in Python itself.
    spec = _find_spec(top) if (folder / top).is_dir() else None
    return (folder / top).is_dir() and (spec is None or spec.origin is None)


def _source_hash(target: Any) -> str:
    module = sys.modules[target.__module__]
    file = getattr(module, "__file__", None)
    if file is None:
        raise TypeError(
            f"{target.__qualname__} of {module.__name__} has no source to be hashed; define it in a .py file"
        )
    path = Path(inspect.getsourcefile(module) or file)
    recipes = {
        name for name, value in vars(module).items() if isinstance(value, type) and hasattr(value, "seeds")
    }
    kept = [s for s in _parse(path) if not (isinstance(s, ast.ClassDef) and s.name in recipes)]
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    folder = None
    if module.__name__.startswith(USER_CODE) and (root := recipe_root(module.__name__)) in recipe_folders:
        folder = recipe_folders[root]
        package = package[len(root) + 1 :]
    closure = _closure(kept, package, folder)
    others = {name: _parse(found) for name, found in sorted(closure.items()) if found != path}
    return digest("\n".join([code_of(kept), *(f"{name}:{code_of(found)}" for name, found in others.items())]))


# Where the files beside a recipe lie, by the name of the recipe's module; see `modules`.
recipe_folders: dict[str, Path] = {}


def recipe_root(module: str) -> str:
    """Name of the recipe's module that a module beside it belongs to."""
    return USER_CODE + module[len(USER_CODE) :].partition(".")[0]


def _closure(statements: Iterable[ast.stmt], package: str, folder: Path | None) -> dict[str, Path]:
    """Local files that statements import, directly or not, by module name."""
    found: dict[str, Path] = {}
    open_ends = [(list(statements), package)]
    while open_ends:
        code, within = open_ends.pop()
        for name in _imported(code, within):
            for part, path in _local_files(name, folder):
                if part not in found:
                    found[part] = path
                    inside = part if path.name == "__init__.py" else part.rpartition(".")[0]
                    open_ends.append((_parse(path), inside))
    return found


def _imported(statements: Iterable[ast.stmt], package: str) -> Iterator[str]:
    """Full names of what statements import; of `from a import b` both `a` and `a.b`, which may be a module."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".") if package else []
                parts = above[: len(above) - (node.level - 1)] if node.level else []
                base = ".".join([*parts, *([node.module] if node.module else [])])
                yield from ([base] if base else [])
                yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)
            elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                    yield node.args[0].value


def _local_files(name: str, folder: Path | None) -> Iterator[tuple[str, Path]]:
    """The local files that `import name` runs: those of the packages around it, then its own."""
    parts = name.split(".")
    if not all(parts) or parts[0] in sys.stdlib_module_names:
        return
    if parts[0] == PACKAGE and not name.startswith(USER_CODE):
        return
    beside = folder is not None and is_local(folder, name)
    for count in range(3 if parts[0] == PACKAGE else 1, len(parts) + 1):
        part = ".".join(parts[:count])
        if beside and folder is not None:
            path = file_of(folder, part)
        else:
            spec = _find_spec(part)
            path = Path(spec.origin) if spec is not None and spec.origin and not _is_library(spec) else None
        if path is not None and path.suffix == ".py":
            yield part, path


def file_of(folder: Path, name: str) -> Path | None:
    """The file of a module or package below a folder, by its full name."""
    base = folder.joinpath(*name.split("."))
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    return None


def _find_spec(name: str) -> ModuleSpec | None:
    """Where a module would be imported from; unlike importlib's function it runs no code of packages around it."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", list(spec.submodule_search_locations))
    return spec


def _is_library(spec: ModuleSpec | None) -> bool:
    if spec is None or not spec.has_location or spec.origin is None:
        return spec is not None and spec.origin in ("built-in", "frozen")
    return is_library_file(Path(spec.origin))


def is_library_file(path: Path) -> bool:
    """Whether a file belongs to the standard library or to an installed distribution."""
    path = path.resolve()
    return bool(_LIBRARY_FOLDERS & set(path.parts)) or path.is_relative_to(_STANDARD_LIBRARY)


def _as_path(name: str, path: Path) -> str:
    return name.replace(".", "/") + ("/__init__.py" if path.name == "__init__.py" else ".py")


def _parse(path: Path) -> list[ast.stmt]:
    return _parsed(path.read_bytes(), str(path)).body


@lru_cache(maxsize=256)
def _parsed(code: bytes, path: str) -> ast.Module:
    return ast.parse(code, path)


def code_of(code: Any) -> str:
    """A syntax tree as text without its docstrings; the same text whichever Python parsed it."""
    if isinstance(code, ast.AST):
        fields = {name: code_of(value) for name, value in ast.iter_fields(code) if value not in (None, [])}
        return f"{type(code).__name__}({','.join(f'{name}={text}' for name, text in fields.items())})"
    if isinstance(code, list):
        return f"[{','.join(code_of(one) for one in code if not _is_docstring(one))}]"
    return repr(code)


def _is_docstring(code: Any) -> bool:
    return isinstance(code, ast.Expr) and isinstance(code.value, ast.Constant)
