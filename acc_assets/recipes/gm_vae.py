"""Which controls keep a Gaussian mixture VAE from using one component for everything?"""

from typing import Literal

from acc_assets.datasets import Digits, Mnist
from acc_assets.families import STANDARD, Density, Distortion, Samples
from acc_assets.models import GaussianMixtureVAE
from acc_assets.tasks import GaussianMixtureObjective, ReconstructionTask, SelfAugmentedTask
from acc_assets.tree import Recipe, RecipeContext

DATA = {"mnist": Mnist(image_size=28), "digits": Digits(image_size=16)}
BATCH = 128


class GMVAE(Recipe):
    name = "gm_vae"
    title = "Gaussian mixture VAE"
    description = """
        A VAE whose prior is a mixture of Gaussians with learnable means and variances, trained without labels under
        four controls: the plain objective, a categorical KL that is annealed from 0, an entropy bonus on q(c|x) that
        decays to 0, and both. Loss, in nats per image, summed over pixels, dimensions and components, the mean over the
        batch: recon + kld_weight * (w_cat(t) * KL(q(c|x) || uniform) + E_q(c|x) KL(q(z|x) || p(z|c)))
        - w_ent(t) * H(q(c|x)). The schedules count epochs. Their two terms differ by a constant, so that what a branch
        changes is kld_weight * w_cat(t) + w_ent(t). A fifth branch, self_augmented, has the plain objective and beside
        it self-augmented training of q(c|x): an image shifted, turned and scaled a little should have the component it
        had, each image one, and all of them equally many images. That is knowledge of what a digit may do and stay the
        same, and of how many there are of each; labels it does not see.
    """
    question = "Do the components of a mixture prior find the digits by themselves, and which control helps?"
    hypothesis = (
        "Without controls few components are used; a bonus for entropy early in training keeps more of them in play, "
        "but says nothing of what they should stand for. Only what ties them to the digit, that it may move and turn, "
        "makes them digits."
    )
    seeds = (0, 1)

    def run(
        self,
        ctx: RecipeContext,
        steps: int = 4300,
        components: int = 10,
        latent_dim: int = 10,
        kld_weight: float = 1.0,
        categorical_kl_anneal_epochs: int = 5,
        categorical_kl_max_weight: float = 1.0,
        entropy_bonus_weight: float = 50.0,
        entropy_bonus_epochs: int = 8,
        self_augmented_weight: float = 100.0,
        lr: float = 1e-3,
        data: Literal["mnist", "digits"] = "mnist",
    ) -> None:
        images, size = ctx.load_dataset(data, DATA[data]), DATA[data].image_size
        ctx.create_model(GaussianMixtureVAE, image_size=size, latent_dim=latent_dim, components=components)
        root = ctx.save_checkpoint("root")
        every = max(1, steps // 10)
        for branch, anneal, bonus, augmented in (
            ("uncontrolled", False, False, False),
            ("annealed", True, False, False),
            ("entropy_bonus", False, True, False),
            ("both", True, True, False),
            ("self_augmented", False, False, True),
        ):
            objective = GaussianMixtureObjective(
                kld_weight=kld_weight,
                categorical_kl_anneal=anneal,
                categorical_kl_anneal_epochs=categorical_kl_anneal_epochs,
                categorical_kl_max_weight=categorical_kl_max_weight,
                entropy_bonus_enable=bonus,
                entropy_bonus_weight=entropy_bonus_weight,
                entropy_bonus_epochs=entropy_bonus_epochs,
            )
            ctx.fork(root, branch)
            ctx.attach_task(ReconstructionTask("recon", images, error="mse"))
            for task in objective.tasks(images):
                ctx.attach_task(task)
            if augmented:
                ctx.attach_task(SelfAugmentedTask("self_augmented", images, weight=self_augmented_weight))
            ctx.phase = f"Train {branch} ({steps} steps)"
            ctx.train(steps=steps, lr=lr, batch_size=BATCH, validate_every=every, snapshot_every=every)
            ctx.save_checkpoint(f"{branch}_trained")
            ctx.evaluate(*STANDARD, Density(), Distortion(), Samples())
