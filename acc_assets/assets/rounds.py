"""Rounds of labels: what was trained stops reading the label file where it read it to, and forks of it read on.

So a round keeps its result and its place in the tree, and the labels that came since are those of the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from acc_assets.assets.forks import record_forks
from acc_assets.storage import LabelFile, MissingArtifact, Store
from acc_assets.tree import RecipeError, RecordedFork, Tree, TreeNode, next_round


def record_round(store: Store, recipe: str, node: str | None = None) -> tuple[Tree, list[RecordedFork]]:
    """Record a fork off the last checkpoint of every branch that reads the newest labels; return tree and forks.

    `node`: only the data sets that this node reads. Branches that share a data set go on together, since their labels
    are the same. Raises `RecipeError` where nothing reads labels, nothing was trained yet, or no label is new.
    """
    added: list[RecordedFork] = []

    def wanted(tree: Tree) -> Sequence[RecordedFork]:
        added.extend(_round(tree, store, node))
        return added

    return record_forks(store, recipe, wanted), added


def open_sets(tree: Tree, node: str | None = None) -> list[str]:
    """Names of the data sets that read all of the recipe's label file; of those that a node or its rounds train on."""
    nodes = tree.subtree(node) if node is not None else tree
    read = {name for one in nodes for name in one.datasets}
    return [ref.name for ref in tree.label_sets if ref.config.stopped is None and ref.name in read]


def last_checkpoints(tree: Tree, dataset: str) -> list[TreeNode]:
    """The trained nodes with a task on a data set from which no other such node is made."""
    trained = [
        node
        for node in tree
        if node.kind == "trained" and dataset in {task.dataset.name for task in node.tasks}
    ]
    return [one for one in trained if not any(one in tree.ancestors(other.tag) for other in trained)]


def lines_seen(tree: Tree, store: Store, dataset: str) -> int | None:
    """Up to which line of the label file any node and seed was trained with a data set; None: none was."""
    seen = []
    for node in last_checkpoints(tree, dataset):
        for seed in tree.seeds:
            try:
                told = store.run(tree.name, node.tag, seed).read_json("config.json")["datasets"][dataset]
            except (MissingArtifact, KeyError):
                continue
            seen.append(int(told.get("labels", {}).get("lines", 0)))
    return max(seen, default=None)


def is_due(tree: Tree, store: Store) -> bool:
    """Whether labels came since the last round, and it is trained."""
    there = len(LabelFile(store, tree.name).lines())
    for name in open_sets(tree):
        seen = lines_seen(tree, store, name)
        at_work = any(
            store.run(tree.name, node.tag, seed).at_work
            for node in last_checkpoints(tree, name)
            for seed in tree.seeds
        )
        if seen is not None and seen < there and not at_work:
            return True
    return False


def _round(tree: Tree, store: Store, node: str | None) -> list[RecordedFork]:
    names = open_sets(tree, node)
    if not names:
        who = "no node" if node is None else f"'{node}' does not"
        raise RecipeError(
            f"{who} read{'s' if node is None else ''} the newest labels that people gave for '{tree.name}'.",
            remedy=f"Load a data set with Labelled(of=..., people='{tree.name}').",
            recipe=tree.name,
        )
    there = len(LabelFile(store, tree.name).lines())
    seen = {name: lines_seen(tree, store, name) for name in names}
    new = {name: lines for name, lines in seen.items() if lines is not None and lines < there}
    if not new:
        built = any(lines is not None for lines in seen.values())
        raise RecipeError(
            f"no label came since line {there}." if built else "nothing was trained with labels yet.",
            remedy="Give some first." if built else f"Build it first: acc build {tree.name}",
            recipe=tree.name,
        )
    forks: dict[str, RecordedFork] = {}
    for name, lines in new.items():
        for last in last_checkpoints(tree, name):
            known = forks.get(last.tag)
            labels = {**(known.labels if known else {}), name: lines}
            forks[last.tag] = RecordedFork(name=next_round(last.branch), checkpoint=last.tag, labels=labels)
    return list(forks.values())
