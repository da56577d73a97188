"""What all tasks share: name, data set, weight, and where in the latent they look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.models import ModelOutput, Outputs, observe
from acc_assets.models.abilities import LATENT
from acc_assets.tasks.health import LossHealth
from acc_assets.tasks.schedules import Weight, weight_at
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import Name, Natural, Pair, PositiveNumber, config
from acc_assets.tree.references import Dataset

if TYPE_CHECKING:
    from torch import Tensor, nn

NATS = "nats per image"


@config(kw_only=False)
class Task(ABC):
    """A loss plus an evaluation that reads model outputs: configuration, not a subclass per model.

    `weight` multiplies the loss; a schedule counts the steps of the training phase. Each task says in `unit` what its
    loss counts: nats per image where it can, so that a weight of 1.0 on reconstruction and KL is the ELBO of the
    standard VAE. The weight of a task with a probe is relative to the reconstruction: see `ProbeTask`.

    A task with state of its own (counts, a mask) keeps it in buffers of the module that `build_head` returns and
    changes it in `after_step`. So it lies in every checkpoint with the head's parameters: training resumes with it bit
    for bit, a fork inherits it, early stopping restores it. A moving average of the weights leaves buffers as they are.
    """

    name: Name
    dataset: Dataset
    _: KW_ONLY
    weight: Weight = 1.0

    kind: ClassVar[str]
    version: ClassVar[int] = 1  # to be raised where the same fields come to mean other bits
    sets_scale: ClassVar[bool] = False  # its reach is what weight 1.0 of a relative task amounts to

    @property
    def relative(self) -> bool:
        """Whether its weight is relative to that reach; False: to one nat per image."""
        return False

    @property
    @abstractmethod
    def unit(self) -> str:
        """What the loss counts, as artifacts and pages name it, such as "nats per image"."""

    def weight_at(self, step: int) -> float:
        """Weight at a step of the training phase, counted from 0."""
        return weight_at(self.weight, step)

    @abstractmethod
    def needs(self) -> frozenset[str]:
        """Model outputs without which the loss cannot be computed."""

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Raise ValueError when model, data set and task do not fit; what a config leaves open is not checked."""
        outputs = getattr(model_config, "outputs", None)
        if outputs is not None:
            self._check_needs(outputs, type(model_config).__name__)
        for field in ("image_size", "in_channels"):
            of_model, of_data = getattr(model_config, field, None), getattr(dataset_config, field, None)
            if of_model is not None and of_data is not None and of_model != of_data:
                raise ValueError(
                    f"task '{self.name}': the model has {field}={of_model}, but data set "
                    f"'{self.dataset.name}' has {field}={of_data}: give both the same value"
                )

    def check_outputs(self, outputs: Outputs) -> None:
        """Raise ValueError when the real outputs of `forward()` lack what the task needs."""
        self._check_needs(outputs, "the model")

    def build_head(self, model: Any, dataset: Any) -> nn.Module | None:
        """Build the probe that the task trains beside the model, or None when it has none.

        A task may prepare the model here for its first training, where a buffer of the model says that this was not
        done yet.
        """
        return None

    def output_names(self, count: int) -> list[str]:
        """Names of `count` outputs, from the data set where it names them: its classes or columns."""
        known = getattr(self.dataset.config, "target_names", None) or ()
        return [str(name) for name in known] if len(known) == count else [str(i) for i in range(count)]

    def predict(self, outputs: Outputs, head: nn.Module | None) -> Tensor | None:
        """Prediction for each example, or None when the task makes none."""
        return None

    def scores(self, outputs: Outputs, head: nn.Module | None) -> Mapping[str, Tensor]:
        """How unsure the task is of each example, (B,) by name, higher where it is less sure; none by default."""
        return {}

    @abstractmethod
    def loss(self, view: StepView) -> Tensor | Loss:
        """Scalar loss, the mean over the batch; as a `Loss` where there are diagnostics to tell beside it."""

    def after_step(self, view: StepView) -> None:
        """Change the task's state after the optimizer's step on what its loss saw; nothing by default.

        Called without gradients, in the steps in which the task is trained. The view's outputs are those from before
        the step.
        """
        return

    def after_validation(
        self, metrics: Mapping[str, Mapping[str, float]], head: nn.Module | None, model: nn.Module
    ) -> None:
        """Change the state of task or model after a validation; nothing by default.

        metrics: on the validation split, by task and metric, of all tasks of the phase.
        """
        return

    @abstractmethod
    def evaluator(self) -> Evaluator:
        """Return a fresh evaluator of this task's metrics."""

    @abstractmethod
    def baseline(self, dataset: Any) -> dict[str, float]:
        """Metrics on the test split of the best constant prediction, known from the training split alone."""

    def training_baseline(self, dataset: Any) -> dict[str, float]:
        """As `baseline`, on training images: all, or some 2,000 evenly spaced ones."""
        from acc_assets.tasks import baselines

        return self.baseline(baselines.on_training_images(dataset))

    def reach(self, dataset: Any) -> float:
        """Nats per image that there are to win: the loss of the best constant prediction less that of a perfect one.

        Measured on training images alone, since training depends on it.
        """
        scores = self.training_baseline(dataset)
        return scores["loss"] - scores.get("loss_floor", 0.0)

    @abstractmethod
    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Judge a curve of unweighted training losses; `baseline` is what `baseline()` returned."""

    def _check_needs(self, available: Any, owner: str) -> None:
        missing = sorted(str(output) for output in self.needs() if output not in available)
        if missing:
            given = sorted(str(output) for output in available)
            raise ValueError(
                f"{self.kind} task '{self.name}' needs the output {', '.join(missing)}, which {owner} does not "
                f"return (it returns {', '.join(given)}): choose a model that does, or detach the task"
            )


@config
class LatentTask(Task):
    """A task that looks at the latent: all of it, `latent_slice=(start, stop)`, or the factor `factor_name`."""

    latent_slice: Pair[Natural] | None = None
    factor_name: Name | None = None

    def __post_init__(self) -> None:
        if self.latent_slice is None:
            return
        if self.factor_name is not None:
            raise ValueError(
                f"latent_slice={self.latent_slice} and factor_name={self.factor_name!r} stand side by side; allowed "
                "is one of them"
            )
        if self.latent_slice[0] >= self.latent_slice[1]:
            raise ValueError(
                f"latent_slice is {self.latent_slice}; allowed is (start, stop) with 0 <= start < stop"
            )

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError for a factor that the model lacks or a slice outside its latent."""
        super().check(model_config, dataset_config)
        if self.latent_slice is not None or getattr(model_config, "factor_groups", None) is not None:
            self.resolve_slice(model_config)

    def check_outputs(self, outputs: Outputs) -> None:
        """Also raise ValueError when the latent is not flat, or shorter than the slice."""
        super().check_outputs(outputs)
        for key in self.needs():
            shape = tuple(outputs[key].shape)
            if len(shape) != 2:
                raise ValueError(
                    f"task '{self.name}' slices {key}, which must be flat (B, D), but the model returns "
                    f"{shape}: flatten or pool it in the model's forward()"
                )
            if self.latent_slice is not None and self.latent_slice[1] > shape[1]:
                raise ValueError(self._out_of_range(shape[1]))

    def resolve_slice(self, model: Any) -> tuple[int, int] | None:
        """Slice of the latent that the task looks at in this model (config or module); None when it has no bounds.

        Raises ValueError when the model lacks the factor, or its latent ends before the slice.
        """
        latent_dim = getattr(model, "latent_dim", None)
        if self.factor_name is not None:
            groups = getattr(model, "factor_groups", None) or ()
            for group in groups:
                if group.name == self.factor_name:
                    return group.start, group.stop
            names = ", ".join(group.name for group in groups)
            raise ValueError(
                f"task '{self.name}' asks for the factor {self.factor_name!r}, but the model "
                + (
                    f"has the factors {names}: use one of them"
                    if names
                    else "has no factors: use latent_slice"
                )
            )
        if self.latent_slice is not None:
            if latent_dim is not None and self.latent_slice[1] > latent_dim:
                raise ValueError(self._out_of_range(latent_dim))
            return self.latent_slice
        return None if latent_dim is None else (0, latent_dim)

    def _out_of_range(self, latent_dim: int) -> str:
        return (
            f"task '{self.name}' has latent_slice={self.latent_slice}, but the model's latent_dim is "
            f"{latent_dim}: the slice must lie within (0, {latent_dim})"
        )


@config
class ProbeTask(LatentTask):
    """A task with a linear probe on the latent.

    Its weight is relative to the reconstruction that is trained with it: its loss is multiplied by
    reach(reconstruction) / reach(task), where the reach of a task is what there is to win between the best constant
    prediction and a perfect one. So with weight 1.0 to know everything about the target is worth as much as to know
    everything about the image. In nats alone a label weighs next to nothing beside the pixels (2.3 nats of a
    digit's class beside 176 of a 32x32 image of it), and accuracy would depend on image size and likelihood; Kingma
    et al. (2014), "Semi-supervised Learning with Deep Generative Models", equation 9, give their classification loss
    a weight of its own for the same reason. Without a reconstruction in the phase the loss stays in nats per image.

    `relative_weight=False` multiplies the loss by `weight` as it is, as in "MSE + class_weight * cross-entropy".
    `head_lr` is the probe's own learning rate; None: ten times the model's, since a linear map on a latent that
    moves under it must learn faster than what moves it.
    """

    head_lr: PositiveNumber | None = None
    relative_weight: bool = True

    unit = NATS

    @property
    def relative(self) -> bool:
        """Whether the weight is relative to the reconstruction."""
        return self.relative_weight

    def needs(self) -> frozenset[str]:
        """The latent."""
        return frozenset({ModelOutput.LATENT})

    def _build_probe(self, model: Any, dataset: Any, outputs: int) -> nn.Module:
        from acc_assets.tasks.probes import LinearProbe

        bounds = self.resolve_slice(model)
        if bounds is None:  # the module does not say its width
            able = observe(model, dataset.train.images.shape[1:])
            if able.latent_dim is None:
                raise ValueError(
                    f"task '{self.name}' needs a flat latent, but {able.lacks[LATENT]}: flatten or pool it in forward()"
                )
            bounds = (0, able.latent_dim)
        return LinearProbe(*bounds, outputs)

    def _probe(self, head: nn.Module | None) -> nn.Module:
        if head is None:
            raise ValueError(f"task '{self.name}' has no head: pass what build_head(model, dataset) returned")
        return head

    def _point_prediction(self, view: StepView) -> Tensor:
        """What the probe makes of the posterior mean (B, outputs)."""
        from acc_assets.tasks import losses

        prediction: Tensor = self._probe(view.head)(losses.point_latent(view.outputs))
        return prediction


def require_classes(task: Task, dataset_config: Any) -> None:
    """Raise ValueError when the targets of a task's data set are not classes."""
    if getattr(dataset_config, "kind_of_target", "class") != "class":
        raise ValueError(
            f"{task.kind} task '{task.name}' needs class targets, but data set '{task.dataset.name}' has real ones: "
            "use RegressionTask, or a data set with labels"
        )


def dataset_fact(task: Task, dataset: Any, name: str) -> Any:
    """A property of the task's data set: from its configuration, else from the loaded data, else None."""
    for source in (task.dataset.config, dataset):
        value = getattr(source, name, None)
        if value is not None:
            return value
    return None
