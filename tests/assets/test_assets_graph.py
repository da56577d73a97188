"""The asset graph of a recipe, as Dagster sees it."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from acc_assets.assets.launched import Project
from acc_assets.assets.location import application
from acc_assets.recipes import find_recipes
from acc_assets.tree import BrokenRecipe

SNAPSHOT = Path(__file__).with_name("graph_snapshot.json")


@pytest.fixture(scope="module")
def definitions():
    found = find_recipes({})
    return application(
        Project({name: found.trees[name] for name in ("quickstart", "mnist_factor_experiment")})
    )


def described(definitions) -> dict[str, dict[str, object]]:
    """Every asset with what a user sees of it, code versions aside."""
    graph = definitions.resolve_asset_graph()
    checks: dict[str, list[str]] = {}
    for key in graph.asset_check_keys:
        checks.setdefault(key.asset_key.to_user_string(), []).append(key.name)
    return {
        key.to_user_string(): {
            "deps": sorted(parent.path[-1] for parent in graph.get(key).parent_keys),
            "group": graph.get(key).group_name,
            "kinds": sorted(graph.get(key).kinds),
            "partitioned": graph.get(key).is_partitioned,
            "checks": sorted(checks.get(key.to_user_string(), [])),
            "pools": sorted(graph.get(key).pools),
        }
        for key in sorted(graph.get_all_asset_keys())
    }


def test_the_graph_is_as_reviewed(definitions) -> None:
    """A change of the graph shows in review: delete the snapshot file and run this test to record a new one."""
    now = described(definitions)
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(json.dumps(now, indent=1) + "\n")
        pytest.fail(f"recorded {SNAPSHOT.name}; review and commit it")
    assert now == json.loads(SNAPSHOT.read_text())


def test_the_graph_is_the_experiment_tree(definitions) -> None:
    graph = described(definitions)
    assert graph["quickstart/supervised"]["deps"] == ["root"]  # a fork reads no data
    assert graph["quickstart/supervised"]["group"] == "supervised"
    assert graph["quickstart/supervised_trained"]["deps"] == ["data_digits", "supervised"]
    assert graph["quickstart/supervised_trained_projection"]["deps"] == [
        "supervised_trained_latents",
        "supervised_trained_neighbors",
    ]
    assert not graph["quickstart/site"]["partitioned"]
    assert not graph["quickstart/comparison"]["partitioned"]
    assert graph["quickstart/root"]["partitioned"]


def test_every_asset_reads_well_in_the_catalog(definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["files", "mnist"])).is_observable
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        if key.path[0] == "files":
            continue
        assert node.kinds, key
        assert node.owners, key
        assert node.tags["acc/recipe"] == key.path[0]
        assert node.code_version, key


def test_jobs_for_recipes_and_branches(definitions) -> None:
    definitions.get_repository_def()  # what a code location loads: names of jobs and of assets' ops must differ
    names = {job.name for job in definitions.resolve_all_job_defs()} - {"__ASSET_JOB"}
    assert names == {
        "acc_publish",
        "acc_nightly",
        "quickstart",
        "quickstart__report",
        "quickstart__bring_up_to_date",
        "quickstart__branch__unsupervised",
        "quickstart__branch__supervised",
        "mnist_factor_experiment",
        "mnist_factor_experiment__report",
        "mnist_factor_experiment__bring_up_to_date",
        "mnist_factor_experiment__branch__mnist_only",
        "mnist_factor_experiment__branch__with_curriculum",
    }


def test_a_broken_recipe_stands_in_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACC_RECIPES", str(Path(__file__).parents[1] / "tiny_recipes"))
    found = find_recipes({})
    definitions = application(Project(found.trees, found.broken))
    graph = definitions.resolve_asset_graph()
    (broken,) = [graph.get(key) for key in graph.get_all_asset_keys() if key.path[0] == "broken_recipes"]
    assert "broken.py:12" in broken.description
    assert "nowhere" in broken.description
    assert any(key.path == ["tiny", "plain_trained"] for key in graph.get_all_asset_keys())


def test_broken_files_of_the_same_stem_stand_side_by_side() -> None:
    broken = [
        BrokenRecipe("a", Path("mine") / name, 3, "no") for name in ("a.py", "a.yaml", "an odd.name.py")
    ]
    graph = application(Project({}, broken)).get_repository_def().asset_graph
    shown = {key.path[-1] for key in graph.get_all_asset_keys() if key.path[0] == "broken_recipes"}
    assert shown == {"a.py", "a.yaml", "an odd.name.py"}
