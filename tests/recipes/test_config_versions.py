"""A change of the code behind a model, task or data set is seen as stale: its configuration has a version.

`config_versions.json` holds each version with a digest of the code that it stands for: the configuration's own module
and what that imports of its room, other configurations, comments and docstrings aside.
"""

from __future__ import annotations

import ast
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from acc_assets.datasets import DATASETS, Augmentation
from acc_assets.models import MODELS, ConvAutoencoder
from acc_assets.recipes import find_recipes
from acc_assets.tasks import TASKS
from acc_assets.tree.sources import code_of, digest

RECORDED = Path(__file__).with_name("config_versions.json")
CONFIGS: dict[str, type] = {
    kind.__name__: kind for kind in (*MODELS.values(), *TASKS.values(), *DATASETS.values(), Augmentation)
}


def imported(statements: list[ast.stmt], room: str) -> set[str]:
    """The modules of a room that statements import, inside functions too."""
    names = set()
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.startswith(f"{room}.") and find_spec_of(name)}


def find_spec_of(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # a name of a module, no module
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def code_behind(kind: type) -> str:
    """Digest of the code that a configuration stands for."""
    room = ".".join(kind.__module__.split(".")[:2])
    others = {name for name, other in CONFIGS.items() if not issubclass(kind, other)}
    found: dict[str, str] = {}
    open_ends = [kind.__module__]
    while open_ends:
        name = open_ends.pop()
        path = find_spec_of(name)
        assert path is not None
        kept = [
            statement
            for statement in ast.parse(path.read_bytes()).body
            if not (isinstance(statement, ast.ClassDef) and statement.name in others)
            and not (isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test))
        ]
        found[name] = code_of(kept)
        open_ends += sorted(imported(kept, room) - set(found) - set(open_ends))
    return digest("\n".join(f"{name}:{found[name]}" for name in sorted(found)))


def test_changed_code_has_a_raised_version() -> None:
    now = {name: {"version": kind.version, "code": code_behind(kind)} for name, kind in CONFIGS.items()}  # type: ignore[attr-defined]
    if not RECORDED.exists():
        RECORDED.write_text(json.dumps(now, indent=1) + "\n")
        pytest.fail(f"recorded {RECORDED.name}; review and commit it")
    before = json.loads(RECORDED.read_text())
    changed = [name for name in now if now[name]["code"] != before.get(name, {}).get("code")]
    same = [name for name in changed if name in before and now[name]["version"] <= before[name]["version"]]
    assert not same, (
        f"the code behind {', '.join(same)} changed: raise `version` of these classes, so that what the old code made "
        f"is seen as stale, unless the new code gives the same bits; then delete {RECORDED.name} and run this test"
    )
    assert now == before, f"delete {RECORDED.name} and run this test to record the raised versions"


def test_a_raised_version_makes_its_users_stale_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    before = find_recipes({}).trees["grounding"]
    monkeypatch.setattr(ConvAutoencoder, "version", ConvAutoencoder.version + 1)
    after = find_recipes({}).trees["grounding"]
    changed = {node.tag for node in before if node.spec_hash != after[node.tag].spec_hash}
    assert changed == {node.tag for node in before if type(node.model) is ConvAutoencoder}
    assert changed != {node.tag for node in before}
