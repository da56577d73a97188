"""A family of artifacts, its analyses and a data set that sees the seed, as somebody writes them in one module."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork, Work
from acc_assets.datasets import DatasetConfig, Digits, ImageData, Split
from acc_assets.families import (
    Artifacts,
    Chart,
    Coloring,
    Density,
    Distortion,
    Download,
    Family,
    Number,
    Payload,
    Picture,
    Projection,
    RunArtifacts,
)
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Analysis, Check, Recipe, RecipeContext, config


class InkFamily(Family):
    name = "ink"
    title = "Ink of the latents"
    document = "ink.json"
    downloads = (Download("ink.npz", "Ink by latent (npz)"),)

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        if (value := run.document(self).get("mean")) is not None:
            yield Number(task="ink", metric="mean_ink", value=value, better="lower", rank=0)

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        yield Picture(name="ink.png", title=self.title, general="Bright is much.", alt="A field of grey.")

    def charts(self, run: RunArtifacts) -> Iterator[Chart]:
        if counts := run.document(self).get("counts"):
            bars = [{"x0": i, "x1": i + 1, "count": count} for i, count in enumerate(counts)]
            spec = {"kind": "histogram", "label": "ink", "bars": bars}
            yield Chart(title="Ink", spec=spec, caption="How much ink the images have.")

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        def make() -> tuple[dict[str, object], dict[str, np.ndarray]]:
            return {"bins": len(run.document(self)["counts"])}, dict(run.arrays(self.path("ink.npz")))

        if run.document(self):
            yield Payload(what="ink", page="viewer", source=[run.digest(self.name)], make=make)

    def colorings(self, run: RunArtifacts) -> Iterator[Coloring]:
        def make(steps: Sequence[int]) -> np.ndarray:
            return np.stack([run.arrays(self.path("ink.npz"))["ink"]] * len(steps))

        yield Coloring(id="ink:share", label="Ink", source=run.digest(self.name), make=make)

    def facts(self, run: RunArtifacts) -> Iterator[tuple[str, str]]:
        if "mean" in run.document(self):
            yield "Ink", f"{run.document(self)['mean']:.3f}"


@config
class Ink(Analysis):
    """How much ink the test images have."""

    bins: int = 4

    name = "ink"
    family = InkFamily()
    reads_data = True
    checks = (Check("some_ink", "There is ink."),)

    def analyse(self, work: NodeWork) -> Outcome:
        ink = work.data.test.images.mean(axis=(1, 2, 3)) / 255
        png = BytesIO()
        Image.fromarray((255 * ink[:64].reshape(8, 8)).astype(np.uint8)).save(png, format="PNG")
        with work.folder.family("ink") as out:
            out.npz("ink.npz", ink=ink.astype(np.float32))
            out.png("ink.png", png.getvalue())
            counts = np.histogram(ink, self.bins)[0]
            out.json("ink.json", {"mean": float(ink.mean()), "counts": counts.tolist()})
        told = Verdict(passed=bool(ink.mean() > 0), reason=f"{ink.mean():.3f} of all")
        return Outcome(metadata={"mean ink": float(ink.mean())}, verdicts={"some_ink": told})


class SpreadFamily(Family):
    name = "spread"
    title = "Spread over seeds"
    document = "spread.json"


class Spread(Analysis):
    """The ink of a node over all of its seeds."""

    name = "spread"
    family = SpreadFamily()
    scope = "node_seeds"
    after = ("ink",)
    reads_model = False

    def analyse(self, work: Work) -> Outcome:
        assert work.view is not None
        assert work.plan.node is not None
        found = [run.document(InkFamily()).get("mean") for run in work.view.runs(work.plan.node.tag)]
        with work.folder.family("spread") as out:
            out.json("spread.json", {"ink": found})
        return Outcome(metadata={"seeds": sum(value is not None for value in found)})


class TogetherFamily(Family):
    name = "together"
    title = "All nodes of a seed"
    document = "together.json"


class Together(Analysis):
    """The ink of all nodes of one seed."""

    name = "together"
    family = TogetherFamily()
    scope = "tree"
    after = ("ink",)
    reads_model = False

    def analyse(self, work: Work) -> Outcome:
        nodes = [node for node in work.tree if node.evaluated]
        found = {node.tag: work.at(node).run.read_json("ink/ink.json")["mean"] for node in nodes}
        with work.folder.family("together") as out:
            out.json("together.json", found)
        return Outcome()


@config
class FewLabels(DatasetConfig):
    """Digits, of which each seed has its own hundred training images, the same for all branches."""

    image_size: int = 16

    name = "few_labels"
    in_channels = 1

    def load(self, seed: int) -> ImageData:
        whole = Digits(image_size=self.image_size).load()
        chosen = np.random.default_rng(seed).permutation(len(whole.train.images))[:100]
        train = Split(whole.train.images[chosen], whole.train.targets[chosen])
        return ImageData(
            self.name, whole.source, train, whole.validation, whole.test, target_names=whole.target_names
        )

    @property
    def source(self) -> str:
        return Digits(image_size=self.image_size).source

    @property
    def sizes(self) -> dict[str, int]:
        return {**Digits(image_size=self.image_size).sizes, "train": 100}

    @property
    def target_names(self) -> tuple[str, ...]:
        return Digits(image_size=self.image_size).target_names


class Toy(Recipe):
    name = "toy"
    seeds = (0, 1)

    def run(self, ctx: RecipeContext, bins: int = 4) -> None:
        digits = ctx.load_dataset("few", FewLabels)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4, channels=(4, 8))
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.save_checkpoint("root")
        for branch in ("one", "other"):
            ctx.fork("root", branch)
            ctx.train(steps=2)
            ctx.save_checkpoint(f"{branch}_trained")
            shown = (
                (Projection(), Density(), Distortion()) if branch == "one" else ()
            )  # with the latents and neighbours that it reads
            ctx.evaluate(Ink(bins=bins), Spread(), *shown)
        ctx.evaluate_tree(Together())
