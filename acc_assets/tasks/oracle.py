"""A simulated oracle: before a phase is trained, it tells the true classes of the images that a rule asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.datasets.partly_labelled import PartlyLabelled
from acc_assets.models import ModelOutput
from acc_assets.tasks.steering import SteeringTask
from acc_assets.tasks.view import Evaluator, StepView
from acc_assets.tree.asking import Rule
from acc_assets.tree.config import Positive, config

if TYPE_CHECKING:
    from torch import nn


@config
class OracleTask(SteeringTask):
    """Reveals the classes of `labels` training images each time that a phase with it begins.

    `dataset` gives labels for some images alone, such as a `LabelBudget`. The model that the phase starts from ranks
    at most `pool` of the others by `rule` (see `Acquisition`, which ranks by the same function); the classes of those
    that come first are told, and the phase is trained with them: on this data set, and on the same one with
    `labelled_only`. neighbors: as in `Acquisition`.

    Nothing is added to the loss. What was asked lies in buffers of this task's head, so that training resumes with it
    bit for bit, and a fork with a task of this name inherits the labels. Metrics: labels, how many images have one
    now; and loss (0).
    """

    rule: Rule = "entropy"
    labels: Positive = 20
    pool: Positive = 10_000
    neighbors: Positive = 10

    kind: ClassVar[str] = "oracle"
    reads: ClassVar[str] = ModelOutput.LATENT

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError for a data set that has nothing to reveal."""
        super().check(model_config, dataset_config)
        if not isinstance(dataset_config, PartlyLabelled) or dataset_config.labelled_only:
            raise ValueError(
                f"oracle task '{self.name}' reads data set '{self.dataset.name}', of which no image is left to ask "
                "about; allowed is one that gives labels for some images, such as LabelBudget, without labelled_only"
            )

    def build_head(self, model: Any, dataset: Any) -> nn.Module:
        """What was asked: nothing yet."""
        import torch
        from torch import nn

        images, labelled = len(dataset.train), dataset.train.labelled
        head = nn.Module()
        head.register_buffer(
            "order", torch.zeros(images, dtype=torch.int32)
        )  # 1 was asked first; 0: not asked
        head.register_buffer("scores", torch.zeros(images))  # by the rule, when it was asked
        head.register_buffer("before", torch.tensor(0))  # asked before the last round
        head.register_buffer("given", torch.tensor(images if labelled is None else int(labelled.sum())))
        return head

    def evaluator(self) -> Evaluator:
        """Evaluator of labels."""
        return LabelCount()


class LabelCount:
    """How many training images have a label, by the oracle that was seen last."""

    def __init__(self) -> None:
        self._labels = 0.0

    def update(self, view: StepView) -> None:
        head: Any = view.head
        self._labels = float(head.given + (head.order > 0).sum())

    def compute(self) -> dict[str, float]:
        return {"loss": 0.0, "labels": self._labels}
