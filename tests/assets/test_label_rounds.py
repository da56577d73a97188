"""Labels that people give: a file that loses nothing, a data set that reads it, and rounds that the tree keeps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from built_tiny import environment
from click.testing import CliRunner

from acc_assets.assets.forks import remove_fork
from acc_assets.assets.instance import open_instance
from acc_assets.assets.launched import Project, keep
from acc_assets.assets.location import application
from acc_assets.assets.rounds import is_due, record_round
from acc_assets.assets.status import recipe_status
from acc_assets.assets.submit import Launcher
from acc_assets.assets.watch import observe_files, tell_verdicts
from acc_assets.cli import main
from acc_assets.datasets import DatasetError, Digits, LabelBudget, Labelled
from acc_assets.families import RunArtifacts, analyses_of
from acc_assets.recipes import find_recipes
from acc_assets.storage import Label, LabelError, LabelFile, Store
from acc_assets.tree import RecipeError, Tree

RECIPE = """
from acc_assets.datasets import Digits, LabelBudget, Labelled
from acc_assets.families import Acquisition
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.tree import Recipe

class Asked(Recipe):
    name = "asked"
    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits, image_size=8)
        some = ctx.load_dataset("some", Labelled, of=LabelBudget(of=digits.config, labels=20), people="asked")
        ctx.create_model(ConvAutoencoder, image_size=8, latent_dim=4, channels=(4,))
        ctx.save_checkpoint("root")
        for branch, data in (("blind", digits), ("seeing", some)):
            ctx.fork("root", branch)
            ctx.attach_task(ReconstructionTask("recon", data))
            if data is some:
                ctx.attach_task(ClassificationTask("digit", data))
            ctx.train(steps=2, batch_size=16)
            ctx.save_checkpoint(f"{branch}_trained")
        ctx.evaluate(Acquisition(count=7, pool=300, map="pca"))
"""
DIGITS = tuple("0123456789")
IMAGES = Digits(image_size=8).sizes["train"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("asked")
    (folder / "recipes").mkdir()
    (folder / "recipes" / "asked.py").write_text(RECIPE)
    with environment(folder / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(folder / "recipes"))
        yield Store()


def give(store: Store, recipe: str, *labels: tuple[str, int, str]) -> int:
    given = [Label(person=person, index=index, label=label) for person, index, label in labels]
    return LabelFile(store, recipe).append(given, DIGITS, IMAGES)


def tree_of() -> Tree:
    return find_recipes().trees["asked"]


def built(store: Store) -> set[str]:
    """What a build of the recipe as it is now carries out, the pages and comparisons aside."""
    tree = tree_of()
    keep(store, tree)
    with open_instance(store) as instance:
        todo = [
            one
            for one in recipe_status(tree, instance, store)
            if one.to_build and not one.plan.kind.reads_all
        ]
        launcher = Launcher(Project({"asked": tree}), tree, instance)
        run = launcher.carry_out(0, {one.plan.key for one in todo}, tags={})
        assert instance.get_run_by_id(run).is_success  # type: ignore[union-attr]
    return {one.plan.name for one in todo}


def states(store: Store) -> dict[str, str]:
    with open_instance(store) as instance:
        found = recipe_status(tree_of(), instance, store)
        return {one.plan.name: one.state for one in found if not one.plan.kind.reads_all}


def test_every_line_counts_or_is_named(store: Store) -> None:
    give(store, "lines", ("ann", 3, "7"), ("ann", 4, "1"), ("bob", 4, "2"), ("ann", 5, "5"), ("bob", 5, "6"))
    give(store, "lines", ("ann", 3, "8"), ("bob", 5, "5"), ("bob", 6, "1"), ("bob", 6, ""))
    file = LabelFile(store, "lines")
    garbage = [b"", b"x", b"ann,now,1,2", b"ann,2026-01-01T00:00:00Z,-1,2", b'"ann', b"\xff,,,"]
    outside = [
        b"ann,2026-01-01T00:00:00Z,99999,2",
        b"ann,2026-01-01T00:00:00Z,1,cat",
        b"person,time,index,label",
    ]
    with Path(file.shown).open("ab") as opened:
        opened.write(b"\r\n".join([*garbage, *outside]) + b"\nann,2026-01-01T00:00:00Z,7,3")  # no end of line
    labels = file.read(DIGITS, IMAGES)
    assert labels.given == {3: 8, 5: 5, 7: 3}
    assert labels.said[4] == {"ann": "1", "bob": "2"}
    assert [problem.line for problem in labels.problems] == [4, *range(11, 20)]
    told = {problem.line: problem.why for problem in labels.problems}
    assert told[4] == "conflict on image 4: ann says 1, bob says 2"
    assert told[17] == f"there is no image 99999; indices are 0 to {IMAGES - 1}"
    assert told[18] == "'cat' is no class; classes are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    before = Path(file.shown).read_bytes()
    for wrong in (("ann", IMAGES, "1"), ("ann", 1, "cat")):
        with pytest.raises(LabelError, match=r"image|class"):
            give(store, "lines", ("ann", 9, "1"), wrong)
    assert Path(file.shown).read_bytes() == before
    assert give(store, "lines", ("ann", 4, "2")) == 21
    assert file.read(DIGITS, IMAGES).given == {3: 8, 4: 2, 5: 5, 7: 3}
    assert file.read(DIGITS, IMAGES, until=6).given == {3: 7}


def test_no_bytes_are_too_much_for_it(store: Store) -> None:
    file, rng = LabelFile(store, "noise"), np.random.default_rng(0)
    give(store, "noise", ("ann", 1, "1"))
    alphabet = np.frombuffer(b'ann,2026-01-01T00:00:00Z,7,3"\x00\xff\r\n\n;', np.uint8)
    with Path(file.shown).open("ab") as opened:
        opened.write(rng.choice(alphabet, 20_000).tobytes() + b"\n")
    labels = file.read(DIGITS, IMAGES)
    assert len(labels.problems) >= labels.lines - 2 - len(labels.said)
    assert labels.given[1] == 1
    assert give(store, "noise", ("ann", 1, "2")) == labels.lines + 1
    assert file.read(DIGITS, IMAGES).given[1] == 2


def test_writers_at_the_same_time_lose_no_label(store: Store) -> None:
    def write(person: int) -> None:
        for index in range(20):
            give(store, "many", (f"person {person}", 20 * person + index, str(index % 10)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    labels = LabelFile(store, "many").read(DIGITS, IMAGES)
    assert labels.given == {index: index % 20 % 10 for index in range(80)}
    assert (labels.lines, labels.problems) == (81, ())


def test_a_data_set_takes_labels_from_people_over_a_budget(store: Store) -> None:
    digits = Digits(image_size=8)
    truth = digits.load().train.targets
    people = Labelled(of=digits, people="both")
    with pytest.raises(DatasetError, match="has a label yet"):
        people.load(0)
    wrong = str((truth[0] + 1) % 10)
    give(store, "both", ("ann", 0, wrong), ("ann", 1, str(truth[1])))
    found = people.load(0)
    assert np.flatnonzero(found.train.labelled).tolist() == [0, 1]
    assert found.train.targets[:2].tolist() == [int(wrong), truth[1]]
    assert not found.train.targets[2:].any()  # nobody can read the others
    assert np.array_equal(found.test.targets, digits.load().test.targets)
    assert found.facts["labels"]["lines"] == 3
    budget = LabelBudget(of=digits, labels=30)
    labelled = budget.load(1).train.labelled | found.train.labelled
    together = Labelled(of=budget, people="both")
    assert np.array_equal(together.load(1).train.labelled, labelled)
    only = Labelled(of=budget, people="both", labelled_only=True)
    assert np.array_equal(only.load(1).train.images, digits.load().train.images[labelled])
    assert only.load(1).train.labelled is None
    assert not hasattr(only, "train_size")
    assert [type(one).__name__ for one in together.parts] == ["Digits", "GivenLabels"]
    assert [type(one).__name__ for one in together.stopped_at(2).parts] == ["Digits"]
    assert together.content() != together.stopped_at(2).content() != together.stopped_at(1).content()


def test_labels_make_stale_what_reads_them_and_a_round_keeps_what_was_trained(store: Store) -> None:
    with pytest.raises(RecipeError, match="nothing was trained with labels yet"):
        record_round(store, "asked")
    assert built(store) >= {"root", "blind_trained", "seeing_trained", "data_some"}
    run = store.run("asked", "seeing_trained", 0)
    assert run.read_json("config.json")["datasets"]["some"]["labels"]["lines"] == 0
    trained = run.digest("checkpoints")
    with pytest.raises(RecipeError, match="no label came"):
        record_round(store, "asked")

    # Labels come: Dagster is told, and what reads them is stale, for us and for it.
    give(store, "asked", *(("ann", index, "1") for index in range(5)))
    with open_instance(store) as instance:
        project = Project({"asked": tree_of()})
        assert observe_files(project, instance) >= 1
        assert observe_files(project, instance) == 0
        tell_verdicts(project, tree_of(), instance, store)
        known = {
            name: instance.event_log_storage.get_latest_asset_check_execution_by_key(
                [dg.AssetCheckKey(dg.AssetKey(["asked", name]), "matches_recipe")]
            )
            for name in ("blind_trained", "seeing_trained")
        }
        verdicts = {
            name: next(iter(found.values())).evaluation.passed
            for name, found in known.items()  # type: ignore[union-attr]
        }
    now = states(store)
    assert {name for name in ("blind_trained", "seeing_trained", "data_some") if now[name] == "stale"} == {
        "seeing_trained",
        "data_some",
    }
    assert verdicts == {"blind_trained": True, "seeing_trained": False}

    # A round: the first one keeps its bits, the second one starts from it and sees the labels.
    tree, forks = record_round(store, "asked", "seeing_trained")
    assert [(fork.name, fork.checkpoint, fork.labels) for fork in forks] == [
        ("seeing_round_2", "seeing_trained", {"some": 0})
    ]
    assert tree["seeing_round_2_trained"].parent == "seeing_round_2"
    made = built(store)
    assert {"seeing_round_2", "seeing_round_2_trained", "data_some_round_2"} <= made
    assert not made & {"root", "blind_trained", "seeing", "seeing_trained", "data_some"}
    assert run.digest("checkpoints") == trained
    second = store.run("asked", "seeing_round_2_trained", 0).read_json("config.json")["datasets"]
    assert {name: told["labels"]["lines"] for name, told in second.items()} == {"some_round_2": 6}
    assert set(states(store).values()) == {"fresh"}

    assert not is_due(tree, store)

    # And a third, of the label that comes next.
    give(store, "asked", ("ann", 0, "2"))
    assert is_due(tree, store)
    now = states(store)
    assert (now["seeing_trained"], now["seeing_round_2_trained"]) == ("fresh", "stale")
    tree, (fork,) = record_round(store, "asked")
    assert (fork.name, fork.labels) == ("seeing_round_3", {"some_round_2": 6})
    assert [ref.config.stopped for ref in tree.label_sets] == [0, 6, None]
    with pytest.raises(RecipeError, match=r"nothing was trained|no label came"):
        record_round(store, "asked")
    assert built(store) >= {"seeing_round_3_trained"}
    assert set(states(store).values()) == {"fresh"}

    # Taken away and recorded again, what was built is found whole.
    remove_fork(store, "asked", "seeing_round_3")
    assert states(store)["seeing_round_2_trained"] == "stale"
    record_round(store, "asked")
    assert set(states(store).values()) == {"fresh"}


def test_dagster_observes_the_label_file_and_offers_rounds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tree_of()
    definitions = application(Project({"asked": tree}))
    graph = definitions.resolve_asset_graph()
    key = dg.AssetKey(["labels", "asked"])
    assert graph.get(key).is_observable
    newest = f"data_{tree.label_sets[-1].name}"
    assert graph.get(key).child_keys == {dg.AssetKey(["asked", newest])}
    assert definitions.resolve_job_def("asked__label_round").tags["acc/recipe"] == "asked"

    def asked_for() -> list[str]:
        with open_instance(store) as instance:
            context = dg.build_sensor_context(
                instance, definitions=definitions, sensor_name="asked__label_rounds"
            )
            data = definitions.resolve_sensor_def("asked__label_rounds").evaluate_tick(context)
        return [str(one.run_key) for one in data.run_requests or ()]

    assert asked_for() == []
    lines = give(store, "asked", ("bob", 9, "3"))
    assert asked_for() == []  # somebody is still at it
    monkeypatch.setattr("acc_assets.assets.round_jobs.QUIET_SECONDS", -1.0)
    assert asked_for() == [f"asked {lines}"]


def test_the_command_tells_adds_and_refuses(store: Store, tmp_path: Path) -> None:
    asked = CliRunner().invoke(main, ["label", "asked"])
    assert "labels/asked.csv" in asked.output
    (tmp_path / "exported.csv").write_text("person,time,index,label\nbob,2026-01-01T00:00:00Z,9,4\n")
    told = CliRunner().invoke(main, ["label", "asked", "--add", str(tmp_path / "exported.csv")])
    assert (told.exit_code, told.output.splitlines()[0]) == (0, "1 labels added")
    before = Path(LabelFile(store, "asked").shown).read_bytes()
    (tmp_path / "exported.csv").write_text("bob,2026-01-01T00:00:00Z,9,4\nbob,then,9,4\n")
    told = CliRunner().invoke(main, ["label", "asked", "--add", str(tmp_path / "exported.csv")])
    assert told.exit_code == 1
    assert "exported.csv:2: time: " in told.output
    assert Path(LabelFile(store, "asked").shown).read_bytes() == before


def test_a_file_that_is_none_is_told_in_one_line(store: Store, tmp_path: Path) -> None:
    file = LabelFile(store, "folder")
    Path(file.shown).mkdir(parents=True)
    with pytest.raises(DatasetError, match="Mend the label file"):
        Labelled(of=Digits(image_size=8), people="folder").load(0)


def test_what_to_ask_about_next_is_ranked_among_images_without_a_label(store: Store) -> None:
    tree = tree_of()
    node = tree["seeing_trained"]
    (request,) = [one for one in analyses_of(node) if one.name == "acquisition"]
    run = store.run("asked", "seeing_trained", 0)
    told, arrays = run.read_json("acquisition/acquisition.json"), run.read_npz("acquisition/acquisition.npz")
    assert (told["labelled"], told["unlabelled"], told["pool"]) == (20, IMAGES - 20, 300)
    assert (told["labels"]["lines"], told["probabilities"]) == (0, "the task digit")
    labelled = np.flatnonzero(tree.datasets["some"].config.load(0).train.labelled)
    assert set(told["rules"]) == set(request.rules)
    for rule, found in told["rules"].items():
        assert len(set(found["images"])) == 7, rule
        assert not set(found["images"]) & set(labelled), rule
        assert set(found["images"]) <= set(arrays["pool"])
        assert found["scores"] == sorted(found["scores"], reverse=True), rule
    assert len({tuple(found["images"]) for found in told["rules"].values()}) > 4
    shown = RunArtifacts(run, "asked", "seeing_trained", 0)
    (table,) = request.family.tables(shown)
    assert len(table.rows) == len(told["rules"])
    assert "20 of 1,257" in next(iter(request.family.facts(shown)))[1]
