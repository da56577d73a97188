"""What to fork next: proposals from stored metrics alone, within a budget, each one a fork that the recipe takes."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from built_tiny import environment
from click.testing import CliRunner

from acc_assets.assets.forks import record_fork, record_forks
from acc_assets.assets.optimiser import Trial, suggested
from acc_assets.assets.proposals import proposals_of, propose
from acc_assets.assets.results import recipe_view
from acc_assets.cli import main
from acc_assets.families import metrics
from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.tree import Choice, Linear, Log, RecipeError, RecordedFork, Tree, Whole

RECIPE = """
from acc_assets.datasets import Digits
from acc_assets.families import Metrics
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.tasks import KLDivergenceTask, ReconstructionTask
from acc_assets.tree import Log, Recipe

class Own(Recipe):
    name = "own"
    seeds = (0, 1)
    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(FactorSlotAutoencoder, image_size=16, factor_groups=(FactorGroup("all", 0, 3),))
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "plain")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(KLDivergenceTask("kl", digits))
        ctx.train(steps=10, lr=2e-3)
        ctx.save_checkpoint("plain_trained")
        ctx.evaluate(Metrics())
        ctx.open("plain", {"task.kl.weight": Log(0.1, 10), "train.lr": Log(1e-4, 1e-2)}, "METRIC")
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with environment(tmp_path / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(tmp_path))
        (tmp_path / "own.py").write_text(RECIPE.replace("METRIC", "recon.psnr"))
        yield Store()


def tree() -> Tree:
    return find_recipes().trees["own"]


def psnr(weight: float, lr: float) -> float:
    return 20 - 4 * math.log10(weight / 2) ** 2 - 6 * math.log10(lr / 1e-3) ** 2


def trained(
    store: Store, tag: str, value: float | None, *, seeds: tuple[int, ...] = (0, 1), wall_s: float = 30
) -> None:
    """What a finished run leaves; a seed's value lies half its number above, NaN is none."""
    for seed in seeds:
        run = store.run("own", tag, seed)
        told = {"psnr": value + seed / 2 - 0.25, "loss": 1.0} if value is not None else {"psnr": math.nan}
        entry = {"kind": "reconstruction", "dataset": "digits", "metrics": told, "baseline": {}, "unit": ""}
        run.write_json("config.json", {"spec_hash": tree()[tag].spec_hash})
        run.write_json("summary.json", {"status": "completed", "wall_s": wall_s})
        metrics.write(run, step=10, tasks={"recon": entry}, generalisation=None, latent=None, probes=[])


def forked(store: Store, name: str, weight: float, lr: float, **more: object) -> None:
    settings = {"task.kl.weight": weight, "train.lr": lr}
    record_fork(store, "own", RecordedFork(name=name, checkpoint="plain", settings=settings, **more))  # type: ignore[arg-type]


def test_without_a_result_one_fork_is_drawn_and_accepted_by_the_command_line(store: Store) -> None:
    def acc(*arguments: str) -> list[str]:
        done = CliRunner().invoke(main, ["propose", "own", "plain", *arguments], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output.splitlines()

    why, command = acc()
    assert "By 0 finished, 0 failed, 1 not finished yet. Nothing is known yet" in why
    assert command.startswith("acc fork own plain plain_fork --set task.kl.weight=")
    assert tree().forks == ()
    assert acc("--accept")[1:] == ["recorded plain_fork", "acc build own --select plain_fork"]
    (fork,) = tree().forks
    assert command == "acc fork own plain plain_fork " + " ".join(
        f"--set {k}={v}" for k, v in fork.settings.items()
    )
    assert "2 not finished yet" in acc()[0]  # itself among what is told


def test_proposals_follow_what_the_forks_came_to(store: Store) -> None:
    trained(store, "plain_trained", psnr(1, 2e-3))
    for number, (weight, lr) in enumerate(
        [(0.2, 1e-4), (9, 9e-3), (0.3, 5e-3), (6, 3e-4), (3, 2e-3), (1, 5e-4)]
    ):
        forked(store, f"f{number}", weight, lr)
        trained(store, f"f{number}_trained", psnr(weight, lr))
    forked(store, "waits", 5, 1e-3)
    found = propose(store, tree(), "plain", minutes=4, count=3)
    assert found == propose(
        store, tree(), "plain", minutes=4, count=3
    )  # the same artifacts, the same proposals
    assert found.minutes == 1.0  # 30 s for each of two seeds
    assert [fork.name for fork in found.forks] == ["plain_fork", "plain_fork2", "plain_fork3"]
    settings = [fork.settings for fork in found.forks]
    assert len({json.dumps(one) for one in settings}) == 3
    assert "By 7 finished, 0 failed, 1 not finished yet." in found.why
    assert (
        "Best so far: recon PSNR 19.33 dB (mean of 2 seeds) of f4_trained with task.kl.weight=3, train"
        in found.why
    )
    assert "Training one takes about 1 min 0 s over 2 seeds" in found.why
    recorded = record_forks(store, "own", lambda _: found.forks)
    assert {"plain_fork3", "plain_fork3_trained"} <= set(recorded.nodes)


def test_the_minutes_bound_how_many_are_proposed(store: Store) -> None:
    trained(store, "plain_trained", 18.0, wall_s=300)
    assert [len(propose(store, tree(), "plain", minutes, 3).forks) for minutes in (9.9, 10, 25, 100)] == [
        0,
        1,
        2,
        3,
    ]
    assert "None fits into 5 min." in propose(store, tree(), "plain", 5).why


def test_what_failed_was_withheld_or_differs_otherwise_is_told_as_that(store: Store) -> None:
    trained(store, "plain_trained", 18.0)
    for name in ("nan", "broke", "half", "stale", "edited"):
        forked(store, name, 1, 1e-3)
    trained(store, "nan_trained", None)
    trained(store, "half_trained", 19.0, seeds=(1,))
    trained(store, "stale_trained", 40.0)
    for name, spec_hash in (("broke", tree()["broke_trained"].spec_hash), ("edited", "of other settings")):
        run = store.run("own", f"{name}_trained", 0)
        run.write_json("config.json", {"spec_hash": spec_hash})
        run.write_json("summary.json", {"status": "failed"})
    forked(store, "longer", 1, 1e-3, steps=20)
    other = {"task.kl.weight": 1, "task.recon.weight": 3}
    record_fork(store, "own", RecordedFork(name="other", checkpoint="plain", settings=other))
    forked(store, "outside", 50, 1e-3)
    trained(store, "longer_trained", 50.0)
    trained(store, "other_trained", 60.0)
    trained(store, "outside_trained", 17.0)
    withheld = {("stale_trained", seed): {"metrics": "its recipe changed"} for seed in (0, 1)}
    view = replace(recipe_view(tree(), store), withheld=withheld)
    found = proposals_of(view, view.opened["plain"], 20, 3)
    assert "By 3 finished, 2 failed, 2 not finished yet, 1 of these outside of what is open." in found.why
    assert "PSNR 19.25 dB (mean of 1 seed) of half_trained" in found.why
    assert len(found.forks) == 3


def test_what_cannot_be_proposed_says_what_to_do(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        RecipeError, match=r"Open are: plain\. Add to its end: ctx.open.*task.kl.weight.*Log.0.1, 10"
    ):
        propose(store, tree(), "plain_trained")
    with pytest.raises(RecipeError, match="no tasks, so that a fork of it has nothing to learn"):
        propose(store, tree(), "root")
    trained(store, "plain_trained", 18.0)
    (tmp_path / "own.py").write_text(RECIPE.replace("METRIC", "recon.sharpness"))
    with pytest.raises(
        RecipeError, match=r"has the metric 'recon.sharpness'. Metrics are: recon.psnr, recon.loss"
    ):
        propose(store, tree(), "plain")
    (tmp_path / "own.py").write_text(RECIPE.replace("METRIC", "recon.psnr"))
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RecipeError, match=r"not installed. Install it: pip install 'acc-assets\[optuna\]'"):
        propose(store, tree(), "plain")


def test_a_metric_without_a_direction_needs_one(store: Store, tmp_path: Path) -> None:
    trained(store, "plain_trained", 18.0)
    entry = {"kind": "kl", "dataset": "digits", "metrics": {"kl": 3.0}, "baseline": {}, "unit": "nats"}
    for seed in (0, 1):
        run = store.run("own", "plain_trained", seed)
        metrics.write(run, step=10, tasks={"kl": entry}, generalisation=None, latent=None, probes=[])
    (tmp_path / "own.py").write_text(RECIPE.replace('"METRIC"', '"kl.kl"'))
    with pytest.raises(RecipeError, match="maximise=True, or maximise=False"):
        propose(store, tree(), "plain")
    (tmp_path / "own.py").write_text(RECIPE.replace('"METRIC"', '"kl.kl", maximise=False'))
    assert "Best so far: KL 3.00 nats" in propose(store, tree(), "plain").why


def test_settings_of_every_kind_stay_in_their_range_and_are_each_proposed_once() -> None:
    ranges = {"a": Choice(("x", {"type": "y"})), "b": Whole(1, 3)}
    told = [
        Trial({"a": "x", "b": 1}, 1.0),
        Trial({"a": "x", "b": 2}),
        Trial({"a": {"type": "y"}, "b": 1}, pending=True),
    ]
    found = suggested(ranges, told, 9, maximise=True, seed=0)
    left = [{"a": "x", "b": 3}, {"a": {"type": "y"}, "b": 2}, {"a": {"type": "y"}, "b": 3}]
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, left))
    numbers = {"c": Linear(-1, 1), "d": Log(1e-5, 1)}
    trials = [
        Trial({"c": c, "d": 10.0**-d}, c * c + d, False)
        for c, d in ((-1, 1), (0.5, 2), (1, 0), (0, 5), (0.2, 3))
    ]
    for one in suggested(numbers, trials, 4, maximise=False, seed=0):
        assert -1 <= one["c"] <= 1
        assert 1e-5 <= one["d"] <= 1
        assert all(len(f"{abs(value):.2e}") and value == float(f"{value:.2e}") for value in one.values())


def test_round_by_round_proposals_come_nearer() -> None:
    ranges, told = {"weight": Log(0.1, 10), "lr": Log(1e-4, 1e-2)}, list[Trial]()
    for _ in range(6):
        for settings in suggested(ranges, told, 3, maximise=True, seed=0):
            told.append(Trial(settings, psnr(**settings)))
    values = [one.value or 0 for one in told]
    assert max(values[:6]) < 19.95 < fmean(values[15:])


def test_the_neighbourhood_of_failures_is_left_alone() -> None:
    ranges = {"lr": Log(1e-4, 1)}
    good = [Trial({"lr": 10**-x}, (x - 1.5) ** 2) for x in (4, 3.5, 3, 2.5, 2)]
    bad = [Trial({"lr": 10**-x}) for x in (0.2, 0.6, 1.0)]
    (alone,) = suggested(ranges, good, 1, maximise=False, seed=0)
    (warned,) = suggested(ranges, [*good, *bad], 1, maximise=False, seed=0)
    assert warned["lr"] < 0.06
    assert warned["lr"] < alone["lr"]
    assert suggested(ranges, bad, 1, maximise=False, seed=0)  # nothing but failures: drawn at random
