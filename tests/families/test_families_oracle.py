"""The recipe with a simulated oracle, built small, and what its page shows against the number of labels."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from test_artifact_contract import contract, faults

from acc_assets.assets.launched import Project
from acc_assets.assets.plans import plans
from acc_assets.assets.results import recipe_view
from acc_assets.assets.work import NodeWork, Work
from acc_assets.recipes.oracle import ActiveLearning
from acc_assets.recipes.rcm_vae import RCMVAE
from acc_assets.report import RecipeView, compare
from acc_assets.report.budgets import Interval, budgets, budgets_context, labels_of, lines_of
from acc_assets.report.trees import branch_colors
from acc_assets.storage import MadeFrom, Store
from acc_assets.training.progress import NoProgress
from acc_assets.tree import trace

SMALL = {
    "data": "digits",
    "labels": 10,
    "asked": 5,
    "rounds": 1,
    "steps": 2,
    "start_steps": 2,
    "latent_dim": 4,
}
KEY = "digit.accuracy"


class TwoSeeds(ActiveLearning):
    seeds = (0, 1)


def test_all_rules_go_on_from_one_start_by_rounds_of_the_same_length() -> None:
    tree = trace(ActiveLearning())
    ends = [node for node in tree.shown() if node.branch != "start"]
    assert [node.branch for node in ends] == list(tree.parameters["rules"])
    for node in ends:
        rounds = [
            one for one in tree.lineage(node.tag) if one.branch == node.branch and one.kind == "trained"
        ]
        assert [one.tag for one in rounds] == [f"{node.branch}_{n}" for n in (60, 100, 140, 180)]
        assert {one.steps for one in rounds} == {300}
        assert tree[str(rounds[0].parent)].parent == "start_trained"
        assert {task.rule for one in rounds for task in one.tasks if task.kind == "oracle"} == {node.branch}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> RecipeView:
    tree = trace(TwoSeeds(), **SMALL, rules=("random", "margin"))
    store = Store(tmp_path_factory.mktemp("asked"))
    for plan in plans(tree):
        for seed in tree.seeds if plan.node is not None else ():
            made_from = MadeFrom(plan.code_version, {})
            work = Work(Project({}), tree, plan, seed, store, "cpu", 1, NoProgress(), made_from)
            plan.kind.run(NodeWork(**{**vars(work), "node": plan.node}))
    return recipe_view(tree, store)


def accuracy(view: RecipeView, node: str, seed: int) -> float:
    told = view.store.run(view.name, node, seed).read_json("metrics/metrics.json")
    return float(told["tasks"]["digit"]["metrics"]["accuracy"])


def test_the_lines_are_the_numbers_of_the_artifacts(view: RecipeView) -> None:
    found = budgets(view, compare(view))
    assert found is not None
    assert {line.name: dict(line.nodes) for line in found.lines} == {
        "random": {10: "start_trained", 15: "random_15"},
        "margin": {10: "start_trained", 15: "margin_15"},
    }
    assert found.control is found.lines[0]
    for node in ("start_trained", "random_15", "margin_15"):
        assert found.values[node, KEY] == {seed: accuracy(view, node, seed) for seed in (0, 1)}
    column = next(column for column in found.columns if column.key == KEY)
    ours = {seed: accuracy(view, "margin_15", seed) - accuracy(view, "random_15", seed) for seed in (0, 1)}
    assert found.differences(found.lines[1], column) == {15: ours}


def test_the_page_says_control_intervals_and_how_many_chance_gives(view: RecipeView) -> None:
    told = budgets_context(view, compare(view), branch_colors(view))
    assert told is not None
    assert (told["counts"], told["seeds"], told["column"].key) == ([10, 15], [2], KEY)
    assert [row["line"].control for row in told["rows"]] == [True, False]
    panels = told["chart"]["panels"]
    assert panels[1]["title"].endswith("difference to random by seed")
    point = panels[0]["lines"][1]["points"][1]
    values = [accuracy(view, "margin_15", seed) for seed in (0, 1)]
    assert (point["x"], point["values"], point["mean"]) == (15, values, pytest.approx(np.mean(values)))
    assert told["steps"] == ["2", "4"]
    assert "would on average" in told["chance"]
    ((row,),) = [told["differences"]]
    assert row["cells"] == [row["over"]]
    assert row["over"][0].endswith(" points")


def test_a_run_tells_its_labels_and_what_was_asked(view: RecipeView) -> None:
    assert [labels_of(view.run(tag, 0)) for tag in ("start_trained", "margin_15")] == [10, 15]
    run = view.run("margin_15", 0)
    (family,) = [one for one in run.families if one.name == "oracle"]
    assert dict(family.facts(run)) == {"Oracle": "5 by margin, 15 with a label now"}
    assert sum(int(row[1]) for table in family.tables(run) for row in table.rows) == 5
    assert next(iter(family.pictures(run, run))).caption.startswith("Rule margin")
    assert not faults(run.run.local_path("oracle"), contract()["oracle"])


def test_an_interval_is_students() -> None:
    told = Interval.of({0: 1.0, 1: 2.0, 2: 3.0})
    assert (told.low, told.high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))
    assert not told.clear
    assert Interval.of({0: 1.0}) == Interval(1.0, None, None, 1)


def test_the_mixture_asks_an_oracle_last_and_compares_budgets(tmp_path: Path) -> None:
    tree = trace(RCMVAE(), steps=40, data="digits", budgets=(10, 50, 500))
    assert tree["active"].parent == "refined"
    assert [task.rule for task in tree["active"].tasks if task.kind == "oracle"] == ["margin"]
    view = recipe_view(tree, Store(tmp_path))
    told = {node.tag: 100 for node in tree.shown()}
    told |= {f"consistent_{labels}_trained": labels for labels in (10, 50, 500)}
    told |= {"refined": 100, "active": 200}
    lines = {line.name: list(line.nodes) for line in lines_of(view, told)}
    assert lines == {"phased": [100, 200], "consistent": [10, 50, 100, 500]}
