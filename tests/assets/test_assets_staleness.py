"""What is stale after a change, what a build carries out, and that it comes to the same bits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from built_tiny import build_tiny, environment, tiny_tree

from acc_assets.assets.build import BuildReport
from acc_assets.assets.instance import open_instance
from acc_assets.assets.plans import plans
from acc_assets.assets.status import AssetStatus, recipe_status
from acc_assets.families import network
from acc_assets.report.table import from_parquet
from acc_assets.storage import Store
from acc_assets.tree import Tree

LAST = {("comparison", None), ("site", None)}
HOME = {("home", None)}  # the pages that all recipes share
HEAVIER: dict[str, object] = {"weight": 7.0}  # of the task that the branch `labelled` alone has


def states(storage: Path, tree: Tree) -> dict[tuple[str, int | None], AssetStatus]:
    """Every asset's state by name and seed."""
    store = Store(storage)
    with open_instance(store) as instance:
        found = recipe_status(tree, instance, store, depth="files")
    return {(one.plan.name, one.seed): one for one in found}


def in_state(found: dict[tuple[str, int | None], AssetStatus], *wanted: str) -> set[tuple[str, int | None]]:
    return {unit for unit, one in found.items() if one.state in wanted}


def ran(report: BuildReport) -> set[tuple[str, int | None]]:
    assert not report.failed, report.failed
    return {(one.asset, one.seed) for one in report.built}


def units_of(tree: Tree, branch: str, seeds: tuple[int, ...] = (0, 1)) -> set[tuple[str, int | None]]:
    """All assets of a branch."""
    found = [plan for plan in plans(tree) if plan.node is not None and plan.node.branch == branch]
    return {(plan.name, seed) for plan in found for seed in seeds}


def test_after_a_build_everything_is_fresh_and_nothing_runs_again(own_built: Path) -> None:
    found = states(own_built, tiny_tree())
    assert len(found) == 57
    assert in_state(found, "fresh") == set(found)
    before = {path: path.stat().st_mtime_ns for path in own_built.rglob("runs/**/*") if path.is_file()}
    report = build_tiny(own_built)
    assert ran(report) == set()
    assert len(report.fresh) == 58  # with the pages that all recipes share
    assert {
        path: path.stat().st_mtime_ns for path in own_built.rglob("runs/**/*") if path.is_file()
    } == before


def test_an_empty_store_misses_everything(tiny: Path) -> None:
    found = states(tiny, tiny_tree())
    assert in_state(found, "missing") == set(found)


def test_an_edited_branch_alone_is_stale_and_alone_is_built(own_built: Path) -> None:
    edited = tiny_tree(**HEAVIER)
    found = states(own_built, edited)
    changed = units_of(edited, "labelled")
    # The fork and what is made from it; comparison and site read them all.
    assert in_state(found, "stale") == changed | LAST
    assert in_state(found, "fresh") == set(found) - changed - LAST
    assert "its recipe or code changed" in found["labelled_trained", 0].why

    before = Store(own_built).run("tiny", "labelled_trained", 0).read_json("config.json")["spec_hash"]
    plain = Store(own_built).run("tiny", "plain_trained", 0).local_path("checkpoints/latest.pt").stat()
    report = build_tiny(own_built, HEAVIER)
    assert ran(report) == changed | LAST | HOME
    after = Store(own_built).run("tiny", "labelled_trained", 0).read_json("config.json")["spec_hash"]
    assert after == edited["labelled_trained"].spec_hash != before
    assert (
        Store(own_built).run("tiny", "plain_trained", 0).local_path("checkpoints/latest.pt").stat() == plain
    )

    now = states(own_built, edited)
    assert in_state(now, "fresh") == set(now)
    assert in_state(states(own_built, tiny_tree()), "stale") == changed | LAST


def test_words_make_what_tells_them_stale_and_no_training(own_built: Path) -> None:
    tree = tiny_tree()
    told = {
        node: {(f"{node}_report", 0), (f"{node}_report", 1)} for node in ("plain_trained", "labelled_trained")
    }
    renamed = replace(tree, title="Another title")
    assert in_state(states(own_built, renamed), "stale") == {("site", None)}.union(*told.values())
    remarked = {**tree.nodes, "plain_trained": replace(tree["plain_trained"], notes=("A remark.",))}
    noted = replace(tree, nodes=remarked)
    assert in_state(states(own_built, noted), "stale") == {("site", None)} | told["plain_trained"]


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, BuildReport]]:
    """A store with one branch of one seed, and what the build did."""
    storage = tmp_path_factory.mktemp("branch") / "storage"
    with environment(storage):
        yield storage, build_tiny(storage, select="labelled", seeds=[1])


def test_a_select_builds_a_branch_of_one_seed_and_what_it_needs(branch: tuple[Path, BuildReport]) -> None:
    storage, report = branch
    assert ran(report) == units_of(tiny_tree(), "labelled", (1,)) | LAST | HOME | {
        ("data_digits", None),
        ("root", 1),
    }
    # Comparison and site tell what is missing, and do not fail because of it.
    folder = Store(storage).recipe("tiny")
    table = from_parquet(folder.read_bytes("comparison/metrics.parquet"))
    assert set(table[table["node"].eq("labelled_trained")]["seed"]) == {1}
    missing = {(one["node"], one["seed"]) for one in folder.read_json("comparison/missing.json")}
    assert {("plain_trained", 0), ("plain_trained", 1), ("labelled_trained", 0)} <= missing
    page = (storage / "site" / "recipes" / "tiny" / "index.html").read_text()
    assert "acc build tiny" in page
    node = (storage / "site" / "recipes" / "tiny" / "nodes" / "plain_trained.html").read_text()
    assert "acc build tiny --select plain_trained" in node


def test_two_stores_come_to_the_same_data_versions(
    built_storage: Path, branch: tuple[Path, BuildReport]
) -> None:
    def versions(storage: Path) -> dict[str, str]:
        found: dict[str, str] = {}
        with environment(storage), open_instance(Store(storage)) as instance:
            for plan in plans(tiny_tree()):
                if plan.node is None or plan.node.branch not in ("root", "labelled"):
                    continue
                tags = instance.event_log_storage.get_latest_tags_by_partition(
                    plan.key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
                )
                found[plan.name] = tags["1"]["dagster/data_version"]
        return found

    assert versions(branch[0]) == versions(built_storage)


def test_a_branch_that_is_built_after_the_report_makes_the_report_stale(
    branch: tuple[Path, BuildReport],
) -> None:
    storage, _ = branch
    assert ran(build_tiny(storage, select="plain_trained_metrics", seeds=[1])) >= LAST | HOME
    table = from_parquet(Store(storage).recipe("tiny").read_bytes("comparison/metrics.parquet"))
    assert {"labelled_trained", "plain_trained"} <= set(table["node"])


def test_an_older_run_gets_a_family_that_it_lacks_from_its_checkpoints(own_built: Path) -> None:
    run = Store(own_built).run("tiny", "plain_trained", 0)
    places = [(part, step) for part in network.PARTS for step in (0, 6, 12)]
    before = {place: network.SERIES[place[0]].read(run, place[1]) for place in places}
    weights = run.manifest("checkpoints").data_version
    run.write_json("config.json", {k: v for k, v in run.read_json("config.json").items() if k != "network"})
    for folder in (run.local_path("network"), own_built / "dagster"):  # of before the family was known
        shutil.rmtree(folder)
    found = states(own_built, tiny_tree())
    assert found["plain_trained_network", 0].state == "missing"
    assert (
        ran(build_tiny(own_built, select="plain_trained_network", seeds=[0]))
        == {("plain_trained_network", 0)} | {("site", None)} | HOME
    )  # no number changed
    assert run.manifest("checkpoints").data_version == weights
    assert not run.read_json("network/network.json")["chosen_before_training"]
    for place, arrays in before.items():
        again = network.SERIES[place[0]].read(run, place[1])
        assert set(again) == set(arrays)
        assert all(np.array_equal(again[name], arrays[name]) for name in arrays)


def test_damaged_artifacts_are_named_and_made_again_and_nothing_else(own_built: Path) -> None:
    store = Store(own_built)
    damages = {  # asset: node, file, what happens to it
        "plain_trained_latents": ("plain_trained", "latents/latents_step_6.npz", "missing"),
        "plain_trained_metrics": ("plain_trained", "metrics/metrics.json", "truncated"),
        "labelled_trained": ("labelled_trained", "checkpoints/step_00000012.pt", "altered"),
    }
    paths, whole = {}, {}
    for asset, (node, file, kind) in damages.items():
        paths[asset] = path = store.run("tiny", node, 0).local_path(file)
        whole[asset] = data = path.read_bytes()
        if kind == "missing":
            path.unlink()
        else:
            path.write_bytes(
                data[:-100] if kind == "truncated" else data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]
            )
    found = states(own_built, tiny_tree())
    hurt = {(asset, 0) for asset in damages}
    assert in_state(found, "damaged") == hurt
    assert in_state(found, "fresh") == set(found) - hurt
    for asset, (node, _, kind) in damages.items():
        assert str(paths[asset]) in found[asset, 0].why
        assert kind in found[asset, 0].why
        assert f"acc build tiny --select {node} --seeds 0" in found[asset, 0].why
    # Made again, each is what it was, so that nothing after it is stale.
    assert ran(build_tiny(own_built)) == hurt
    assert {asset: path.read_bytes() for asset, path in paths.items()} == whole
    assert in_state(states(own_built, tiny_tree()), "fresh") == set(found)
