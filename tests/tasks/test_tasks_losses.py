"""Every loss and metric against an answer worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from task_parts import DIGITS, SLANT, batch, view
from torch import Tensor

from acc_assets.models import ModelOutput
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask, RegressionTask
from acc_assets.tasks.probes import LinearProbe
from acc_assets.tasks.scores import r2_score

IMAGES = torch.tensor([[[[0.0, 1.0], [0.5, 1.0]]], [[[0.0, 0.0], [1.0, 0.0]]]])  # (2, 1, 2, 2)
GUESS = torch.tensor([[[[0.5, 0.5], [0.5, 0.5]]], [[[0.25, 0.25], [0.75, 0.25]]]])


def reconstruction(**options: Any) -> float:
    task = ReconstructionTask("recon", DIGITS, **options)
    return float(task.loss(view({ModelOutput.RECONSTRUCTION: GUESS}, batch(IMAGES))))


def probe(weight: list[list[float]], start: int = 0) -> LinearProbe:
    head = LinearProbe(start, start + len(weight[0]), len(weight))
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor(weight))
        head.linear.bias.zero_()
    return head


def posterior(mu: list[list[float]], logvar: list[list[float]]) -> dict[ModelOutput, Tensor]:
    return {ModelOutput.MU: torch.tensor(mu), ModelOutput.LOGVAR: torch.tensor(logvar)}


def test_bce_is_nats_per_image() -> None:
    # First image: 4 pixels, each log 2 whatever the target. Second: each pixel is given probability 3/4.
    assert reconstruction() == pytest.approx((4 * math.log(2) + 4 * math.log(4 / 3)) / 2)


def test_bce_prefers_logits_and_applies_one_sigmoid() -> None:
    logits = torch.logit(GUESS)
    task = ReconstructionTask("recon", DIGITS)
    outputs = {ModelOutput.RECONSTRUCTION: logits.sigmoid(), ModelOutput.RECONSTRUCTION_LOGITS: logits}
    assert float(task.loss(view(outputs, batch(IMAGES)))) == pytest.approx(reconstruction(), rel=1e-6)


def test_bce_of_logits_stays_finite_where_probabilities_saturate() -> None:
    logits = torch.full((2, 1, 2, 2), 200.0)
    outputs = {ModelOutput.RECONSTRUCTION: logits.sigmoid(), ModelOutput.RECONSTRUCTION_LOGITS: logits}
    loss = ReconstructionTask("recon", DIGITS).loss(view(outputs, batch(torch.zeros(2, 1, 2, 2))))
    assert float(loss) == pytest.approx(800.0)


def test_mse_is_the_gaussian_with_its_deviation() -> None:
    squares = 3 * 0.25 + 4 * 0.0625  # summed over both images
    assert reconstruction(error="mse", sigma=1.0) == pytest.approx(squares / 2 / 2)
    assert reconstruction(error="mse", sigma=0.5) == pytest.approx(squares / 2 / 2 * 4)
    assert reconstruction(error="mse") == pytest.approx(squares / 2 / 2 * 100)  # default 0.1


def test_l1_is_the_laplace_with_its_scale() -> None:
    absolute = 3 * 0.5 + 4 * 0.25
    assert reconstruction(error="l1", sigma=1.0) == pytest.approx(absolute / 2)
    assert reconstruction(error="l1") == pytest.approx(absolute / 2 * 20)  # default 0.05


def test_mean_reduction_is_the_plain_mean_over_pixels() -> None:
    assert reconstruction(error="mse", reduction="mean") == pytest.approx(
        float((IMAGES - GUESS).square().mean())
    )
    assert reconstruction(error="l1", reduction="mean") == pytest.approx(float((IMAGES - GUESS).abs().mean()))


def test_kl_against_the_closed_form_and_sampling() -> None:
    task = KLDivergenceTask("kl", DIGITS)
    # N(1, 1) from N(0, 1): 1/2. N(0, e): (e - 2) / 2. N(0, 1): 0. The mean over two images.
    outputs = posterior([[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]])
    assert float(task.loss(view(outputs, batch(), None))) == pytest.approx((0.5 + (math.e - 2) / 2) / 2)
    mu, logvar = 0.7, -1.2
    ours = task.loss(view(posterior([[mu]], [[logvar]]), batch(), None))
    q = torch.distributions.Normal(mu, math.exp(logvar / 2))
    reference = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0))
    assert float(ours) == pytest.approx(float(reference), rel=1e-6)


def test_the_standard_vae_is_weight_one_on_each() -> None:
    """The gradient of recon + kl is that of the negative ELBO, written out in torch.distributions."""
    torch.manual_seed(0)
    images = torch.rand(3, 1, 4, 4).round()
    logits, mu, logvar = (torch.randn(shape, requires_grad=True) for shape in ((3, 1, 4, 4), (3, 2), (3, 2)))
    outputs = {
        ModelOutput.RECONSTRUCTION: logits.sigmoid(),
        ModelOutput.RECONSTRUCTION_LOGITS: logits,
        ModelOutput.MU: mu,
        ModelOutput.LOGVAR: logvar,
    }
    tasks = [ReconstructionTask("recon", DIGITS), KLDivergenceTask("kl", DIGITS)]
    ours = sum(task.weight_at(0) * task.loss(view(outputs, batch(images), None)) for task in tasks)
    likelihood = torch.distributions.Bernoulli(logits=logits).log_prob(images).sum((1, 2, 3))
    prior = torch.distributions.Normal(0.0, 1.0)
    divergence = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, (logvar / 2).exp()), prior
    ).sum(1)
    elbo = (likelihood - divergence).mean()
    assert float(ours) == pytest.approx(-float(elbo), rel=1e-5)
    ours_gradients = torch.autograd.grad(ours, (logits, mu, logvar), retain_graph=True)
    elbo_gradients = torch.autograd.grad(-elbo, (logits, mu, logvar))
    for mine, reference in zip(ours_gradients, elbo_gradients, strict=True):
        assert torch.allclose(mine, reference, atol=1e-6)


def test_cross_entropy_in_nats() -> None:
    task = ClassificationTask("digit", DIGITS)
    head = probe([[1.0], [0.0]])
    latent = {ModelOutput.LATENT: torch.tensor([[math.log(3.0)], [0.0]])}
    loss = task.loss(view(latent, batch(targets=torch.tensor([0, 1])), head))
    assert float(loss) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_regression_is_the_gaussian_with_its_deviation() -> None:
    outputs = {ModelOutput.LATENT: torch.tensor([[0.5], [1.0]])}
    targets = torch.tensor([[0.25], [0.5]])
    squares = 0.25**2 + 0.5**2
    for sigma in (0.1, 0.5):
        task = RegressionTask("slant", SLANT, sigma=sigma)
        loss = task.loss(view(outputs, batch(targets=targets), probe([[1.0]])))
        assert float(loss) == pytest.approx(squares / 2 / (2 * sigma**2))


def test_training_sees_the_sample_and_evaluation_the_mean() -> None:
    task = ClassificationTask("digit", DIGITS)
    head = probe([[1.0], [-1.0]])
    outputs = {ModelOutput.LATENT: torch.tensor([[-3.0]]), ModelOutput.MU: torch.tensor([[3.0]])}
    data = batch(targets=torch.tensor([0]))
    assert float(task.loss(view(outputs, data, head))) > 5.0
    evaluator = task.evaluator()
    evaluator.update(view(outputs, data, head))
    assert evaluator.compute()["accuracy"] == 1.0
    assert task.predict(outputs, head).tolist() == [0]


def test_reconstruction_metrics_pool_over_batches_of_unequal_size() -> None:
    images = torch.zeros(5, 1, 2, 2)
    guesses = torch.tensor([0.1, 0.1, 0.1, 0.1, 0.6]).view(5, 1, 1, 1).expand(5, 1, 2, 2)
    evaluator = ReconstructionTask("recon", DIGITS, error="mse", sigma=1.0).evaluator()
    for chosen in (slice(0, 4), slice(4, 5)):
        evaluator.update(view({ModelOutput.RECONSTRUCTION: guesses[chosen]}, batch(images[chosen])))
    metrics = evaluator.compute()
    mse = (4 * 0.01 + 0.36) / 5
    assert metrics["mse"] == pytest.approx(mse)
    assert metrics["psnr"] == pytest.approx(-10 * math.log10(mse))
    assert metrics["l1"] == pytest.approx(0.2)
    assert metrics["loss"] == pytest.approx(4 * mse / 2)


def test_a_perfect_copy_has_a_finite_psnr() -> None:
    evaluator = ReconstructionTask("recon", DIGITS).evaluator()
    evaluator.update(view({ModelOutput.RECONSTRUCTION: IMAGES}, batch(IMAGES)))
    assert evaluator.compute()["psnr"] == 100.0


def test_accuracy_weighs_examples_not_batches() -> None:
    task = ClassificationTask("digit", DIGITS)
    evaluator, head = task.evaluator(), probe([[1.0], [-1.0]])
    for latent, targets in (([[1.0]] * 3, [0, 0, 0]), ([[1.0]], [1])):
        seen = batch(targets=torch.tensor(targets))
        evaluator.update(view({ModelOutput.LATENT: torch.tensor(latent)}, seen, head))
    assert evaluator.compute()["accuracy"] == 0.75


def test_regression_metrics_agree_with_sklearn() -> None:
    from sklearn import metrics as reference

    torch.manual_seed(0)
    latent, targets = torch.randn(50, 2), torch.rand(50, 2)
    head = LinearProbe(0, 2, 2)
    evaluator = RegressionTask("slant", SLANT).evaluator()
    for chosen in (slice(0, 30), slice(30, 50)):
        evaluator.update(view({ModelOutput.LATENT: latent[chosen]}, batch(targets=targets[chosen]), head))
    metrics = evaluator.compute()
    predictions = head(latent).detach().double().numpy()
    assert metrics["r2"] == pytest.approx(reference.r2_score(targets.double().numpy(), predictions), abs=1e-5)
    assert metrics["mae"] == pytest.approx(
        reference.mean_absolute_error(targets.numpy(), predictions), abs=1e-6
    )


def test_r2_of_constant_targets() -> None:
    constant, varied = np.ones(4), np.array([0.0, 1.0, 2.0, 3.0])
    assert r2_score(constant, constant) == r2_score(constant, constant + 1) == 0.0  # nothing to explain
    both = np.stack([constant, varied], axis=1)
    assert r2_score(both, both) == 0.5


def test_targets_that_are_not_given_neither_teach_nor_judge() -> None:
    """The mean over batches of the loss is the mean over all labels, whichever batches they fall into."""
    task, head = ClassificationTask("digit", DIGITS), probe([[1.0], [0.0]])
    latent, targets = torch.tensor([[math.log(3.0)], [0.0], [5.0], [7.0]]), torch.tensor([0, 1, 0, 1])
    labelled = torch.tensor([True, True, False, False])
    evaluator, parts = task.evaluator(), []
    for chosen in (slice(0, 1), slice(1, 4)):
        seen = batch(targets=targets[chosen], labelled=labelled[chosen], labelled_share=0.5)
        part = view({ModelOutput.LATENT: latent[chosen]}, seen, head)
        parts.append(float(task.loss(part)) * len(seen.targets) / 4)
        evaluator.update(part)
    of_labelled = (math.log(4 / 3) + math.log(2)) / 2
    assert sum(parts) == pytest.approx(of_labelled)
    assert evaluator.compute() == pytest.approx({"loss": of_labelled, "accuracy": 0.5})
    regression = RegressionTask("slant", SLANT, sigma=1.0)
    seen = batch(
        targets=torch.tensor([[1.0], [9.0]]), labelled=torch.tensor([True, False]), labelled_share=0.5
    )
    assert float(regression.loss(view({ModelOutput.LATENT: torch.zeros(2, 1)}, seen, probe([[1.0]])))) == 0.5


def test_kl_metric_weighs_examples() -> None:
    evaluator = KLDivergenceTask("kl", DIGITS).evaluator()
    evaluator.update(view(posterior([[1.0]] * 3, [[0.0]] * 3), batch()))
    evaluator.update(view(posterior([[3.0]], [[0.0]]), batch()))
    assert evaluator.compute() == pytest.approx({"kl": 1.5, "loss": 1.5})


@pytest.mark.parametrize(
    "task", [ReconstructionTask("recon", DIGITS), KLDivergenceTask("kl", DIGITS)], ids=lambda task: task.kind
)
def test_an_evaluator_without_examples_says_so(task: Any) -> None:
    with pytest.raises(ValueError, match="saw no example"):
        task.evaluator().compute()
