"""The terms of a Gaussian mixture VAE against closed forms and Monte Carlo, and clusters against known answers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from task_parts import DIGITS, SLANT, batch, view
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from acc_assets.datasets import Augmentation
from acc_assets.models import GaussianMixtureVAE, ModelOutput
from acc_assets.tasks import (
    CategoricalKLTask,
    EntropyBonusTask,
    GaussianMixtureObjective,
    Health,
    KLDivergenceTask,
    LinearRamp,
    MixtureKLTask,
    SelfAugmentedTask,
)
from acc_assets.tasks.clusters import cluster_scores
from acc_assets.tasks.health import generalisation
from acc_assets.tasks.mixture_terms import assignment_parts
from acc_assets.tasks.view import StepView
from acc_assets.tree.epochs import Epochs, resolved

IMAGES, K, D = 5, 4, 3
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
CATEGORICAL, MIXTURE = CategoricalKLTask("c", DIGITS), MixtureKLTask("z", DIGITS)
BONUS = EntropyBonusTask("h", DIGITS)


def outputs(seed: int = 0, components: int = K) -> dict[str, Tensor]:
    """What a mixture VAE returns, with numbers drawn at random."""
    torch.manual_seed(seed)
    return {
        ModelOutput.MU: torch.randn(IMAGES, D),
        ModelOutput.LOGVAR: torch.randn(IMAGES, D),
        ModelOutput.COMPONENT_LOGITS: 2.0 * torch.randn(IMAGES, components),
        ModelOutput.COMPONENT_MEANS: torch.randn(components, D),
        ModelOutput.COMPONENT_LOGVARS: torch.randn(components, D),
    }


def normal(mean: Tensor, logvar: Tensor) -> Independent:
    return Independent(Normal(mean, (0.5 * logvar).exp()), 1)


def posterior(given: dict[str, Tensor]) -> Independent:
    return normal(given[ModelOutput.MU][:, None], given[ModelOutput.LOGVAR][:, None])


def components(given: dict[str, Tensor]) -> Independent:
    return normal(given[ModelOutput.COMPONENT_MEANS], given[ModelOutput.COMPONENT_LOGVARS])


def sharp(chosen: Tensor, width: int = K) -> dict[str, Tensor]:
    """Outputs whose q(c|x) is all but certain of the components chosen (B,)."""
    return {ModelOutput.COMPONENT_LOGITS: 200.0 * torch.nn.functional.one_hot(chosen, width).float()}


def test_the_categorical_terms_are_those_of_torch() -> None:
    given = outputs()
    q = Categorical(logits=given[ModelOutput.COMPONENT_LOGITS])
    uniform = Categorical(logits=torch.zeros(IMAGES, K))
    torch.testing.assert_close(CATEGORICAL.nats_per_image(view(given)), kl_divergence(q, uniform))
    torch.testing.assert_close(BONUS.nats_per_image(view(given)), -q.entropy())


def test_the_mixture_term_is_the_closed_form_of_torch() -> None:
    given = outputs()
    shares = given[ModelOutput.COMPONENT_LOGITS].softmax(1)
    expected = (shares * kl_divergence(posterior(given), components(given))).sum(1)
    torch.testing.assert_close(MIXTURE.nats_per_image(view(given)), expected)
    torch.testing.assert_close(MIXTURE.loss(view(given)), expected.mean())


def test_the_terms_together_are_a_monte_carlo_estimate_of_the_joint_kl() -> None:
    """KL(q(z|x) q(c|x) || p(z|c) p(c)) from samples of z and c, within four standard errors."""
    given = outputs(1)
    q_c = Categorical(logits=given[ModelOutput.COMPONENT_LOGITS])
    c = q_c.sample((200_000,))  # (S, B)
    q_z = normal(given[ModelOutput.MU], given[ModelOutput.LOGVAR])
    z = q_z.sample((200_000,))  # (S, B, D)
    p_z = normal(given[ModelOutput.COMPONENT_MEANS][c], given[ModelOutput.COMPONENT_LOGVARS][c])
    samples = q_z.log_prob(z) + q_c.log_prob(c) - p_z.log_prob(z) + math.log(K)
    error = samples.std(0) / math.sqrt(len(samples))
    both = CATEGORICAL.nats_per_image(view(given)) + MIXTURE.nats_per_image(view(given))
    assert ((samples.mean(0) - both).abs() < 4.0 * error).all()


def test_one_standard_component_is_the_plain_vae() -> None:
    given = outputs(components=1)
    given |= {key: torch.zeros(1, D) for key in (ModelOutput.COMPONENT_MEANS, ModelOutput.COMPONENT_LOGVARS)}
    plain = KLDivergenceTask("kl", DIGITS).kl_per_image(view(given))
    torch.testing.assert_close(MIXTURE.nats_per_image(view(given)), plain)
    assert CATEGORICAL.loss(view(given)).value == 0.0
    assert MIXTURE.health([20.0], {}, GaussianMixtureVAE(latent_dim=1)).level is Health.CRITICAL
    assert MIXTURE.health([20.0], {}, GaussianMixtureVAE(latent_dim=10)).level is Health.HEALTHY


def test_entropy_bonus_and_categorical_kl_pull_at_the_same_rope() -> None:
    gradients = []
    for task in (CATEGORICAL, BONUS):
        logits = outputs()[ModelOutput.COMPONENT_LOGITS].requires_grad_()
        task.nats_per_image(view({ModelOutput.COMPONENT_LOGITS: logits})).sum().backward()
        gradients.append(logits.grad)
    torch.testing.assert_close(*gradients)


def test_certain_assignments_have_finite_terms_and_gradients() -> None:
    logits = torch.tensor([[500.0, 0.0, 0.0, 0.0]], requires_grad=True)
    given = outputs() | {ModelOutput.COMPONENT_LOGITS: logits}
    total = sum(task.nats_per_image(view(given)).sum() for task in (CATEGORICAL, MIXTURE, BONUS))
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(logits.grad).all()
    assert CATEGORICAL.nats_per_image(view(given))[0].item() == pytest.approx(math.log(K))


def test_diagnostics_tell_weight_and_usage() -> None:
    task = CategoricalKLTask("c", DIGITS, weight=LinearRamp(0.0, 2.0, steps=4))
    seen = view(sharp(torch.tensor([0, 0, 0, 2])))
    told = task.loss(StepView(seen.outputs, seen.batch, None, seen.model, step=1)).diagnostics
    shares = (0.75, 0.25)
    assert told["qc_argmax_counts"].tolist() == [3, 0, 1, 0]
    assert {
        name: float(value) for name, value in told.items() if name != "qc_argmax_counts"
    } == pytest.approx(
        {
            "cat_kl_weight": 0.5,
            "qc_entropy_mean": 0.0,
            "qc_neff": math.exp(-sum(p * math.log(p) for p in shares)),
            "qc_pmax": 0.75,
        },
        abs=1e-6,
    )
    uniform = task.loss(view({ModelOutput.COMPONENT_LOGITS: torch.zeros(2, K)})).diagnostics
    assert float(uniform["qc_entropy_mean"]) == pytest.approx(math.log(K))
    assert float(uniform["qc_neff"]) == pytest.approx(K)
    bonus = EntropyBonusTask("h", DIGITS, weight=LinearRamp(2.0, 0.0, steps=4))
    ends = [bonus.loss(StepView(seen.outputs, seen.batch, None, seen.model, step)) for step in (0, 4, None)]
    assert [loss.diagnostics["entropy_bonus_weight"] for loss in ends] == [2.0, 0.0, 0.0]


def test_a_permuted_labelling_is_perfect() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 2])
    permuted = np.array([5, 0, 3])[labels]
    assert cluster_scores(labels, permuted) == pytest.approx(
        {"cluster_accuracy": 1.0, "nmi": 1.0, "ari": 1.0}
    )


@pytest.mark.parametrize(
    ("clusters", "accuracy"),
    [
        ([0, 0, 0, 0, 0, 0], 1 / 3),  # a single cluster finds one class
        ([0, 1, 2, 3, 4, 5], 1 / 2),  # of two clusters in a class one is matched
        ([0, 0, 0, 1, 1, 1], 2 / 3),  # two clusters for three classes
        ([1, 1, 0, 2, 2, 2], 5 / 6),
    ],
)
def test_cluster_accuracy_matches_one_to_one(clusters: list[int], accuracy: float) -> None:
    found = cluster_scores(LABELS.numpy(), np.array(clusters))
    assert found["cluster_accuracy"] == pytest.approx(accuracy)
    if len(set(clusters)) == 1:
        assert (found["nmi"], found["ari"]) == (0.0, 0.0)


def evaluated(*parts: tuple[Tensor, Tensor, Any]) -> dict[str, float]:
    """Metrics of batches of (components chosen, targets, labelled)."""
    evaluator = CATEGORICAL.evaluator()
    for chosen, targets, labelled in parts:
        seen = batch(targets=targets, labelled=labelled)
        evaluator.update(StepView(sharp(chosen), seen, None, torch.nn.Identity()))
    return evaluator.compute()


def test_the_evaluator_scores_a_split_over_its_batches() -> None:
    permuted = torch.tensor([2, 2, 0, 0, 3, 3])
    found = evaluated((permuted[:4], LABELS[:4], None), (permuted[4:], LABELS[4:], None))
    assert found["cluster_accuracy"] == found["nmi"] == found["ari"] == 1.0
    assert found["kl"] == found["loss"] == pytest.approx(math.log(K))
    assert found["qc_entropy_mean"] == pytest.approx(0.0, abs=1e-6)
    assert found["qc_neff"] == found["qc_argmax_neff"] == pytest.approx(3.0)
    assert found["qc_pmax"] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="saw no example"):
        evaluated()


def test_clusters_are_scored_where_there_are_classes() -> None:
    chosen = torch.tensor([0, 0, 1, 3, 2, 2])
    labelled = torch.tensor([True, True, True, False, True, True])
    assert evaluated((chosen, LABELS, labelled))["cluster_accuracy"] == 1.0
    assert "cluster_accuracy" not in evaluated((chosen, torch.rand(6, 1), None))
    assert set(CATEGORICAL.baseline(DIGITS.config.load())) == {"loss", "kl", "cluster_accuracy", "nmi", "ari"}
    assert set(CATEGORICAL.baseline(SLANT.config.load())) == {"loss", "kl"}
    assert CATEGORICAL.baseline(DIGITS.config.load())["cluster_accuracy"] == pytest.approx(0.1, abs=0.01)


def test_health_sees_components_that_say_nothing() -> None:
    model = GaussianMixtureVAE(components=10).build()
    assert CATEGORICAL.health([0.001], {}, model).level is Health.CRITICAL
    assert CATEGORICAL.health([2.0], {}, model).reason == "2 nats of at most 2.3"
    assert BONUS.health([-1.0], {}).level is Health.HEALTHY
    assert {task.health([math.nan], {}).level for task in (CATEGORICAL, MIXTURE, BONUS)} == {Health.CRITICAL}


def test_the_objectives_keys_are_schedules_of_weights() -> None:
    """1,257 training digits in batches of 100 are 12.57 steps an epoch."""
    plain = GaussianMixtureObjective(kld_weight=0.5, categorical_kl_max_weight=3.0).tasks(DIGITS)
    assert [(task.kind, task.weight) for task in plain] == [("categorical_kl", 1.5), ("mixture_kl", 0.5)]
    categorical, mixture, bonus = GaussianMixtureObjective(
        kld_weight=0.5,
        categorical_kl_anneal=True,
        categorical_kl_anneal_epochs=4,
        categorical_kl_max_weight=3.0,
        entropy_bonus_enable=True,
        entropy_bonus_weight=7.0,
        entropy_bonus_epochs=2,
    ).tasks(DIGITS)
    assert categorical.weight == LinearRamp(0.0, 1.5, steps=Epochs(4))
    assert (mixture.weight, bonus.weight) == (0.5, LinearRamp(7.0, 0.0, steps=Epochs(2)))
    bonus = resolved(bonus, DIGITS, batch_size=100)
    assert [bonus.weight_at(step) for step in (0, 13, 26, 99)] == [7.0, 3.5, 0.0, 0.0]
    for wrong in ({"kld_weight": -1.0}, {"entropy_bonus_epochs": 0}, {"entropy_bonus": True}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            GaussianMixtureObjective(**wrong)  # type: ignore[arg-type]


SELF = SelfAugmentedTask("s", DIGITS, entropy_weight=0.5, balance_weight=2.0)


@pytest.mark.parametrize(
    ("chosen", "distorted", "parts"),
    [
        (torch.arange(K), torch.arange(K), (0.0, 0.0, 0.0)),  # stable, certain, even
        (torch.zeros(K, dtype=torch.int64), torch.zeros(K, dtype=torch.int64), (0.0, 0.0, math.log(K))),
        (None, None, (math.log(K), math.log(K), 0.0)),  # uniform
        (torch.arange(K), None, (math.log(K), 0.0, 0.0)),
    ],
)
def test_the_parts_of_self_augmented_training(chosen: Any, distorted: Any, parts: tuple[float, ...]) -> None:
    logits = [
        torch.zeros(K, K) if each is None else sharp(each)[ModelOutput.COMPONENT_LOGITS]
        for each in (chosen, distorted)
    ]
    found = {name: float(part) for name, part in assignment_parts(logits[0], logits[1]).items()}
    assert found == pytest.approx(
        dict(zip(("invariance", "entropy", "imbalance"), parts, strict=True)), abs=1e-6
    )
    expected = parts[0] + 0.5 * parts[1] + 2.0 * parts[2] - 1.5 * math.log(K)
    assert SELF.total(found, K) == pytest.approx(expected, abs=1e-6)


def test_the_parts_are_those_of_torch_and_pull_the_distorted_image_to_the_clean_one() -> None:
    logits, distorted = (torch.randn(IMAGES, K, requires_grad=True) for _ in range(2))
    parts = assignment_parts(logits, distorted)
    q, mean = Categorical(logits=logits), Categorical(probs=logits.softmax(1).mean(0))
    apart = kl_divergence(q, Categorical(logits=distorted)).mean()
    torch.testing.assert_close(parts["invariance"], apart + q.entropy().mean())
    torch.testing.assert_close(parts["entropy"], q.entropy().mean())
    torch.testing.assert_close(parts["imbalance"], kl_divergence(mean, Categorical(logits=torch.zeros(K))))
    parts["invariance"].backward()
    assert logits.grad is None
    torch.testing.assert_close(distorted.grad, (distorted.softmax(1) - logits.softmax(1)).detach() / IMAGES)


def test_distortions_are_drawn_from_the_generator_that_the_trainer_seeds() -> None:
    torch.manual_seed(0)
    model = GaussianMixtureVAE(image_size=16, components=K, channels=(2, 4)).build().eval()
    seen = batch(torch.rand(IMAGES, 1, 16, 16))
    given = StepView(model(seen.images), seen, None, model, step=0)

    def invariance(task: SelfAugmentedTask, seed: int) -> float:
        torch.manual_seed(seed)
        return float(task.loss(given).diagnostics["invariance"])

    assert invariance(SELF, 1) == invariance(SELF, 1) != invariance(SELF, 2)
    still = SelfAugmentedTask("s", DIGITS, augment=Augmentation())
    told = still.loss(given).diagnostics
    assert float(told["invariance"]) == pytest.approx(float(told["entropy"]))


def test_logits_come_of_forward_where_encode_gives_the_latent_alone() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.code, self.head = nn.Linear(256, D), nn.Linear(D, K)

        def encode(self, images: Tensor) -> dict[str, Tensor]:
            return {ModelOutput.LATENT: self.code(images.flatten(1))}

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            encoded = self.encode(images)
            return {**encoded, ModelOutput.COMPONENT_LOGITS: self.head(encoded[ModelOutput.LATENT])}

    model, seen = Own(), batch(torch.rand(IMAGES, 1, 16, 16))
    found = SELF.distorted_logits(StepView(model(seen.images), seen, None, model, step=0), 1)
    assert found.shape == (IMAGES, K)


def test_stability_is_measured_over_a_split_by_fixed_draws() -> None:
    torch.manual_seed(0)
    model = GaussianMixtureVAE(image_size=16, components=K, channels=(2, 4)).build().eval()
    images = torch.rand(2 * IMAGES, 1, 16, 16)

    def scores(task: SelfAugmentedTask) -> dict[str, float]:
        evaluator = task.evaluator()
        with pytest.raises(ValueError, match="saw no example"):
            evaluator.compute()
        for part in images.split(IMAGES):
            evaluator.update(StepView(model(part), batch(part), None, model))
        return evaluator.compute()

    found = scores(SELF)
    assert found == scores(SELF)
    q = Categorical(logits=model(images)[ModelOutput.COMPONENT_LOGITS].detach().double())
    entropy, whole = float(q.entropy().mean()), float(Categorical(probs=q.probs.mean(0)).entropy())
    assert found["qc_information"] == pytest.approx(whole - entropy)
    assert 0.0 < found["qc_stable"] <= 1.0
    still = scores(SelfAugmentedTask("s", DIGITS, augment=Augmentation()))
    assert still == pytest.approx(
        {
            "loss": 1.4 * (entropy - math.log(K)) + 1.6 * (math.log(K) - whole),
            "qc_information": whole - entropy,
            "qc_stable": 1.0,
        }
    )


def test_self_augmented_training_is_judged_by_the_uniform_assignment() -> None:
    model = GaussianMixtureVAE(components=K).build()
    least, baseline = -1.5 * math.log(K), SELF.baseline(None)
    levels = [SELF.health([share * least], baseline, model).level for share in (0.9, 0.2, 0.0)]
    assert levels == [Health.HEALTHY, Health.WARNING, Health.CRITICAL]
    assert SELF.health([math.nan], baseline).level is Health.CRITICAL
    assert SELF.health([-1.0], baseline).level is Health.HEALTHY
    assert SELF.health([1.0], baseline).level is Health.CRITICAL
    assert generalisation(-1.0, baseline, -0.5, baseline) is None
