"""Loading a recipe file as a module of its own, with the files beside it importable by their plain names."""

from __future__ import annotations

import builtins
import importlib.util
import re
import sys
from collections.abc import Sequence
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from acc_assets.tree.sources import USER_CODE, digest, file_of, is_local, recipe_folders, recipe_root


def load_recipe_module(path: Path) -> ModuleType:
    """Run a recipe file, and what it imports from beside it, from their present text.

    `import _helpers`, `from _helpers import x` and `from ._helpers import x` all find `_helpers.py` beside the recipe.
    Every recipe has its helpers to itself: files of one name in two folders do not meet, and none changes another's.
    """
    path = path.resolve()
    name = f"{USER_CODE}{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}_{digest(str(path))[:6]}"
    for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
        del sys.modules[loaded]
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    recipe_folders[name] = path.parent
    spec = _spec(name, path, is_package=True)  # whose modules are the files beside it
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and inspect look modules up by name
    spec.loader.exec_module(module)
    return module


class _Loader(SourceFileLoader):
    """Reads the text itself: bytecode on disk may be that of an edit of the same second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        # Import statements call the __import__ of their module's builtins, at once and inside functions later on.
        own = partial(_import, recipe_root(module.__name__))
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": own}
        super().exec_module(module)


class _Finder:
    """Finds `<recipe's module>.<name>` beside the recipe."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root = recipe_root(fullname) if fullname.startswith(USER_CODE) else ""
        name = fullname[len(root) + 1 :]
        if root not in recipe_folders or not name:
            return None
        file = file_of(recipe_folders[root], name)
        if file is not None:
            return _spec(fullname, file, is_package=file.name == "__init__.py")
        if recipe_folders[root].joinpath(*name.split(".")).is_dir():
            return ModuleSpec(fullname, None, is_package=True)
        return None


def _spec(name: str, path: Path, *, is_package: bool) -> ModuleSpec:
    # With an empty search path, so that Python's own finder leaves all modules below this one to ours.
    spec = ModuleSpec(name, _Loader(name, str(path)), origin=str(path), is_package=is_package)
    spec.has_location = True
    return spec


def _import(
    root: str,
    name: str,
    globals: Any = None,
    locals: Any = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    if level == 0 and is_local(recipe_folders[root], name):
        module = builtins.__import__(f"{root}.{name}", globals, locals, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{root}.{name.partition('.')[0]}"]
    return builtins.__import__(name, globals, locals, fromlist or (), level)
