"""What does a VampPrior gain over a standard prior, in nats of log-likelihood of binarised digits?"""

from typing import Any, Literal

from acc_assets.datasets import Binarised, Digits, Mnist
from acc_assets.families import Latents, Likelihood, Metrics, Projection, Reconstructions, Traversals
from acc_assets.models import GatedLayers, HierarchicalVAE, MixtureVAE, StandardPrior, VampPrior
from acc_assets.tasks import HierarchicalKLTask, LinearRamp, PosteriorKLTask, ReconstructionTask
from acc_assets.tree import Epochs, Recipe, RecipeContext
from acc_assets.tree.config import Positive, PositiveNumber

# 50,000 training images, as published
DATA = {
    "mnist": Binarised(of=Mnist(image_size=28, validation_samples=10_000)),
    "digits": Binarised(of=Digits(image_size=16)),
}


class Priors(Recipe):
    name = "priors"
    title = "Standard prior against VampPrior"
    description = """
        VAEs on dynamically binarised digits, as in Tomczak and Welling, "VAE with a VampPrior" (2018). `standard` and
        `vamp` have one stochastic layer (their VAE, L = 1): encoder and decoder of two hidden layers of 300 gated
        units, z of 40 dimensions. `two_standard` and `two_vamp` have two (their HVAE, L = 2): z1 and z2 of 40
        dimensions each. Each pair differs in the prior of the upper layer alone: N(0, I), or the mean of the
        posteriors of 200 learned pseudo-inputs (published: 500). Loss: cross-entropy + KL, whose weight comes up from
        0, in nats per image. The log-likelihood of test images is estimated by importance sampling.
    """
    question = "How many nats of log-likelihood does a VampPrior gain over a standard prior?"
    hypothesis = (
        "A prior made of posteriors costs the posterior less than N(0, I), so that more of the latent is used and test "
        "images become likelier: by 2 to 3 nats, as published for much longer training."
    )
    seeds = (0, 1)

    def run(
        self,
        ctx: RecipeContext,
        epochs: PositiveNumber = 25.0,
        warm_up: PositiveNumber = 5.0,
        hidden: Positive = 300,
        z_dim: Positive = 40,
        pseudo_inputs: Positive = 200,
        lr: PositiveNumber = 1e-3,
        samples: Positive = 5_000,
        test_images: Positive | None = 1_000,
        data: Literal["mnist", "digits"] = "mnist",
    ) -> None:
        images = ctx.load_dataset(data, DATA[data])
        standard, vamp = StandardPrior(), VampPrior(pseudo_inputs=pseudo_inputs, start="data")
        size, layers = DATA[data].image_size, GatedLayers(hidden=(hidden, hidden))
        one: dict[str, Any] = {"components": 1, "z_dim": z_dim, "encoder": layers, "decoder": layers}
        two = {"z1_dim": z_dim, "z2_dim": z_dim, "hidden": hidden}
        weight = LinearRamp(0.0, 1.0, Epochs(warm_up))
        fifth = Epochs(epochs / 5)
        for name, model, kl in (
            ("standard", MixtureVAE(image_size=size, prior=standard, **one), PosteriorKLTask),
            ("vamp", MixtureVAE(image_size=size, prior=vamp, **one), PosteriorKLTask),
            ("two_standard", HierarchicalVAE(image_size=size, prior=standard, **two), HierarchicalKLTask),
            ("two_vamp", HierarchicalVAE(image_size=size, prior=vamp, **two), HierarchicalKLTask),
        ):
            ctx.create_model(model)
            ctx.save_checkpoint(f"{name}_root")
            ctx.fork(f"{name}_root", name)
            ctx.attach_task(ReconstructionTask("recon", images))
            ctx.attach_task(kl("posterior_kl", images, weight=weight))
            ctx.phase = f"Train {name} ({epochs:g} epochs)"
            ctx.train(
                steps=Epochs(epochs),
                lr=lr,
                lr_schedule="cosine",
                batch_size=100,
                validate_every=fifth,
                snapshot_every=fifth,
            )
            ctx.save_checkpoint(f"{name}_trained")
            ctx.evaluate(
                Latents(),
                Metrics(),
                Likelihood(samples=samples, images=test_images),
                Reconstructions(),
                Projection(),
                Traversals(),
            )
