"""Forks by hand: the nodes that a recipe of the same words would have, and nothing lost to a bad file or writer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from built_tiny import environment

from acc_assets.assets.forks import record_fork, remove_fork
from acc_assets.assets.launched import Project, keep, launched_project
from acc_assets.datasets import Augmentation
from acc_assets.recipes import find_recipes, vocabulary
from acc_assets.storage import Store
from acc_assets.tasks import CosineRamp, LinearRamp
from acc_assets.tree import Epochs, RecipeError, Recorded, RecordedFork, discover, discover_file

RECIPE = """
from acc_assets.datasets import Digits
from acc_assets.families import STANDARD, Density
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.tasks import KLDivergenceTask, LinearRamp, ReconstructionTask
from acc_assets.tree import Recipe

class Own(Recipe):
    name = "own"
    def run(self, ctx, steps=10):
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(FactorSlotAutoencoder, image_size=16, factor_groups=(FactorGroup("all", 0, 3),))
        ctx.save_checkpoint("root")
        ctx.fork("root", "plain")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(KLDivergenceTask("kl", digits, weight=LinearRamp(0.0, 1.0, steps=5)))
        ctx.train(steps=steps, lr=2e-3, batch_size=32)
        ctx.save_checkpoint("plain_trained")
        ctx.evaluate(*STANDARD, Density())
        MORE
"""
IN_WORDS = """
        ctx.fork("plain", "heavy")
        ctx.detach_all_tasks()
        ctx.attach_task(ReconstructionTask("recon", digits, weight=2))
        ctx.attach_task(KLDivergenceTask("kl", digits, weight=LinearRamp(0.0, 4.0, steps=5)))
        ctx.train(steps=7, lr=2e-3, batch_size=16)
        ctx.save_checkpoint("heavy_trained")
        ctx.evaluate(*STANDARD, Density())
"""
HEAVY = RecordedFork(
    name="heavy",
    checkpoint="plain",
    settings={"task.kl.weight.end": 4, "task.recon.weight": 2, "train.batch_size": 16},
    steps=7,
)


def found(folder: Path, *forks: RecordedFork, more: str = ""):
    (folder / "own.py").write_text(RECIPE.replace("MORE", more))
    return discover_file(
        folder / "own.py", vocabulary(), recorded=lambda name: Recorded(folder / "own.json", forks)
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with environment(tmp_path / "storage"):
        yield Store()


def test_a_recorded_fork_is_what_the_recipe_could_have_said(tmp_path: Path) -> None:
    by_hand, in_words = found(tmp_path, HEAVY).trees["own"], found(tmp_path, more=IN_WORDS).trees["own"]
    for tag in ("heavy", "heavy_trained"):
        assert by_hand[tag].spec_hash == in_words[tag].spec_hash
        assert (by_hand[tag].branch, by_hand[tag].evaluated) == (
            in_words[tag].branch,
            in_words[tag].evaluated,
        )
    assert by_hand["heavy_trained"].requests == in_words["heavy_trained"].requests
    untouched = found(tmp_path).trees["own"]
    assert untouched.hash == discover_file(tmp_path / "own.py", vocabulary()).trees["own"].hash
    assert by_hand["plain_trained"].spec_hash == untouched["plain_trained"].spec_hash


def test_values_are_written_as_in_a_yaml_recipe(tmp_path: Path) -> None:
    settings = {
        "task.kl.weight.start": 1,
        "task.kl.weight.end": 3,
        "task.recon.weight": {"type": "cosine_ramp", "start": 1, "end": 2, "steps": {"epochs": 1}},
        "train.augment": {"shift_px": 2},
        "train.augment.scale": [0.9, 1.1],
    }
    looked = found(tmp_path, RecordedFork(name="other", checkpoint="plain", settings=settings))
    assert looked.broken == ()
    recon, kl = looked.trees["own"]["other"].tasks
    (phase,) = looked.trees["own"]["other_trained"].phases
    assert kl.weight == LinearRamp(1.0, 3.0, steps=5)
    assert recon.weight == CosineRamp(1.0, 2.0, steps=Epochs(1))
    assert phase.augment == Augmentation(shift_px=2, scale=(0.9, 1.1))


def test_forks_of_forks_are_replayed_in_order(tmp_path: Path) -> None:
    later = RecordedFork(name="later", checkpoint="heavy_trained", settings={"train.lr": 1e-4})
    tree = found(tmp_path, HEAVY, later).trees["own"]
    (phase,) = tree["later_trained"].phases
    assert (phase.steps, phase.lr, phase.batch_size) == (7, 1e-4, 16)
    assert [node.tag for node in tree.lineage("later_trained")][-3:] == [
        "heavy_trained",
        "later",
        "later_trained",
    ]


@pytest.mark.parametrize(
    ("fork", "told"),
    [
        ({"checkpoint": "gone"}, "there is no checkpoint 'gone'"),
        ({"settings": {"task.kl.weigh": 1}}, "settings are task.kl.dataset, task.kl.weight"),
        ({"settings": {"task.kl.weight.end": "much"}}, "end is 'much'; allowed is a finite number"),
        ({"settings": {"train.lrr": 1}}, "train.lr, train.batch_size"),
        ({"settings": {"task.kl.dataset": "mnist"}}, "data sets are digits"),
        ({"settings": {"": 1}}, "there is no setting ''"),
        ({"checkpoint": "root"}, "no task is attached"),
        ({"labels": {"digits": 3}}, "the data set 'digits' reads no label file"),
        ({"name": "plain"}, "the tag 'plain' is taken"),
        ({"settings": {"task.kl.weight": {"type": "ramp"}}}, "Types are: constant, cosine_ramp, linear_ramp"),
    ],
)
def test_one_that_does_not_fit_is_left_out_alone(tmp_path: Path, fork: dict[str, object], told: str) -> None:
    bad = RecordedFork(**{"name": "bad", "checkpoint": "plain", **fork})  # type: ignore[arg-type]
    child = RecordedFork(name="child", checkpoint="bad_trained")
    looked = found(tmp_path, bad, child, HEAVY)
    assert set(looked.trees["own"].nodes) == {"root", "plain", "plain_trained", "heavy", "heavy_trained"}
    assert [one.fork for one in looked.broken] == [bad.name, "child"]
    assert told in looked.broken[0].error
    assert str(looked.broken[0]).startswith("own.json: ")
    assert str(looked.broken[0]).endswith(f"remove it: acc fork own --remove {bad.name}")


def test_a_file_that_cannot_be_read_is_named_and_kept(store: Store) -> None:
    file = store.root / "forks" / "tiny.json"
    file.parent.mkdir(parents=True)
    for text in (
        "{",
        '{"schema": 2}',
        '{"forks": [{"name": "x"}]}',
        '{"schema": 1, "forks": [], "more": 1}',
        "\xff",
    ):
        file.write_bytes(text.encode("latin-1"))
        looked = find_recipes()
        (broken,) = [one for one in looked.broken if one.path == file]
        assert "cannot be read" in broken.error
        assert "plain_trained" in looked.trees["tiny"].nodes
        for change in (lambda: record_fork(store, "tiny", HEAVY), lambda: remove_fork(store, "tiny", "x")):
            with pytest.raises(RecipeError, match="cannot be read"):
                change()
        assert file.read_bytes() == text.encode("latin-1")


def test_writers_at_the_same_time_lose_nothing(store: Store) -> None:
    names = [f"by_{number}" for number in range(6)]
    with ThreadPoolExecutor(3) as pool:
        list(
            pool.map(
                lambda name: record_fork(store, "tiny", RecordedFork(name=name, checkpoint="plain")), names
            )
        )
    assert {fork.name for fork in find_recipes().trees["tiny"].forks} == set(names)


def test_forks_are_removed_from_the_last_one_on(store: Store) -> None:
    record_fork(store, "tiny", RecordedFork(name="a", checkpoint="plain"))
    record_fork(store, "tiny", RecordedFork(name="b", checkpoint="a_trained", steps=3))
    before = (store.root / "forks" / "tiny.json").read_bytes()
    for wrong in ("a", "nobody"):
        with pytest.raises(RecipeError, match=r"acc fork tiny --remove b|Recorded are: a, b"):
            remove_fork(store, "tiny", wrong)
    for again in ("a", "plain"):
        with pytest.raises(RecipeError, match="is taken"):
            record_fork(store, "tiny", RecordedFork(name=again, checkpoint="plain"))
    with pytest.raises(RecipeError, match="there is no recipe 'nobody'"):
        record_fork(store, "nobody", HEAVY)
    assert (store.root / "forks" / "tiny.json").read_bytes() == before
    store.run("tiny", "b_trained", 0).write_json("config.json", {})
    assert remove_fork(store, "tiny", "b").kept == ("b_trained",)
    assert store.run("tiny", "b_trained", 0).read_json("config.json") == {}
    assert "b" not in find_recipes().trees["tiny"].nodes


def test_a_run_carries_out_the_forks_that_were_launched(store: Store) -> None:
    tree = record_fork(store, "tiny", RecordedFork(name="a", checkpoint="plain"))
    keep(store, tree)
    remove_fork(store, "tiny", "a")
    launched = launched_project(store, Project({"tiny": tree}).to_json())
    assert launched.trees["tiny"].hash == tree.hash != find_recipes().trees["tiny"].hash


def test_what_is_written_is_what_the_schema_says(store: Store, tmp_path: Path) -> None:
    record_fork(store, "tiny", RecordedFork(name="a", checkpoint="plain", settings={"train.lr": 0.1}))
    document = json.loads((store.root / "forks" / "tiny.json").read_text())
    fork = {"name": "a", "checkpoint": "plain", "settings": {"train.lr": 0.1}, "steps": None, "labels": {}}
    assert document == {"schema": 1, "forks": [fork]}
    assert discover([tmp_path], vocabulary()).broken == ()
