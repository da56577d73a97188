"""Every option changes what it should, by known answers where there are any."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from training_trees import build, small

from acc_assets.datasets import Augmentation, Digits, Thickness
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.storage import Store
from acc_assets.tasks import (
    ClassificationTask,
    KLDivergenceTask,
    LinearRamp,
    ReconstructionTask,
    RegressionTask,
)
from acc_assets.training import Runtime, evaluate, load_checkpoint, load_model
from acc_assets.training.objective import task_scales
from acc_assets.training.optimization import (
    MovingAverage,
    build_optimizer,
    clip_gradients,
    lr_factor,
    set_rates,
)
from acc_assets.training.runtime import keep_freed_memory
from acc_assets.tree import DatasetRef, EarlyStopping, Recipe, TrainPhase, trace

CPU = torch.device("cpu")


def phase(**options):
    return TrainPhase(**{"steps": 10, "tasks": (), **options})


def trained(tmp_path, *phases, tag="left_done", **changes):
    """The run directory of a small build."""
    build(small(*phases, **changes), tag, tmp_path)
    return Store(tmp_path).run("small", tag, 0)


def weights(run):
    return torch.cat([tensor.flatten() for tensor in load_checkpoint(run).model.values()])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return weights(trained(tmp_path_factory.mktemp("plain"), {"steps": 12}))


@pytest.mark.parametrize(
    "option",
    [
        {"lr": 1e-3},
        {"batch_size": 16},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "sgd", "lr": 1e-5},
        {"weight_decay": 0.1},
        {"lr_schedule": "cosine"},
        {"lr_schedule": "step", "lr_step_size": 3},
        {"warmup_steps": 5},
        {"clip_norm": 0.1, "optimizer": "sgd"},
        {"clip_norm": None, "optimizer": "sgd", "lr": 1e-6},
        {"ema_decay": 0.9},
        {"task_sampling": "one"},
        {"precision": "bfloat16"},
        {"augment": Augmentation(shift_px=2)},
    ],
    ids=str,
)
def test_it_changes_the_weights(tmp_path, plain, option):
    assert not torch.equal(weights(trained(tmp_path, {"steps": 12, **option})), plain)


@pytest.mark.parametrize("option", [{"log_every": 5}, {"validate_every": 4}, {"snapshot_every": 3}], ids=str)
def test_watching_does_not_change_the_weights(tmp_path, plain, option):
    assert torch.equal(weights(trained(tmp_path, {"steps": 12, **option})), plain)


def test_momentum_changes_sgd(tmp_path):
    runs = [
        weights(trained(tmp_path / str(m), {"steps": 6, "optimizer": "sgd", "lr": 1e-5, "momentum": m}))
        for m in (0.0, 0.9)
    ]
    assert not torch.equal(*runs)


def test_gamma_changes_the_step_schedule():
    options = {"lr_schedule": "step", "lr_step_size": 4, "steps": 12}
    assert [lr_factor(phase(lr_gamma=0.1, **options), step) for step in (0, 3, 4, 8)] == pytest.approx(
        [1, 1, 0.1, 0.01]
    )


def test_schedules_by_their_formulas():
    cosine = phase(steps=100, lr_schedule="cosine")
    assert [lr_factor(cosine, step) for step in (0, 50, 100)] == pytest.approx([1.0, 0.5, 0.0])
    warm = phase(steps=100, warmup_steps=4)
    assert [lr_factor(warm, step) for step in (0, 1, 3, 4, 99)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    both = phase(steps=104, warmup_steps=4, lr_schedule="cosine")
    assert lr_factor(both, 54) == pytest.approx(0.5)


def test_cosine_matches_torch():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    ours = phase(steps=20, lr_schedule="cosine")
    for step in range(20):
        assert lr_factor(ours, step) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()


def test_heads_learn_at_their_own_rate_and_follow_the_schedule():
    digits = DatasetRef("digits", Digits(image_size=16))
    task = ClassificationTask("digit", digits, head_lr=0.5)
    plain_task = ClassificationTask("other", digits)
    heads = {"digit": nn.Linear(2, 2), "other": nn.Linear(2, 2)}
    model = nn.Linear(2, 2)
    optimizer = build_optimizer(phase(lr=0.1, tasks=(task, plain_task)), model, heads, CPU)
    assert [group["lr"] for group in optimizer.param_groups] == [
        0.1,
        0.5,
        1.0,
    ]  # without its own, 10 times the model's
    set_rates(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.25, 0.5]


def test_a_probe_of_weight_one_weighs_as_much_as_the_reconstruction():
    ref = DatasetRef("digits", Digits(image_size=16))
    strokes = DatasetRef("strokes", Thickness(n=200, image_size=16))
    datasets = {ref.name: ref.config.load(), strokes.name: strokes.config.load()}
    digit, width = ClassificationTask("digit", ref), RegressionTask("width", strokes)
    divergence = KLDivergenceTask("kl", ref)
    for recon in (
        ReconstructionTask("recon", ref),
        ReconstructionTask("recon", ref, error="mse"),
        ReconstructionTask("recon", ref, error="mse", reduction="mean"),
    ):
        scales = task_scales([recon, divergence, digit, width], datasets)
        assert (scales["recon"], scales["kl"]) == (1.0, 1.0)  # the ELBO, untouched
        reach = recon.reach(datasets["digits"])
        assert scales["digit"] * digit.reach(datasets["digits"]) == pytest.approx(reach, rel=1e-3)
        assert scales["width"] * width.reach(datasets["strokes"]) == pytest.approx(reach, rel=1e-3)
    alone = task_scales([divergence, digit, width], datasets)
    assert set(alone.values()) == {1.0}  # without a reconstruction everything counts nats


def test_reconstruction_and_kl_of_weight_one_are_the_elbo(tmp_path):
    """What a step differentiates is nats of the image plus nats of KL, whatever probes train beside them."""
    run = trained(tmp_path, {"steps": 12, "log_every": 1})
    history = run.read_npz("history/history.npz")
    scale = run.read_json("summary.json")["phases"][0]["scales"]["digit"]
    probe = history["total"] - history["loss/recon"] - history["loss/kl"]
    np.testing.assert_allclose(probe, 5.0 * scale * history["loss/digit"], rtol=1e-3)


def test_the_defaults_classify_without_tuning(tmp_path):
    """The seed's recipe as it is written, small: accuracy stood at .44 when a probe's weight counted nats alone."""

    class Plain(Recipe):
        name = "plain"

        def run(self, ctx):
            digits = ctx.load_dataset("digits", Digits(image_size=16))
            ctx.create_model(
                FactorSlotAutoencoder,
                image_size=16,
                factor_groups=(FactorGroup("digit", 0, 4), FactorGroup("style", 4, 8)),
                backbone_channels=(8, 16),
                embed_dim=32,
            )
            root = ctx.save_checkpoint("root")
            ctx.fork(root, "branch")
            ctx.attach_task(ReconstructionTask("recon", digits))
            ctx.attach_task(KLDivergenceTask("kl", digits, weight=1.0))
            ctx.attach_task(ClassificationTask("digit", digits, latent_slice=(0, 4)))
            ctx.train(steps=300, lr=1e-3)
            ctx.save_checkpoint("trained")
            ctx.evaluate()

    tree = trace(Plain())
    build(tree, "trained", tmp_path)
    node = tree["trained"]
    loaded = load_model(Store(tmp_path).run("plain", "trained", 0), node)
    datasets = {name: ref.config.load() for name, ref in node.datasets.items()}
    found = evaluate(loaded.model, loaded.heads, node.tasks, datasets, "test")
    assert found["digit"]["accuracy"] > 0.85
    assert found["recon"]["psnr"] > node.tasks[0].baseline(datasets["digits"])["psnr"] + 0.5


@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clipping_matches_torch(max_norm):
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(7)), nn.Parameter(torch.zeros(2))]
    theirs = [nn.Parameter(torch.zeros_like(p)) for p in ours]
    for p, q in zip(ours[:2], theirs[:2], strict=True):
        p.grad = torch.randn_like(p)
        q.grad = p.grad.clone()
    clip_gradients(ours, max_norm)
    nn.utils.clip_grad_norm_(theirs, max_norm)
    for p, q in zip(ours[:2], theirs[:2], strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_moving_average_by_hand():
    weight = nn.Parameter(torch.tensor([0.0]))
    average = MovingAverage(0.5, [weight])
    expected = 0.0
    for update in range(6):
        with torch.no_grad():
            weight.fill_(update + 1.0)
        average.update()
        decay = min(0.5, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * (update + 1.0)
    with average.applied():
        assert weight.item() == pytest.approx(expected)
    assert weight.item() == 6.0
    average.adopt()
    assert weight.item() == pytest.approx(expected)


def test_the_average_is_what_a_node_ends_with(tmp_path):
    steps = {"steps": 12, "snapshot_every": 1}
    raw = trained(tmp_path / "raw", steps)
    averaged = trained(tmp_path / "ema", {**steps, "ema_decay": 0.9, "validate_every": 12})
    name = "code.weight"
    expected = (load_checkpoint(raw, 0).resume and None) or weights_at(raw, 0)[name]
    for step in range(12):
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weights_at(raw, step + 1)[name]
    torch.testing.assert_close(load_checkpoint(averaged).model[name], expected)
    torch.testing.assert_close(load_checkpoint(averaged, 6).model[name].shape, expected.shape)


def weights_at(run, step):
    return load_checkpoint(run, step).model


def test_early_stopping_stops_and_restores_the_best(tmp_path):
    rule = EarlyStopping(task="digit", metric="accuracy", patience=2, min_delta=2.0)  # nothing improves by 2
    run = trained(tmp_path, {"steps": 40, "validate_every": 4, "snapshot_every": 4, "early_stopping": rule})
    summary = run.read_json("summary.json")
    assert summary["step"] == 12
    assert summary["phases"] == [
        {
            "name": "",
            "steps": 12,
            "scales": {"recon": 1.0, "kl": 1.0, "digit": pytest.approx(13.5, rel=0.05)},
            "stopped_early": True,
            "best_step": 4,
            "best_value": run.read_npz("history/history.npz")["val/digit/accuracy"][0],
        }
    ]
    assert all(torch.equal(tensor, weights_at(run, 4)[name]) for name, tensor in weights_at(run, 12).items())


@pytest.mark.parametrize(("mode", "metric"), [("min", "loss"), ("max", "accuracy")])
def test_early_stopping_keeps_the_best_by_its_mode(tmp_path, mode, metric):
    rule = EarlyStopping(task="digit", metric=metric, patience=50, mode=mode)
    run = trained(tmp_path, {"steps": 40, "lr": 2e-2, "validate_every": 4, "early_stopping": rule})
    values = run.read_npz("history/history.npz")[f"val/digit/{metric}"]
    facts = run.read_json("summary.json")["phases"][0]
    assert facts["best_value"] == (values.min() if mode == "min" else values.max())
    assert facts["best_step"] == 4 * (1 + int(values.argmin() if mode == "min" else values.argmax()))


def test_early_stopping_names_the_metrics_there_are(tmp_path):
    rule = EarlyStopping(task="digit", metric="f1")
    with pytest.raises(ValueError, match=r"f1.*accuracy"):
        trained(tmp_path, {"steps": 8, "validate_every": 4, "early_stopping": rule})


def test_one_task_a_step_draws_each_and_runs_only_it(tmp_path):
    run = trained(tmp_path, {"steps": 60, "task_sampling": "one", "log_every": 1}, tag="right_done")
    history = run.read_npz("history/history.npz")
    drawn = np.stack([np.isfinite(history[f"loss/{task}"]) for task in ("recon", "kl", "digit", "width")])
    assert (drawn.sum(0) == 1).all()
    assert (drawn.sum(1) > 5).all()


def test_logging_means_over_its_window(tmp_path):
    each = trained(tmp_path / "1", {"steps": 12, "log_every": 1}).read_npz("history/history.npz")
    run = trained(tmp_path / "5", {"steps": 12, "log_every": 5})
    means = run.read_npz("history/history.npz")
    assert means["step"].tolist() == [5, 10, 12]
    for name in ("total", "loss/recon", "loss/digit"):
        parts = np.split(each[name], [5, 10])
        np.testing.assert_allclose(means[name], [part.mean() for part in parts], rtol=1e-6)


def test_weights_follow_their_schedule_within_the_phase(tmp_path):
    phases = ({"steps": 6, "log_every": 1}, {"steps": 6, "log_every": 1})
    run = trained(tmp_path, *phases, kl=LinearRamp(0.0, 1.0, steps=4))
    history = run.read_npz("history/history.npz")
    scale = run.read_json("summary.json")["phases"][0]["scales"]["digit"]
    rest = history["total"] - history["loss/recon"] - 5 * scale * history["loss/digit"]
    expected = [min(1.0, step / 4) for step in range(6)] * 2
    np.testing.assert_allclose(rest, expected * history["loss/kl"], atol=2e-3)


def test_snapshots_and_validations_keep_their_cadence(tmp_path):
    run = trained(tmp_path, {"steps": 12, "snapshot_every": 5, "validate_every": 6})
    names = [name for name in run.list("checkpoints/step")]
    assert [int(name[-11:-3]) for name in names] == [0, 5, 10, 12]
    assert run.read_npz("history/history.npz")["val_step"].tolist() == [6, 12]


def test_a_curriculum_runs_its_phases_in_order(tmp_path):
    phases = ({"steps": 8, "lr": 1e-3}, {"steps": 4, "lr": 1e-4, "lr_schedule": "cosine"})
    run = trained(tmp_path, *phases)
    history = run.read_npz("history/history.npz")
    assert history["step"].tolist() == [4, 8, 12]
    assert history["lr"] == pytest.approx([1e-3, 1e-3, 1e-4 * 0.5 * (1 + math.cos(math.pi * 3 / 4))])
    one = weights(trained(tmp_path / "one", {"steps": 8, "lr": 1e-3}))
    assert torch.equal(
        torch.cat([tensor.flatten() for tensor in weights_at(run, 8).values()]), one
    )  # the first phase does not know of the second


def test_float16_needs_cuda(tmp_path):
    with pytest.raises(ValueError, match=r"float16.*CUDA.*bfloat16"):
        trained(tmp_path, {"steps": 4, "precision": "float16"})


def test_runtime_checks_its_values():
    with pytest.raises(ValueError, match="'auto'"):
        Runtime(device="gpu")
    with pytest.raises(ValueError, match="threads=0"):
        Runtime(threads=0)
    assert Runtime(device="auto", threads=1).resolve().type in ("cpu", "cuda", "mps")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="not on this machine"):
            Runtime(device="cuda", threads=1).resolve()


@pytest.mark.skipif(not keep_freed_memory(), reason="a setting of glibc")
def test_freed_memory_is_kept_for_the_next_step():
    """64 tensors of 4 MB one after another: fresh pages for the first alone."""
    script = """
import resource, torch
from acc_assets.training.runtime import Runtime
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    before = faults()
    for _ in range(64):
        torch.ones(1 << 20) + torch.ones(1 << 20)
    return faults() - before
Runtime(device="cpu").apply()
work()
print(work())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000, "3 tensors x 64 x 1,024 pages would be 196,608"


def test_subnormal_numbers_are_flushed():
    assert Runtime(device="cpu", threads=1).apply() == CPU
    assert torch.tensor(1e-38) * 0.01 == 0
