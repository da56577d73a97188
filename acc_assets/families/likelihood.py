"""The log-likelihood of test images, estimated by importance sampling, with what is known of its error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from acc_assets.families.base import Download, Family, Number, Table
from acc_assets.families.words import MetricWords, is_number, number
from acc_assets.tree import Analysis, Check, config
from acc_assets.tree.config import Natural, Positive

if TYPE_CHECKING:
    from acc_assets.families.artifacts import RunArtifacts
    from acc_assets.storage import ArtifactFolder


class LikelihoodFamily(Family):
    """The document has `samples` an image (S), `images` of how many (`of`), `dataset`, `split`, `seed`, and the means,
    nats an image: `log_likelihood`, `fewer` (with a tenth of the samples) and `elbo`; `standard_error` over images;
    `error`, the deviation of the mean over other draws; `known_error` and `known_fewer`, how much the same estimate,
    and that with a tenth of the samples, misses the known log-likelihood of a linear-Gaussian model whose latent has
    as many `dims` and whose ELBO is as far below it; `ess`, the `mean`, `median` and `least` effective sample size.
    The npz has `log_likelihood`, `elbo` and `ess` (N,) of the N images.
    """

    name = "likelihood"
    title = "Log-likelihood by importance sampling"
    document = "likelihood.json"
    downloads = (Download("likelihood.npz", "Log-likelihood and ELBO of each image (npz)"),)
    metrics = {  # noqa: RUF012
        "log_likelihood": MetricWords("log-likelihood", "nats per image", "higher", "number", 2, 0),
        "elbo": MetricWords("ELBO", "nats per image", "higher", "number", 2, 1),
    }

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield the estimate, named with its number of samples, and the ELBO of the same draws."""
        found = run.document(self)
        for metric, label in (
            ("log_likelihood", f"log-likelihood ({found.get('samples')} samples)"),
            ("elbo", "ELBO"),
        ):
            if is_number(found.get(metric)):
                yield Number(
                    task=self.name,
                    metric=metric,
                    value=float(found[metric]),
                    dataset=str(found.get("dataset", "")),
                    label=f"{label} of {found.get('images'):,} images",
                )

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield the estimate by number of samples, and what is known of its error."""
        found = run.document(self)
        if not found:
            return
        samples, ess = found["samples"], found["ess"]
        rows = [
            (f"log-likelihood, {samples:,} samples an image", number(found["log_likelihood"], 2)),
            (f"the same with {samples // 10:,} samples", number(found["fewer"], 2)),
            ("ELBO, the mean over single samples", number(found["elbo"], 2)),
            ("standard error over images", number(found["standard_error"], 2)),
            ("deviation of the mean over other draws", number(found["error"], 4)),
            (
                f"estimate less truth of a linear-Gaussian model, {samples:,} samples",
                number(found["known_error"], 2),
            ),
            (f"the same with {samples // 10:,} samples", number(found["known_fewer"], 2)),
            ("effective samples an image, median", number(ess["median"], 1)),
            ("effective samples of the worst image", number(ess["least"], 1)),
        ]
        title = f"{self.title}: {found['images']:,} of {found['of']:,} {found['split']} images"
        yield Table(title=title, head=("", "nats per image, or samples"), rows=rows, numbers=(1,))


FAMILY = LikelihoodFamily()


@config
class Likelihood(Analysis):
    """Estimate log p(x) of black and white test images by importance sampling from q(z|x), and the ELBO beside it.

    samples: draws of z for each image. images: so many test images, evenly spaced, None for all. seed: of the draws,
    the same for all nodes and seeds of a recipe.
    """

    samples: Annotated[int, Field(ge=10, multiple_of=10)] = 500
    images: Positive | None = None
    seed: Natural = 0

    name = "likelihood"
    family = FAMILY
    description = "log p(x) of test images by importance sampling, beside the ELBO."
    kinds = frozenset({"pytorch"})
    checks = (Check("settled", "A tenth of the samples gives an estimate that is less than 1 nat lower."),)


def write(folder: ArtifactFolder, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write what is known of each image, and of all."""
    with folder.family(FAMILY.name) as out:
        out.npz("likelihood.npz", arrays)
        out.json(FAMILY.document, dict(facts))
