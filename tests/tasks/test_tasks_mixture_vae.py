"""The terms of a mixture VAE with any prior against closed forms, Monte Carlo and numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from task_parts import DIGITS, SLANT, batch
from torch import Tensor
from torch.distributions import Categorical as Discrete
from torch.distributions import Independent, MixtureSameFamily, Normal, kl_divergence

from acc_assets.datasets import Digits, LabelBudget
from acc_assets.models import (
    Conditioning,
    ConvAutoencoder,
    ConvLayers,
    GaussianMixtureVAE,
    GeometricPrior,
    Heteroscedastic,
    MixturePrior,
    MixtureVAE,
    Prior,
    StandardPrior,
    VampPrior,
)
from acc_assets.tasks import (
    CategoricalKLTask,
    ChannelCurriculumTask,
    ComponentKLTask,
    DirichletTask,
    ExpectedReconstructionTask,
    GumbelSelection,
    KLDivergenceTask,
    LinearRamp,
    LogitMixtureTask,
    MixtureKLTask,
    PosteriorKLTask,
    ReconstructionTask,
    StepView,
    TauTask,
    UsageEntropyTask,
)
from acc_assets.tasks.reconstruction_terms import gumbel_weights
from acc_assets.tree import Epochs
from acc_assets.tree.epochs import resolved

K, D, IMAGES = 4, 3, 5
SAMPLES = 20_000
LEARNED = MixturePrior(learn_components=True)


def small(**options: Any) -> MixtureVAE:
    common = {"image_size": 8, "z_dim": D, "components": K, "encoder": ConvLayers(channels=(4,))}
    return MixtureVAE(**{**common, "decoder": ConvLayers(channels=(4,)), **options})


def seen(config: Any, *, step: int | None = 0, head: Any = None, **facts: Any) -> StepView:
    """What a task sees of random images and a model whose posteriors, weights and components are all apart."""
    torch.manual_seed(0)
    net = config.build().eval()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.startswith(("posterior", "assignment", "prior")):
                value.add_(0.5 * torch.randn_like(value))
    images = torch.rand(IMAGES, 1, 8, 8)
    return StepView(net(images), batch(images, **facts), head, net, step)


SPREAD = small(image_size=16, heteroscedastic=Heteroscedastic())


def gaussian(means: Tensor, logvars: Tensor) -> Independent:
    return Independent(Normal(means, (0.5 * logvars).exp()), 1)


@pytest.mark.parametrize("layout", ["shared", "decentralized"])
@pytest.mark.parametrize(
    "prior", [StandardPrior(), MixturePrior(), LEARNED, GeometricPrior(arrangement="grid")]
)
def test_the_kl_of_gaussian_priors(prior: Prior, layout: Any) -> None:
    """In closed form by torch, and by Monte Carlo of z and c within five standard errors."""
    view = seen(small(prior=prior, layout=layout))
    mu, logvar = (view.model.by_component(view.outputs[name]) for name in ("mu", "logvar"))
    q, p = gaussian(mu, logvar), gaussian(*view.model.prior.gaussians())
    shares = view.outputs["component"]
    closed = (shares * kl_divergence(q, p)).sum(1)
    found = PosteriorKLTask("z", DIGITS).nats_per_image(view)
    torch.testing.assert_close(found, closed)
    z = q.sample((SAMPLES,))  # (S, B, 1 or K, D)
    drawn = (shares * (q.log_prob(z) - p.log_prob(z))).sum(2)
    assert ((drawn.mean(0) - found).abs() < 5.0 * drawn.std(0) / math.sqrt(SAMPLES)).all()


def test_a_sum_over_components_leaves_responsibilities_out() -> None:
    view = seen(small(layout="decentralized", prior=StandardPrior()))
    plain = PosteriorKLTask("z", DIGITS, over="components").nats_per_image(view)
    torch.testing.assert_close(plain, KLDivergenceTask("kl", DIGITS).kl_per_image(view))


def test_the_terms_of_the_gaussian_mixture_vae_are_a_special_case() -> None:
    view = seen(small(prior=MixturePrior(learn_weights=False, learn_components=True)))
    for general, special in (
        (PosteriorKLTask("z", DIGITS), MixtureKLTask("z", DIGITS)),
        (ComponentKLTask("c", DIGITS), CategoricalKLTask("c", DIGITS)),
    ):
        torch.testing.assert_close(general.nats_per_image(view), special.nats_per_image(view))


def test_one_component_has_the_loss_of_the_plain_vae() -> None:
    view = seen(small(components=1, prior=StandardPrior(), layout="decentralized"))
    kl, plain = PosteriorKLTask("z", DIGITS), KLDivergenceTask("kl", DIGITS)
    torch.testing.assert_close(kl.nats_per_image(view), plain.kl_per_image(view))
    assert ComponentKLTask("c", DIGITS).loss(view).value == 0.0
    for error in ("bce", "mse", "l1"):
        ours, theirs = (
            kind("r", DIGITS, error=error)  # type: ignore[arg-type]
            for kind in (ExpectedReconstructionTask, ReconstructionTask)
        )
        torch.testing.assert_close(ours.loss(view).value, theirs.loss(view))


def test_the_vamp_prior_is_a_mixture_of_posteriors_and_its_kl_a_monte_carlo_mean() -> None:
    config = small(prior=VampPrior(pseudo_inputs=6, start="random", samples=SAMPLES))
    view = seen(config)
    prior, model = view.model.prior, view.model
    means, logvars = (part[:, 0] for part in model.posterior_of(prior.pseudo_inputs()))
    mixture = MixtureSameFamily(Discrete(torch.ones(6)), gaussian(means, logvars))
    z = torch.randn(7, IMAGES, 1, D)
    torch.testing.assert_close(prior.log_density(z, model), mixture.log_prob(z))
    q = gaussian(view.outputs["mu"], view.outputs["logvar"])
    task = PosteriorKLTask("z", DIGITS)
    with torch.no_grad():
        drawn = q.sample((SAMPLES,))
        each = q.log_prob(drawn) - mixture.log_prob(drawn)
        found = [
            task.nats_per_image(StepView(view.outputs, view.batch, None, model, step))
            for step in (0, None, None)
        ]
    for one in found:
        assert ((one - each.mean(0)).abs() < 7.0 * each.std(0) / math.sqrt(SAMPLES)).all()
    assert torch.equal(found[1], found[2])  # fixed draws in evaluation
    assert not torch.equal(found[0], found[1])


def test_a_vamp_prior_of_one_posterior_has_a_closed_form() -> None:
    view = seen(small(prior=VampPrior(pseudo_inputs=1, start="random", samples=SAMPLES)))
    q = gaussian(view.outputs["mu"], view.outputs["logvar"])
    p = gaussian(*(part[:, 0] for part in view.model.posterior_of(view.model.prior.pseudo_inputs())))
    with torch.no_grad():
        found = PosteriorKLTask("z", DIGITS).nats_per_image(view)
    torch.testing.assert_close(found, kl_divergence(q, p), rtol=0.05, atol=0.02)
    loss = PosteriorKLTask("z", DIGITS).loss(view)
    loss.backward()
    assert view.model.prior.logits.grad.abs().sum() > 0  # pseudo-inputs learn through the encoder


def test_the_kl_of_components_is_that_of_torch_also_under_a_mask() -> None:
    config = small(prior=MixturePrior())
    view = seen(config)
    q = Discrete(logits=view.outputs["component_logits"])
    p = Discrete(logits=view.model.prior.weight_logits.expand(IMAGES, -1))
    task = ComponentKLTask("c", DIGITS)
    torch.testing.assert_close(task.nats_per_image(view), kl_divergence(q, p))
    view.model.routing.active[1] = False
    kept = [0, 2, 3]
    masked = StepView(view.model(view.batch.images), view.batch, None, view.model, 0)
    q, p = Discrete(logits=q.logits[:, kept]), Discrete(logits=p.logits[:, kept])
    torch.testing.assert_close(task.nats_per_image(masked), kl_divergence(q, p))
    for term in (
        task,
        UsageEntropyTask("u", DIGITS),
        LogitMixtureTask("l", DIGITS),
        CategoricalKLTask("k", DIGITS),
    ):
        loss = term.loss(masked)
        value = getattr(loss, "value", loss)
        assert torch.isfinite(value)
        assert all(
            torch.isfinite(g).all()
            for g in torch.autograd.grad(value, list(view.model.assignment.parameters()), retain_graph=True)
        )


def test_the_logit_penalty_is_a_mixture_density() -> None:
    view = seen(small())
    task = LogitMixtureTask("l", DIGITS, corner=3.0, sigma=0.7)

    def density(y: Tensor) -> Tensor:
        count = y.shape[1]
        corners = Independent(Normal(3.0 * torch.eye(count), 0.7), 1)
        return -MixtureSameFamily(Discrete(torch.ones(count)), corners).log_prob(y)

    torch.testing.assert_close(task.nats_per_image(view), density(view.outputs["component_logits"]))
    view.model.routing.active[0] = False
    outputs = view.model(view.batch.images)
    masked = StepView(outputs, view.batch, None, view.model, 0)
    torch.testing.assert_close(task.nats_per_image(masked), density(outputs["component_logits"][:, 1:]))


def test_usage_entropy_and_its_negative_weight() -> None:
    task = UsageEntropyTask("u", DIGITS, weight=LinearRamp(-2.0, 0.5, steps=4))
    assert [task.weight_at(step) for step in (0, 2, 4)] == [-2.0, -0.75, 0.5]
    logits = 200.0 * torch.eye(4)[torch.tensor([0, 0, 1, 1])]
    view = StepView({"component_logits": logits}, batch(targets=torch.zeros(4)), None, torch.nn.Identity(), 0)
    assert float(task.loss(view)) == pytest.approx(math.log(2))
    evaluator = task.evaluator()
    evaluator.update(view)
    assert evaluator.compute() == {"loss": pytest.approx(math.log(2))}
    with pytest.raises(ValueError, match="KLDivergenceTask: weight is LinearRamp"):
        KLDivergenceTask("kl", DIGITS, weight=LinearRamp(-1.0, 0.0, steps=3))


def test_the_dirichlet_term_by_hand() -> None:
    view = seen(small())
    logs = view.model.prior.weight_logits.detach().log_softmax(0)
    assert DirichletTask("d", DIGITS, alpha=3.0).loss(view).value.item() == pytest.approx(
        float(-2.0 * logs.sum())
    )


@pytest.mark.parametrize("per", ["image", "pixel"])
def test_log_sigma_counts_once_for_every_pixel(per: Any) -> None:
    config = small(conditioning=Conditioning(), heteroscedastic=Heteroscedastic(per=per))
    view = seen(config)
    task = ExpectedReconstructionTask("r", DIGITS, error="gaussian")
    own = view.outputs["component_reconstruction_logits"].sigmoid()
    sigma = view.outputs["component_sigma"]
    sigma = sigma if per == "pixel" else sigma[:, :, None, None, None].expand_as(own)
    density = Normal(own, sigma).log_prob(view.batch.images[:, None]) + 0.5 * math.log(2 * math.pi)
    each = -(view.outputs["component"] * density.flatten(2).sum(2)).sum(1)
    torch.testing.assert_close(task.per_image(view), each)
    loss = task.loss(view)
    torch.testing.assert_close(loss.value, each.mean())
    assert float(loss.diagnostics["sigma"]) == pytest.approx(view.outputs["component_sigma"].mean().item())
    baseline = task.baseline(DIGITS.config.load())
    assert baseline["loss_floor"] == pytest.approx(256 * math.log(0.05))
    assert baseline["loss_floor"] < baseline["loss"] < 0.0


def test_the_expected_reconstruction_weighs_losses_not_images() -> None:
    view = seen(small(conditioning=Conditioning()))
    own = view.outputs["component_reconstruction_logits"]
    truth = view.batch.images[:, None].expand_as(own)
    bce = torch.nn.functional.binary_cross_entropy(own.sigmoid(), truth, reduction="none").flatten(2).sum(2)
    task = ExpectedReconstructionTask("r", DIGITS)
    each = (view.outputs["component"] * bce).sum(1)
    torch.testing.assert_close(task.loss(view).value, each.mean())
    evaluator = task.evaluator()
    evaluator.update(view)
    found = evaluator.compute()
    assert found["loss"] == pytest.approx(each.mean().item())
    error = (view.outputs["reconstruction"] - view.batch.images).square().mean()
    assert found["mse"] == pytest.approx(error.item())


def test_gumbel_selection_is_annealed_and_hard_where_asked() -> None:
    schedule = LinearRamp(2.0, 0.5, steps=Epochs(1))
    task = ExpectedReconstructionTask("r", DIGITS, selection=GumbelSelection(temperature=schedule))
    task = resolved(task, DIGITS, batch_size=1257)
    view = seen(small(conditioning=Conditioning()))
    told = [
        task.loss(StepView(view.outputs, view.batch, None, view.model, step)).diagnostics
        for step in (0, 1, None)
    ]
    assert [one.get("temperature") for one in told] == [2.0, 0.5, None]
    logits = torch.tensor([[0.0, 1.0, -1e4]], requires_grad=True).expand(40_000, -1)
    weights = gumbel_weights(logits, 0.7, straight_through=True)
    assert set(weights.detach().round(decimals=5).unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(weights.mean(0), logits[0].softmax(0), atol=0.02, rtol=0)
    assert (weights[:, 2] == 0.0).all()
    (grad,) = torch.autograd.grad(weights[:, 0].sum(), logits)
    assert grad[:, :2].abs().sum() > 0
    with pytest.raises(ValueError, match="a schedule above 0"):
        GumbelSelection(temperature=LinearRamp(1.0, 0.0, steps=3))


@pytest.mark.parametrize(
    ("task", "model", "words"),
    [
        (ExpectedReconstructionTask("r", DIGITS), SPREAD, "use error='gaussian'"),
        (ExpectedReconstructionTask("r", DIGITS, error="gaussian"), small(image_size=16), "set heteroscedastic"),
        (
            ExpectedReconstructionTask("r", DIGITS, selection=GumbelSelection()),
            small(image_size=16),
            "decodes one for all components",
        ),
        (PosteriorKLTask("z", DIGITS, over="components"), small(image_size=16), "there is one for all"),
        (PosteriorKLTask("z", DIGITS), GaussianMixtureVAE(image_size=16), "no|MixtureKLTask"),
        (DirichletTask("d", DIGITS), small(image_size=16, prior=StandardPrior()), "are fixed here"),
        (ChannelCurriculumTask("c", DIGITS, watch="r", start=4), small(image_size=16), "none to unlock"),
        (ChannelCurriculumTask("c", DIGITS, watch="r"), GaussianMixtureVAE(image_size=16), "cannot: use MixtureVAE"),
        (TauTask("t", SLANT), small(image_size=16), "needs class targets"),
        (TauTask("t", DIGITS), ConvAutoencoder(image_size=16), "needs the output component_logits"),
    ],
)  # fmt: skip
def test_tasks_that_do_not_fit_are_refused_with_the_reason(task: Any, model: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        task.check(model, task.dataset.config)


def test_values_that_mean_nothing_are_refused() -> None:
    for make, words in (
        (lambda: DirichletTask("d", DIGITS, alpha=1.0), "above 1"),
        (lambda: ExpectedReconstructionTask("r", DIGITS, error="gaussian", sigma=0.1), "leave both out"),
        (lambda: LabelBudget(of=Digits(image_size=16), labels=2000), "up to the 1257"),
    ):
        with pytest.raises(ValueError, match=words):
            make()


# -- tau -----------------------------------------------------------------------------------------------------------


def test_routing_metrics_of_certain_and_of_undecided_images() -> None:
    task = ComponentKLTask("c", DIGITS)
    weights = torch.full((4,), math.log(1 / 4))
    for logits, active, confidence, hardness in (
        (200.0 * torch.eye(4)[torch.tensor([0, 0, 2, 2])], 2.0, 1.0, 1.0),
        (torch.zeros(4, 4), 4.0, 0.25, 0.0),
    ):
        evaluator = task.evaluator()
        outputs = {"component_logits": logits, "component_log_weights": weights}
        evaluator.update(StepView(outputs, batch(targets=torch.arange(4)), None, torch.nn.Identity(), None))
        found = evaluator.compute()
        told = [found[name] for name in ("qc_active", "qc_confidence", "qc_hardness")]
        assert told == pytest.approx([active, confidence, hardness], abs=1e-6)
        assert found["qc_entropy_mean"] == pytest.approx(math.log(4) * (1 - hardness), abs=1e-6)


# -- the curriculum ------------------------------------------------------------------------------------------------


def test_a_plateau_unlocks_and_kicks() -> None:
    rule = ChannelCurriculumTask(
        "c", DIGITS, watch="r", patience=2, min_delta=0.1, cooldown=1, kick_steps=2, kick_temperature=4.0
    )
    net = small(image_size=16).build()
    head: Any = rule.build_head(net, None)
    active = []
    for loss in (5.0, 4.0, 3.95, 3.95, 9.0, 6.0, 5.95, 5.95):
        rule.after_validation({"r": {"loss": loss}}, head, net)
        active.append(int(net.routing.active.sum()))
    assert active == [1, 1, 1, 2, 2, 2, 2, 3]  # 9.0 is not looked at, 6.0 is the best anew
    view = StepView({"component_logits": torch.zeros(2, K)}, batch(targets=torch.zeros(2)), head, net, 0)
    told = []
    for _ in range(3):
        diagnostics = rule.loss(view).diagnostics
        told.append([float(diagnostics[name]) for name in ("k_active", "unlocked", "kick_active")])
        rule.after_step(view)
    assert told == [[3, 2, 1], [3, 2, 1], [3, 2, 0]]
    assert float(net.routing.temperature) == 1.0
    kept = net.routing.active.clone()
    rule.build_head(net, None)  # a fork goes on with what is in play
    assert torch.equal(net.routing.active, kept)
    with pytest.raises(ValueError, match="watches 'loss' of task 'r'; what was validated is x: a"):
        rule.after_validation({"x": {"a": 1.0}}, head, net)


# -- the label budget ----------------------------------------------------------------------------------------------


def test_a_label_budget_is_even_nested_and_hides_the_other_labels() -> None:
    few, more = (LabelBudget(of=Digits(image_size=16), labels=labels) for labels in (25, 100))
    small_budget, large, other = few.load(0).train, more.load(0).train, more.load(1).train
    assert small_budget.labelled is not None
    assert large.labelled is not None
    assert (small_budget.labelled & ~large.labelled).sum() == 0
    assert sorted(np.bincount(small_budget.targets[small_budget.labelled]).tolist()) == [2] * 5 + [3] * 5
    assert np.bincount(large.targets[large.labelled]).tolist() == [10] * 10
    assert (large.targets[~large.labelled] == 0).all()
    assert more.load(0).digest == more.load(0).digest != more.load(1).digest
    assert other.labelled is not None
    assert not np.array_equal(other.labelled, large.labelled)
    alone = LabelBudget(of=Digits(image_size=16), labels=25, labelled_only=True)
    assert alone.sizes["train"] == 25
    assert np.array_equal(alone.load(0).train.images, small_budget.images[small_budget.labelled])
    assert np.array_equal(alone.load(0).train.targets, small_budget.targets[small_budget.labelled])
    assert len(alone.load(0).test) == 360
