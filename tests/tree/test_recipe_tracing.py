"""Recipes become trees, and mistakes become errors that name recipe, operation and remedy."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from acc_assets.datasets import Augmentation, Digits, Slant
from acc_assets.families import Manifold
from acc_assets.models import ConvAutoencoder, FactorGroup, FactorSlotAutoencoder
from acc_assets.recipes.mnist_factor_experiment import MNISTFactorExperiment
from acc_assets.recipes.quickstart import Quickstart
from acc_assets.tasks import (
    ClassificationTask,
    KLDivergenceTask,
    LinearRamp,
    ReconstructionTask,
    RegressionTask,
)
from acc_assets.tree import EarlyStopping, Recipe, RecipeContext, RecipeError, trace

GROUPS = (FactorGroup("digit", 0, 4), FactorGroup("style", 4, 8))


def recipe_of(body, **fields):
    """A recipe whose `run` is `body(ctx)`."""
    return type("Tried", (Recipe,), {"name": "tried", "run": lambda self, ctx: body(ctx), **fields})()


def started(ctx: RecipeContext):
    """A model, a data set and a root."""
    digits = ctx.load_dataset("digits", Digits, image_size=16)
    ctx.create_model(FactorSlotAutoencoder, image_size=16, factor_groups=GROUPS)
    ctx.save_checkpoint("root")
    return digits


def build_tiny(width: int, latent_dim: int = 4):
    """A model of a user's own; torch is imported when it is built."""
    from torch import nn

    return nn.Linear(width, latent_dim)


def test_the_seed_experiment_has_its_tree() -> None:
    tree = trace(MNISTFactorExperiment())
    assert [(n.tag, n.kind, n.parent, n.branch) for n in tree] == [
        ("experiment_root", "root", None, "experiment_root"),
        ("mnist_only", "fork", "experiment_root", "mnist_only"),
        ("mnist_only_5k", "trained", "mnist_only", "mnist_only"),
        ("with_curriculum", "fork", "experiment_root", "with_curriculum"),
        ("curriculum_5k", "trained", "with_curriculum", "with_curriculum"),
    ]
    assert [task.name for task in tree["curriculum_5k"].tasks] == [
        "recon",
        "kl",
        "digit_classify",
        "thickness",
        "slant",
    ]
    assert [node.tag for node in tree if node.evaluated] == ["mnist_only_5k", "curriculum_5k"]
    assert tree["mnist_only_5k"].steps == 5000
    assert [n.tag for n in tree.subtree("mnist_only")] == ["mnist_only", "mnist_only_5k"]


def test_tracing_touches_neither_torch_nor_dagster() -> None:
    code = (
        "import sys; from acc_assets.recipes import find_recipes; found = find_recipes(); assert found.trees;"
        "print(sorted({'torch', 'dagster', 'sklearn', 'umap', 'matplotlib', 'torchvision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_parameters_reach_the_recipe_and_unknown_ones_are_named() -> None:
    assert trace(Quickstart(), steps=12)["supervised_trained"].steps == 12
    with pytest.raises(RecipeError, match=r"recipe 'quickstart'.*no parameter \['stepz'\].*steps"):
        trace(Quickstart(), stepz=3)


def test_a_weight_changes_its_branch_alone() -> None:
    def with_weight(weight: float):
        def body(ctx: RecipeContext) -> None:
            digits = started(ctx)
            for branch, branch_weight in (("a", 1.0), ("b", weight)):
                ctx.fork("root", branch)
                ctx.attach_task(ReconstructionTask("recon", digits, weight=branch_weight))
                ctx.train(steps=5)
                ctx.save_checkpoint(f"{branch}_5")
                ctx.evaluate()

        return trace(recipe_of(body))

    one, two = with_weight(1.0), with_weight(2.0)
    changed = [tag for tag in one.nodes if one.lineage_hash(tag) != two.lineage_hash(tag)]
    assert changed == ["b", "b_5"]


def test_a_change_of_the_model_reaches_everything() -> None:
    def body(ctx: RecipeContext, kernel: int) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=kernel)
        ctx.save_checkpoint("root")
        ctx.fork("root", "a")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=5)
        ctx.save_checkpoint("a_5")

    one, two = (trace(recipe_of(lambda ctx, k=k: body(ctx, k))) for k in (4, 8))
    assert all(one[tag].spec_hash != two[tag].spec_hash for tag in one.nodes)


def test_deep_trees_and_curricula() -> None:
    def body(ctx: RecipeContext) -> None:
        digits = started(ctx)
        ctx.fork("root", "a")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=5)
        ctx.attach_task(KLDivergenceTask("kl", digits, weight=LinearRamp(0.0, 1.0, steps=5)))
        ctx.train(steps=7, lr=1e-4, lr_schedule="cosine")
        ctx.save_checkpoint("a_12")
        ctx.fork("a_12", "b")
        ctx.detach_all_tasks()
        ctx.attach_task(ClassificationTask("digit", digits, factor_name="digit"))
        ctx.train(steps=3)
        ctx.save_checkpoint("b_3")
        ctx.train(steps=2)
        ctx.save_checkpoint("b_5")
        ctx.evaluate()

    tree = trace(recipe_of(body))
    assert [n.tag for n in tree.ancestors("b_5")] == ["root", "a", "a_12", "b", "b_3"]
    assert [[t.name for t in phase.tasks] for phase in tree["a_12"].phases] == [["recon"], ["recon", "kl"]]
    assert [t.name for t in tree["b"].tasks] == ["digit"]
    assert [t.name for t in tree["b_5"].tasks] == ["digit"]
    assert tree["b_5"].branch == "b"


def test_a_user_function_is_hashed_by_its_source() -> None:
    def body(ctx: RecipeContext) -> None:
        ctx.create_model(build_tiny, width=3)
        ctx.save_checkpoint("root")

    spec = trace(recipe_of(body))["root"].spec["model"]
    assert spec["call"] == "build_tiny"
    assert spec["kwargs"] == {"width": 3}
    assert len(spec["source"]) == 16


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (lambda ctx, d: ctx.fork("nowhere", "x"), r"fork\('nowhere', 'x'\).*no checkpoint 'nowhere'.*root"),
        (lambda ctx, d: ctx.save_checkpoint("root"), r"save_checkpoint\('root'\).*taken"),
        (lambda ctx, d: ctx.fork("root", "no good"), r"'no good' is not a valid name"),
        (lambda ctx, d: ctx.fork("root", "a__b"), r"'a__b' is not a valid name.*single underscores"),
        (lambda ctx, d: ctx.fork("root", "site"), r"'site' is the name of another asset"),
        (lambda ctx, d: ctx.attach_task("recon"), r"attach_task.*no task"),
        (
            lambda ctx, d: ctx.attach_task(ClassificationTask("c", d, latent_slice=(4, 90))),
            r"attach_task\('c'\).*90",
        ),
        (
            lambda ctx, d: ctx.attach_task(ClassificationTask("c", d, factor_name="colour")),
            r"attach_task\('c'\).*colour.*digit.*style",
        ),
        (lambda ctx, d: ctx.train(steps=5), r"train\(steps=5\).*no task is attached"),
        (lambda ctx, d: ctx.detach_task("recon"), r"detach_task\('recon'\).*no such task"),
        (lambda ctx, d: ctx.evaluate(), r"evaluate\(\).*no checkpoint with tasks"),
        (lambda ctx, d: ctx.load_dataset("digits", Digits, image_size=32), r"another data set's"),
        (
            lambda ctx, d: ctx.load_dataset("more", lambda: None),
            r"lambda> gave a value of type NoneType.*Mnist",
        ),
        (lambda ctx, d: ctx.load_dataset("more", lambda: Digits), r"lambda> gave the class Digits"),
        (lambda ctx, d: ctx.load_dataset("more", 3), r"neither a configuration nor a callable"),
        (lambda ctx, d: ctx.load_dataset("more", Digits(), image_size=16), r"complete already"),
        (
            lambda ctx, d: ctx.create_model(lambda: build_tiny(3)),
            r"lambda> gave a value of type Linear.*top level",
        ),
        (lambda ctx, d: ctx.load_dataset("more", Digits, image_sise=16), r"image_sise"),
        (
            lambda ctx, d: ctx.create_model(FactorSlotAutoencoder, image_size=17),
            r"create_model.*image_size is 17",
        ),
    ],
)
def test_errors_name_operation_and_remedy(operation, message: str) -> None:
    def body(ctx: RecipeContext) -> None:
        operation(ctx, started(ctx))

    with pytest.raises(RecipeError, match=r"recipe 'tried'.*" + message):
        trace(recipe_of(body))


def test_tasks_must_fit_model_and_data() -> None:
    def no_kl(ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=8)
        ctx.attach_task(KLDivergenceTask("kl", digits))

    def no_labels(ctx: RecipeContext) -> None:
        started(ctx)
        slant = ctx.load_dataset("slant", Slant, n=100, image_size=16)
        ctx.attach_task(ClassificationTask("c", slant))

    def twice(ctx: RecipeContext) -> None:
        digits = started(ctx)
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(RegressionTask("recon", digits))

    for body, message in ((no_kl, "kl"), (no_labels, "c"), (twice, "attached already")):
        with pytest.raises(RecipeError, match=message):
            trace(recipe_of(body))


def test_what_is_left_open_is_an_error() -> None:
    def unsaved(ctx: RecipeContext) -> None:
        ctx.attach_task(ReconstructionTask("recon", started(ctx)))
        ctx.train(steps=5)

    def empty(ctx: RecipeContext) -> None:
        ctx.create_model(FactorSlotAutoencoder, image_size=16, factor_groups=GROUPS)

    for body, message in ((unsaved, "was not saved"), (empty, "no checkpoint")):
        with pytest.raises(RecipeError, match=message):
            trace(recipe_of(body))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimiser": "adam"}, "unknown option"),
        ({"optimizer": "lion"}, r"TrainPhase: optimizer is 'lion'; allowed is 'adam' or 'adamw' or 'sgd'"),
        ({"ema_decay": 1.5}, "ema_decay is 1.5; allowed is None or a finite number above 0 below 1"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"batch_size": 0}, "batch_size"),
        (
            {"early_stopping": EarlyStopping(task="nothing", metric="psnr"), "validate_every": 1},
            "early_stopping.task",
        ),
        ({"early_stopping": EarlyStopping(task="recon", metric="psnr")}, "validate_every"),
        ({"early_stopping": "psnr"}, r"early_stopping is 'psnr'.*EarlyStopping"),
        ({"batch_size": 32.5}, r"batch_size is 32.5.*whole number from 1 to 1,000,000"),
        ({"batch_size": True}, r"batch_size is True.*whole number"),
        ({"warmup_steps": 1.5}, r"warmup_steps is 1.5.*whole number from 0"),
        ({"snapshot_every": 2.5}, r"snapshot_every is 2.5.*None or a whole number"),
        ({"lr": float("inf")}, r"lr is inf.*finite number above 0"),
        ({"lr": 10**400}, r"lr is 1000.*finite number above 0"),
        ({"lr": "fast"}, r"lr is 'fast'.*finite number above 0"),
        ({"weight_decay": float("nan")}, r"weight_decay is nan.*finite number from 0"),
        ({"clip_norm": float("inf")}, r"clip_norm is inf.*None or a finite number"),
        ({"augment": Augmentation}, r"augment is the class.*Augmentation\(shift_px=2\)"),
        ({"augment": 3}, r"augment is 3.*Augmentation\(shift_px=2\)"),
    ],
)
def test_training_options_are_checked(options, message: str) -> None:
    def body(ctx: RecipeContext) -> None:
        ctx.attach_task(ReconstructionTask("recon", started(ctx)))
        ctx.train(steps=5, **options)

    with pytest.raises(RecipeError, match=message):
        trace(recipe_of(body))


@pytest.mark.parametrize("steps", [1.5, 0, -3, True, "5", 10**25, float("inf"), None])
def test_steps_are_a_sane_whole_number(steps) -> None:
    def body(ctx: RecipeContext) -> None:
        ctx.attach_task(ReconstructionTask("recon", started(ctx)))
        ctx.train(steps=steps)

    with pytest.raises(RecipeError, match=r"operation train.*whole number from 1 to 1,000,000,000"):
        trace(recipe_of(body))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "maximum"}, r"mode is 'maximum'; allowed is 'min' or 'max'"),
        ({"patience": 0}, r"patience is 0.*whole number from 1"),
        ({"patience": 2.5}, r"patience is 2.5.*whole number"),
        ({"min_delta": float("nan")}, r"min_delta is nan.*finite"),
        ({"metric": 3}, r"metric is 3.*name"),
    ],
)
def test_early_stopping_is_checked_where_it_is_written(fields, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**{"task": "recon", "metric": "psnr", **fields})


@pytest.mark.parametrize(
    "seeds", [(0, 0), (), (-1,), (1.5,), (True,), 3, "01", [2**64], range(10**9), itertools.count()]
)
def test_seeds_are_distinct_whole_numbers(seeds) -> None:
    with pytest.raises(RecipeError, match=r"seeds=.*distinct whole numbers"):
        trace(recipe_of(started, seeds=seeds))
    assert trace(recipe_of(started, seeds=range(3))).seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": 3}, "3 is not a valid name"),
        ({"name": "x" * 200}, "at most 80"),
        ({"title": 3}, "title is 3.*text"),
        ({"question": ["why"]}, "question is .*text"),
        ({"description": "\ud800"}, "description is .*text"),
    ],
)
def test_the_words_of_a_recipe_are_text(fields, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        trace(recipe_of(started, **fields))


def test_tags_that_differ_in_case_alone_are_refused() -> None:
    def body(ctx: RecipeContext) -> None:
        started(ctx)
        ctx.fork("root", "Root")

    with pytest.raises(RecipeError, match=r"'Root'.*'root'.*case"):
        trace(recipe_of(body))


def test_remarks_and_phases_are_text() -> None:
    def remark(ctx: RecipeContext) -> None:
        started(ctx)
        ctx.log("lone \ud800 surrogate")

    def phase(ctx: RecipeContext) -> None:
        ctx.phase = "lone \ud800 surrogate"

    for body in (remark, phase):
        with pytest.raises(RecipeError, match="cannot be written as UTF-8"):
            trace(recipe_of(body))


@pytest.mark.parametrize(
    "use",
    [
        lambda result: result["recon"]["psnr"],
        lambda result: result.psnr,
        float,
        str,
        len,
        list,
        bool,
        lambda result: result < 0.5,
        lambda result: result > 0.5,
        lambda result: result == 1,
        lambda result: result + 1,
        lambda result: f"{result:.2f}",
        lambda result: f"{result}",
        lambda result: "recon" in result,
        lambda result: {result: 1},
        lambda result: [*result],
    ],
)
@pytest.mark.parametrize(
    ("operation", "place"),
    [("train", r"train\(steps=5\).*summary.json"), ("evaluate", r"evaluate\(\).*root_5_metrics.*root_5")],
)
def test_results_say_that_they_are_not_there_yet_and_where_they_will_be(
    use, operation: str, place: str
) -> None:
    def body(ctx: RecipeContext) -> None:
        ctx.attach_task(ReconstructionTask("recon", started(ctx)))
        trained = ctx.train(steps=5)
        ctx.save_checkpoint("root_5")
        result = {"train": trained, "evaluate": ctx.evaluate()}[operation]
        assert result is not None
        repr(result)
        use(result)

    with pytest.raises(RecipeError, match=rf"recipe 'tried'.*{place}") as raised:
        trace(recipe_of(body))
    for word in ("no results yet", "acc build tried", "runs/tried"):
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda ctx: ctx.load_dataset("d", Digits, stratified="yes"),
            r"Digits: stratified is 'yes'; allowed is True or False",
        ),
        (
            lambda ctx: ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4, variational=1),
            r"ConvAutoencoder: variational is 1; allowed is True or False",
        ),
        (
            lambda ctx: ctx.create_model(
                FactorSlotAutoencoder, image_size=16, factor_groups=[FactorGroup("all", 0, 8.0)]
            ),
            r"FactorGroup: stop is 8.0; allowed is a whole number from 0",
        ),
        (
            lambda ctx: ctx.attach_task(ClassificationTask("c", started(ctx), head_lr=float("inf"))),
            r"ClassificationTask: head_lr is inf; allowed is None or a finite number above 0",
        ),
        (
            lambda ctx: ctx.attach_task(ClassificationTask("c", started(ctx), head_lr=True)),
            r"ClassificationTask: head_lr is True; allowed is None or a finite number above 0",
        ),
        (
            lambda ctx: (
                ctx.attach_task(ReconstructionTask("r", started(ctx))),
                ctx.train(steps=3, augment=Augmentation(shift_px=True)),
            ),
            r"Augmentation: shift_px is True; allowed is a finite number from 0",
        ),
        (
            lambda ctx: (
                ctx.attach_task(ReconstructionTask("r", (digits := started(ctx)))),
                ctx.save_checkpoint("more"),
                ctx.evaluate(Manifold(label_sets=(digits,), pixels="no")),
            ),
            r"Manifold: pixels is 'no'; allowed is True or False",
        ),
    ],
)
def test_fields_hold_what_their_type_says(use, message: str) -> None:
    with pytest.raises((RecipeError, ValueError), match=message):
        trace(recipe_of(use))
