"""What brings a recipe up to date by itself, and what notices that the files of a data set changed."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from built_tiny import build_recipe, environment, tiny_tree

from acc_assets.assets.instance import open_instance
from acc_assets.assets.launched import Project
from acc_assets.assets.location import application
from acc_assets.assets.plans import plans
from acc_assets.assets.status import recipe_status
from acc_assets.assets.watch import observe_files, tell_verdicts
from acc_assets.recipes import find_recipes
from acc_assets.storage import Store

FILED = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from acc_assets.datasets import DatasetConfig, Split
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe

FILE = Path({file!r})

@dataclass(frozen=True, kw_only=True)
class Filed(DatasetConfig):
    image_size: int = 16
    name: ClassVar[str] = "filed"
    source: ClassVar[str] = "a file of a test"
    target_names: ClassVar[tuple] = ("upright", "flat")
    sizes: ClassVar[dict] = {{"train": 40, "validation": 4, "test": 10}}

    def files(self):
        return (FILE,)

    def _read(self):
        level = int(FILE.read_text())
        return {{
            name: Split(np.full((count, 1, 16, 16), level, np.uint8), np.arange(count) % 2)
            for name, count in self.sizes.items()
        }}

class FromFile(Recipe):
    name = "from_file"
    def run(self, ctx):
        data = ctx.load_dataset("filed", Filed)
        ctx.create_model(ConvAutoencoder, image_size=16, channels=(4, 8), latent_dim=2)
        ctx.fork(ctx.save_checkpoint("root"), "walk")
        ctx.attach_task(ReconstructionTask("recon", data))
        ctx.train(steps=2)
        ctx.save_checkpoint("walk_trained")
"""


def requested(project: Project, instance: dg.DagsterInstance) -> set[tuple[str, str | None]]:
    """What the automation condition of every asset asks for."""
    result = dg.evaluate_automation_conditions(application(project), instance)
    found: set[tuple[str, str | None]] = set()
    for plan in plans(project.trees["tiny"]):
        if result.get_num_requested(plan.key):
            subset = result.get_requested_partitions(plan.key)
            found |= {(plan.name, partition) for partition in subset}
    return found


def test_the_condition_asks_for_exactly_what_is_stale(own_built: Path) -> None:
    store = Store(own_built)
    with open_instance(store) as instance:
        fresh = Project({"tiny": tiny_tree()})
        tell_verdicts(fresh, fresh.trees["tiny"], instance, store)
        assert requested(fresh, instance) == set()
        edited = Project({"tiny": tiny_tree(weight=7.0)})
        assert tell_verdicts(edited, edited.trees["tiny"], instance, store) == 28
        assert tell_verdicts(edited, edited.trees["tiny"], instance, store) == 0  # nothing is told twice
        branch = {plan.name for plan in plans(edited.trees["tiny"]) if plan.name.startswith("labelled")}
        expected = {(name, seed) for name in branch for seed in ("0", "1")}
        assert requested(edited, instance) == expected | {("comparison", None), ("site", None)}
        # Back again: the verdicts follow, although nothing was built.
        assert tell_verdicts(fresh, fresh.trees["tiny"], instance, store) == 28
        assert requested(fresh, instance) == set()


def test_a_tick_that_has_too_much_to_tell_leaves_the_rest_to_the_next(
    own_built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster begins another tick beside one that it has waited a minute for."""
    definitions = application(Project({"tiny": tiny_tree(weight=7.0)}))

    def tick(cursor: str | None) -> tuple[str, str | None]:
        with open_instance(Store(own_built)) as instance:
            context = dg.build_sensor_context(
                instance, cursor=cursor, definitions=definitions, sensor_name="acc_watch"
            )
            found = definitions.resolve_sensor_def("acc_watch").evaluate_tick(context)
        return str(found.skip_message), found.cursor

    seconds = iter([0.0, 1.0, 1.0, 30.0, 30.0])
    with monkeypatch.context() as patch:
        patch.setattr("acc_assets.assets.watch.time", SimpleNamespace(monotonic=lambda: next(seconds)))
        message, cursor = tick(None)
    assert message.startswith("2 verdicts")
    assert cursor is None
    rest, cursor = tick(cursor)
    assert int(rest.split()[0]) >= 26
    assert cursor is not None
    assert tick(cursor)[0].startswith("0 verdicts")


def test_other_content_of_the_files_makes_what_reads_them_stale(tmp_path: Path) -> None:
    recipes, file = tmp_path / "recipes", tmp_path / "level.txt"
    recipes.mkdir()
    file.write_text("100")
    (recipes / "from_file.py").write_text(FILED.format(file=str(file)))
    with environment(tmp_path / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(recipes))
        store = Store(tmp_path / "storage")
        assert not build_recipe("from_file", store).failed
        found = find_recipes()
        project = Project(found.trees)

        def states() -> dict[str, tuple[str, str]]:
            with open_instance(store) as instance:
                told = recipe_status(found.trees["from_file"], instance, store)
                return {one.plan.name: (one.state, one.why) for one in told}

        assert {state for state, _ in states().values()} == {"fresh"}
        with open_instance(store) as instance:
            assert observe_files(project, instance) == 1
            assert observe_files(project, instance) == 0
        file.write_text("180")
        os.utime(file, ns=(1, 1))
        now = states()
        assert now["data_filed"] == ("stale", "files changed")
        assert now["walk_trained"][0] == now["site"][0] == "stale"
        assert now["root"][0] == now["walk"][0] == "fresh"
        with open_instance(store) as instance:
            assert observe_files(project, instance) == 1
        build_recipe("from_file", store)
        assert {state for state, _ in states().values()} == {"fresh"}
        assert int(store.recipe("from_file").read_npz("data-filed/test.npz")["images"].max()) == 180
        file.unlink()  # what is stored may be looked at where the files are not
        assert {state for state, _ in states().values()} == {"fresh"}
