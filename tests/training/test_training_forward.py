"""One batch and one forward pass for many tasks; models of a user; heads; evaluation."""

import numpy as np
import pytest
import torch
from torch import nn
from training_trees import MODEL, OPTIONS, build, small

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder, FactorGroup, ModelOutput
from acc_assets.storage import Store
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask
from acc_assets.training import (
    TrainingError,
    encode_split,
    evaluate,
    load_checkpoint,
    load_model,
)
from acc_assets.tree import Recipe, trace

CALLS = {"encode": 0, "decode": 0, "train": 0}


class CountingNet(nn.Module):
    """A model as a user writes one; it counts its passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(256, width)
        self.decoder = nn.Linear(width, 256)

    def encode(self, images):
        CALLS["encode"] += 1
        CALLS["train"] += self.training
        return {ModelOutput.LATENT: self.encoder(images.flatten(1))}

    def forward(self, images):
        encoded = self.encode(images)
        CALLS["decode"] += 1
        pixels = torch.sigmoid(self.decoder(encoded[ModelOutput.LATENT]))
        return encoded | {ModelOutput.RECONSTRUCTION: pixels.unflatten(1, (1, 16, 16))}


class EncoderOnly(nn.Module):
    """A user's model with nothing but forward()."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(256, 5)

    def forward(self, images):
        return {ModelOutput.LATENT: self.layer(images.flatten(1))}


class NoMapping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(256, 5)

    def forward(self, images):
        return self.layer(images.flatten(1))


class WithTasks(Recipe):
    name = "small"

    def __init__(self, model, *tasks, kwargs=None, steps=5):
        self.model, self.tasks, self.kwargs, self.steps = model, tasks, kwargs or {}, steps

    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits(image_size=16))
        ctx.create_model(self.model, **self.kwargs)
        ctx.save_checkpoint("root")
        for make in self.tasks:
            ctx.attach_task(make(digits))
        ctx.train(steps=self.steps, **OPTIONS)
        ctx.save_checkpoint("done")


def recon(digits):
    return ReconstructionTask("recon", digits)


def digit(digits):
    return ClassificationTask("digit", digits)


def other(digits):
    return ClassificationTask("other", digits, latent_slice=(0, 2))


def test_many_tasks_share_one_forward_pass(tmp_path):
    CALLS.update(encode=0, decode=0, train=0)
    build(trace(WithTasks(CountingNet, recon, digit, other, kwargs={"width": 6})), "done", tmp_path)
    assert CALLS["train"] == 5  # one a step; the others looked at the outputs once, in evaluation mode
    assert CALLS["decode"] >= 5


def test_the_decoder_runs_only_when_a_task_needs_it(tmp_path):
    CALLS.update(encode=0, decode=0, train=0)
    build(trace(WithTasks(CountingNet, digit, kwargs={"width": 6})), "done", tmp_path)
    assert CALLS["train"] == 5
    run = Store(tmp_path).run("small", "done", 0)
    previews = list(run.local_path("checkpoints").glob("preview_step_*.npz"))
    assert len(previews) >= 2  # of the first and the last state
    # Twice before training, to see what the model can do and to choose its layers; then once a preview.
    assert CALLS["decode"] == 2 + len(previews)


def test_a_model_with_forward_alone_trains(tmp_path):
    tree = trace(WithTasks(EncoderOnly, digit, steps=30))
    build(tree, "done", tmp_path)
    loaded = load_model(Store(tmp_path).run("small", "done", 0), tree["done"])
    metrics = evaluate(
        loaded.model, loaded.heads, tree["done"].tasks, {"digits": Digits(image_size=16).load()}
    )
    assert metrics["digit"]["accuracy"] > 0.15
    with pytest.raises(ValueError, match="reconstruction"):
        build(trace(WithTasks(EncoderOnly, recon)), "done", tmp_path / "wrong")


def test_what_forward_must_return_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"NoMapping.*ModelOutput"):
        build(trace(WithTasks(NoMapping, digit)), "done", tmp_path)


def not_a_module():
    return 3


def test_what_a_builder_must_return_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"nn\.Module"):
        build(trace(WithTasks(not_a_module, digit)), "done", tmp_path)


class Inherits(Recipe):
    """`again` keeps the task digit, changes the slice of other, and drops recon."""

    name = "small"

    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits(image_size=16))
        ctx.create_model(MODEL)
        ctx.save_checkpoint("root")
        for task in (recon(digits), digit(digits), other(digits)):
            ctx.attach_task(task)
        ctx.train(steps=6, **OPTIONS)
        ctx.save_checkpoint("done")
        ctx.fork("done", "again")
        ctx.detach_all_tasks()
        ctx.attach_task(digit(digits))
        ctx.attach_task(ClassificationTask("other", digits, latent_slice=(3, 5)))
        ctx.train(steps=4, **OPTIONS)
        ctx.save_checkpoint("further")


def test_a_fork_inherits_model_step_order_and_the_heads_that_go_on(tmp_path):
    tree = trace(Inherits())
    build(tree, "further", tmp_path)
    done, again, further = (
        load_checkpoint(Store(tmp_path).run("small", tag, 0)) for tag in ("done", "again", "further")
    )
    assert (done.step, again.step, further.step) == (6, 6, 10)
    assert all(torch.equal(tensor, again.model[name]) for name, tensor in done.model.items())
    assert sorted(again.heads) == ["digit", "other"]
    assert torch.equal(done.heads["digit"]["linear.weight"], again.heads["digit"]["linear.weight"])
    assert not torch.equal(done.heads["other"]["linear.weight"], again.heads["other"]["linear.weight"])
    assert further.positions["digits"] == 10 * 32
    history = Store(tmp_path).run("small", "further", 0).read_npz("history/history.npz")
    assert history["step"].tolist() == [10]


def test_heads_of_equal_tasks_start_equal_in_every_branch(tmp_path):
    tree = small()
    heads = []
    for tag in ("left", "right"):
        build(tree, tag, tmp_path)
        heads.append(load_checkpoint(Store(tmp_path).run("small", tag, 0)).heads["digit"]["linear.weight"])
    assert torch.equal(*heads)


def test_a_child_needs_a_parent_that_fits_and_is_finished(tmp_path):
    from acc_assets.training import Runtime, build_checkpoint

    tree = small()
    store = Store(tmp_path)
    arguments = {"recipe": "small", "seed": 0, "runtime": Runtime(device="cpu", threads=1)}
    with pytest.raises(TrainingError, match="pass parent_run"):
        build_checkpoint(tree["left"], run=store.run("small", "left", 0), **arguments)
    with pytest.raises(FileNotFoundError, match="acc build small --select root --seeds 0"):
        build_checkpoint(
            tree["left"],
            run=store.run("small", "left", 0),
            parent_run=store.run("small", "root", 0),
            **arguments,
        )
    build(trace(WithTasks(EncoderOnly, digit)), "root", tmp_path)
    with pytest.raises(TrainingError, match="does not fit"):
        build_checkpoint(
            tree["left"],
            run=store.run("small", "left", 0),
            parent_run=store.run("small", "root", 0),
            **arguments,
        )


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    root = tmp_path_factory.mktemp("loaded")
    tree = small({"steps": 40})
    build(tree, "left_done", root)
    return load_model(Store(root).run("small", "left_done", 0), tree["left_done"]), tree["left_done"]


@pytest.fixture(scope="module")
def digits():
    return Digits(image_size=16).load()


def test_evaluation_is_deterministic_and_counts_every_example_once(loaded, digits):
    model, node = loaded
    results = [
        evaluate(model.model, model.heads, node.tasks, {"digits": digits}, batch_size=size)
        for size in (512, 512, 77)
    ]
    assert results[0] == results[1]
    for task, metrics in results[0].items():
        for metric, value in metrics.items():
            assert results[2][task][metric] == pytest.approx(value, rel=1e-5), (task, metric)
    assert list(results[0]) == ["recon", "kl", "digit"]


def test_encoding_a_split_by_hand(loaded, digits):
    model, node = loaded
    encoded = encode_split(model.model, model.heads, node.tasks, digits.test.images, batch_size=100)
    images = torch.from_numpy(digits.test.images).float() / 255
    with torch.no_grad():
        outputs = model.model(images)
        logits = model.heads["digit"](outputs[ModelOutput.MU])
    np.testing.assert_allclose(encoded["mu"], outputs[ModelOutput.MU], atol=1e-5)
    np.testing.assert_allclose(encoded["logvar"], outputs[ModelOutput.LOGVAR], atol=1e-5)
    error = (outputs[ModelOutput.RECONSTRUCTION] - images).square().mean((1, 2, 3))
    np.testing.assert_allclose(encoded["error"], error, atol=1e-6)
    assert (encoded["pred/digit"] == logits.argmax(1).numpy()).mean() > 0.99
    quick = encode_split(model.model, model.heads, node.tasks, digits.test.images, decode=False)
    assert "error" not in quick
    np.testing.assert_allclose(quick["mu"], encoded["mu"], atol=1e-5)
    accuracy = (encoded["pred/digit"] == digits.test.targets).mean()
    metrics = evaluate(model.model, model.heads, node.tasks, {"digits": digits})
    assert metrics["digit"]["accuracy"] == pytest.approx(accuracy)
    assert metrics["recon"]["mse"] == pytest.approx(float(encoded["error"].mean()), rel=1e-5)


def test_a_model_without_decoder_or_posterior_still_encodes(digits):
    encoded = encode_split(EncoderOnly(), {}, (), digits.test.images)
    assert encoded["mu"].shape == (360, 5)
    assert set(encoded) == {"mu"}


def test_loading_checks_that_it_is_the_same_node(tmp_path):
    build(small(), "left_done", tmp_path)
    edited = small({"steps": 25})["left_done"]
    with pytest.raises(TrainingError, match="another version"):
        load_model(Store(tmp_path).run("small", "left_done", 0), edited)


def test_snapshots_load_with_the_heads_of_their_time(tmp_path):
    tree = small({"steps": 20})
    build(tree, "left_done", tmp_path)
    run = Store(tmp_path).run("small", "left_done", 0)
    early, late = load_model(run, tree["left_done"], step=0), load_model(run, tree["left_done"])
    assert (early.step, late.step) == (0, 20)
    assert not early.model.training
    assert not torch.equal(early.heads["digit"].linear.weight, late.heads["digit"].linear.weight)


def test_tasks_that_read_no_posterior_share_with_those_that_do(tmp_path):
    def kl(digits):
        return KLDivergenceTask("kl", digits)

    model = ConvAutoencoder(image_size=16, channels=(4, 8), latent_dim=6, variational=True)
    build(trace(WithTasks(model, kl, digit)), "done", tmp_path)
    history = Store(tmp_path).run("small", "done", 0).read_npz("history/history.npz")
    assert np.isfinite(history["loss/kl"]).all()


class OwnVae(nn.Module):
    """A variational model that says neither its width nor the groups that it was given."""

    def __init__(self, width: int, factor_groups=()) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(256, 2 * width), nn.Linear(width, 256)

    def forward(self, images):
        mu, logvar = self.encoder(images.flatten(1)).chunk(2, dim=1)
        latent = mu + torch.randn_like(mu) * (logvar / 2).exp() if self.training else mu
        pixels = torch.sigmoid(self.decoder(latent)).unflatten(1, (1, 16, 16))
        return {
            ModelOutput.MU: mu, ModelOutput.LOGVAR: logvar, ModelOutput.LATENT: latent,
            ModelOutput.RECONSTRUCTION: pixels,
        }  # fmt: skip


def test_health_counts_the_dimensions_of_a_module_that_does_not_say_them(tmp_path):
    def kl(digits):
        return KLDivergenceTask("kl", digits)

    build(trace(WithTasks(OwnVae, kl, recon, kwargs={"width": 7})), "done", tmp_path)
    summary = Store(tmp_path).run("small", "done", 0).read_json("summary.json")
    thresholds = summary["tasks"]["kl"]["thresholds"]
    assert thresholds["warning_above"] == pytest.approx(5.0 * 7)


def test_groups_that_a_builder_was_given_hold_for_tasks_and_record_alike(tmp_path):
    groups = (FactorGroup("what", 0, 3), FactorGroup("how", 3, 5))

    def what(digits):
        return ClassificationTask("what", digits, factor_name="what")

    tree = trace(WithTasks(OwnVae, what, kwargs={"width": 5, "factor_groups": groups}))
    build(tree, "done", tmp_path)
    run = Store(tmp_path).run("small", "done", 0)
    assert [group["name"] for group in run.read_json("config.json")["factor_groups"]] == ["what", "how"]
    head = load_model(run, tree["done"]).heads["what"]
    assert (head.start, head.stop) == (0, 3)


def test_groups_beyond_the_latent_are_refused_before_training(tmp_path):
    groups = (FactorGroup("what", 0, 9),)
    tree = trace(WithTasks(OwnVae, recon, kwargs={"width": 5, "factor_groups": groups}))
    with pytest.raises(ValueError, match="OwnVae: factor group 'what' stops at 9, but latent_dim is 5"):
        build(tree, "done", tmp_path)
