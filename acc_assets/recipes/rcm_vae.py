"""How far do a hundred labels go in a mixture VAE, and which prior, layout and classifier helps?"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from acc_assets.datasets import Augmentation, Digits, HeldOut, LabelBudget, Mnist
from acc_assets.families import STANDARD, Oracle, Outliers
from acc_assets.models import (
    Conditioning,
    ConvLayers,
    DenseLayers,
    GeometricPrior,
    MixturePrior,
    MixtureVAE,
    StandardPrior,
    VampPrior,
)
from acc_assets.tasks import (
    ChannelCurriculumTask,
    ComponentKLTask,
    ExpectedReconstructionTask,
    HeadClassifierTask,
    LinearRamp,
    OracleTask,
    PosteriorKLTask,
    SelfAugmentedTask,
    TauTask,
    UsageEntropyTask,
)
from acc_assets.tree import DatasetRef, Recipe, RecipeContext
from acc_assets.tree.config import AnyNumberOf, Positive

DATA: dict[str, Mnist | Digits] = {"mnist": Mnist(image_size=28), "digits": Digits(image_size=16)}
BATCH = 128
ANCHOR = 10.0  # labelled images that each component is taken to have seen of its class
SHIFT = 0.1  # of the image's width
UNSEEN = ("8", "9")  # classes that the branch `open_set` is to be suspicious of


@dataclass(frozen=True)
class Branch:
    """What one branch has: options of the model beside the common ones, its classifier, and consistency."""

    model: dict[str, Any]
    classifier: Literal["tau", "head"] = "tau"
    consistent: bool = False
    held_out: bool = False  # whether it never sees the classes `UNSEEN`


def branches(components: int, wide: ConvLayers) -> dict[str, Branch]:
    """The branches by name; each differs from `mixture` in one thing, `consistent` in what is to make it accurate."""
    film = Conditioning(by="film", embedding_dim=16)
    mixture = MixturePrior(learn_weights=True, learn_components=True)
    return {
        "mixture": Branch({"prior": mixture}),
        "standard": Branch({"prior": StandardPrior()}),
        "geometric": Branch({"prior": GeometricPrior(arrangement="circle", distance=4.0)}),
        "vamp": Branch({"prior": VampPrior(pseudo_inputs=5 * components, start="data")}),
        "conditioned": Branch({"prior": mixture, "conditioning": film}),
        "decentralized": Branch(
            {"prior": MixturePrior(), "conditioning": film, "layout": "decentralized", "z_dim": 4}
        ),
        "head": Branch({"prior": mixture}, classifier="head"),
        "consistent": Branch({"prior": mixture, "encoder": wide}, consistent=True),
        "open_set": Branch({"prior": mixture, "encoder": wide}, consistent=True, held_out=True),
    }


class RCMVAE(Recipe):
    name = "rcm_vae"
    title = "Mixture VAE with few labels"
    description = """
        Mixture VAEs that see all training images and the labels of a few of them, which are the same for all branches
        of a seed, one for each class as often as another. Loss, in nats per image: expected reconstruction + KL of z +
        KL of c, and a classifier trained on the labelled images, in batches of their own: tau, which counts what class
        each component stands for, or a perceptron on z.

        Branches differ from `mixture` (learned components and weights, one z, a decoder that does not see c) in the
        prior, the layout, the conditioning or the classifier. `consistent` is designed for accuracy: a wider encoder,
        and responsibilities that must stay what they are when an image is distorted, with and without its label.
        `open_set` is the same without the images of two classes, which its scores are then to tell from the others.
        `phased` has the model of `conditioned` and takes the phases one after another, each a checkpoint:
        reconstruction alone, a KL that comes slowly while components are unlocked on plateaus, then labels, and last as
        many labels more, which an oracle tells of the images with the smallest margin.

        The parameter `budgets` asks for `consistent` with other numbers of labels as well, `train_images` for so many
        training images in place of all.
    """
    question = "How accurate is a mixture VAE with few labels on new images, and what makes it so?"
    hypothesis = (
        "A prior alone does not make components classes; labels do for the images near them, and consistency under "
        "distortions carries them to the others."
    )
    seeds = (0, 1)

    def run(
        self,
        ctx: RecipeContext,
        steps: int = 4300,
        labels: Positive = 100,
        train_images: Positive | None = None,
        components: int = 20,
        z_dim: int = 10,
        label_weight: float = 20.0,
        consistency_weight: float = 50.0,
        lr: float = 1e-3,
        data: Literal["mnist", "digits"] = "mnist",
        budgets: AnyNumberOf[Positive] = (),
    ) -> None:
        whole = replace(DATA[data], train_samples=train_images, stratified=train_images is not None)
        images, few = with_labels(ctx, whole, labels, names=(data, "labelled"))
        seen = with_labels(ctx, HeldOut(of=whole, classes=UNSEEN), labels, names=("seen", "seen_labelled"))
        every = max(1, steps // 10)
        options: dict[str, Any] = {
            "lr": lr,
            "lr_schedule": "cosine",
            "batch_size": BATCH,
            "validate_every": every,
            "snapshot_every": every,
        }
        # dense, since a component's own decoding by convolutions takes four times as long
        common: dict[str, Any] = {
            "image_size": whole.image_size,
            "components": components,
            "z_dim": z_dim,
            "decoder": DenseLayers(),
        }
        distortions = Augmentation(
            shift_px=SHIFT * whole.image_size, rotation_degrees=15.0, scale=(0.85, 1.15)
        )
        ramp = LinearRamp(0.0, 1.0, steps=max(1, steps // 4))
        planned = {
            name: (branch, seen if branch.held_out else (images, few))
            for name, branch in branches(components, ConvLayers(channels=(32, 64))).items()
        }
        for budget in budgets:
            own = with_labels(ctx, whole, budget, names=(f"{data}_{budget}", f"labelled_{budget}"))
            planned[f"consistent_{budget}"] = (planned["consistent"][0], own)
        for name, (branch, (of_branch, few_of_branch)) in planned.items():
            ctx.create_model(MixtureVAE, **{**common, **branch.model})
            root = ctx.save_checkpoint(f"{name}_root")
            ctx.fork(root, name)
            attach_terms(ctx, of_branch, posterior=1.0, component=ramp)
            if branch.classifier == "tau":
                augment = distortions if branch.consistent else None
                anchor = ANCHOR if branch.consistent else 0.0
                ctx.attach_task(
                    TauTask(
                        "tau",
                        few_of_branch,
                        weight=label_weight,
                        augment=augment,
                        anchor=anchor,
                    )
                )
            else:
                ctx.attach_task(
                    HeadClassifierTask("head", few_of_branch, weight=label_weight, relative_weight=False)
                )
            if branch.consistent:
                ctx.attach_task(
                    SelfAugmentedTask(
                        "self_augmented", of_branch, weight=consistency_weight, augment=distortions
                    )
                )
            ctx.phase = f"Train {name} ({steps} steps)"
            ctx.train(steps=steps, **options)
            ctx.save_checkpoint(f"{name}_trained")
            ctx.evaluate(*STANDARD, Outliers())

        ctx.fork("conditioned_root", "phased")
        attach_terms(ctx, images, posterior=0.0, component=0.0)
        ctx.phase = "Reconstruction warm-up"
        ctx.train(steps=every, **options)
        ctx.save_checkpoint("warmed_up")
        ctx.detach_all_tasks()
        third = max(1, (steps - every) // 3)
        attach_terms(ctx, images, posterior=LinearRamp(0.0, 1.0, steps=third), component=ramp)
        ctx.attach_task(curriculum := growing(images, components, every))
        ctx.phase = "KL anneal, with components unlocked on plateaus"
        ctx.train(steps=third, **{**options, "validate_every": max(1, every // 10)})
        ctx.save_checkpoint("annealed")
        ctx.detach_all_tasks()
        attach_terms(ctx, images, posterior=1.0, component=1.0)
        ctx.attach_task(curriculum)
        ctx.attach_task(TauTask("tau", few, weight=label_weight))
        ctx.phase = "Label refinement"
        ctx.train(steps=2 * third, **{**options, "validate_every": max(1, every // 10)})
        ctx.save_checkpoint("refined")
        ctx.evaluate(*STANDARD, Outliers())
        ctx.attach_task(OracleTask("oracle", images, rule="margin", labels=labels))
        ctx.phase = f"Active learning: {labels} labels more by margin"
        ctx.train(steps=third, **options)
        ctx.save_checkpoint("active")
        ctx.evaluate(*STANDARD, Outliers(), Oracle())


def with_labels(
    ctx: RecipeContext, whole: Any, labels: int, names: tuple[str, str]
) -> tuple[DatasetRef, DatasetRef]:
    """All training images with a budget of labels, and those with a label alone."""
    budgets = (LabelBudget(of=whole, labels=labels, labelled_only=only) for only in (False, True))
    images, few = (ctx.load_dataset(name, budget) for name, budget in zip(names, budgets, strict=True))
    return images, few


def attach_terms(
    ctx: RecipeContext,
    images: DatasetRef,
    *,
    posterior: float | LinearRamp,
    component: float | LinearRamp,
) -> None:
    """Attach the terms that need no label, with the weights of the two KLs."""
    ctx.attach_task(ExpectedReconstructionTask("recon", images))
    ctx.attach_task(PosteriorKLTask("posterior_kl", images, weight=posterior))
    ctx.attach_task(ComponentKLTask("component_kl", images, weight=component))
    ctx.attach_task(UsageEntropyTask("usage", images))


def growing(images: DatasetRef, components: int, every: int) -> ChannelCurriculumTask:
    """Half of the components to begin with, one more on each plateau of the validation reconstruction."""
    return ChannelCurriculumTask(
        "curriculum",
        images,
        watch="recon",
        start=max(1, components // 2),
        patience=2,
        min_delta=0.5,
        cooldown=1,
        kick_steps=max(1, every // 5),
    )
