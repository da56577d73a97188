"""Tasks: a loss plus an evaluation that reads model outputs, as torch-free configuration objects."""

from acc_assets.tasks.base import LatentTask, ProbeTask, Task
from acc_assets.tasks.classification import ClassificationTask
from acc_assets.tasks.gaussian_mixture import (
    CategoricalKLTask,
    EntropyBonusTask,
    GaussianMixtureObjective,
    MixtureKLTask,
)
from acc_assets.tasks.health import NOT_TRAINED, Generalisation, Health, LossHealth
from acc_assets.tasks.kl_divergence import KLDivergenceTask
from acc_assets.tasks.reconstruction import ReconstructionTask
from acc_assets.tasks.regression import RegressionTask
from acc_assets.tasks.schedules import SCHEDULES, Constant, CosineRamp, LinearRamp, WeightSchedule
from acc_assets.tasks.self_augmented import SelfAugmentedTask
from acc_assets.tasks.view import Evaluator, Loss, StepView

TASKS: dict[str, type] = {
    "reconstruction": ReconstructionTask,
    "classification": ClassificationTask,
    "regression": RegressionTask,
    "kl": KLDivergenceTask,
    "categorical_kl": CategoricalKLTask,
    "mixture_kl": MixtureKLTask,
    "entropy_bonus": EntropyBonusTask,
    "self_augmented": SelfAugmentedTask,
}

__all__ = [
    "NOT_TRAINED",
    "SCHEDULES",
    "TASKS",
    "CategoricalKLTask",
    "ClassificationTask",
    "Constant",
    "CosineRamp",
    "EntropyBonusTask",
    "Evaluator",
    "GaussianMixtureObjective",
    "Generalisation",
    "Health",
    "KLDivergenceTask",
    "LatentTask",
    "LinearRamp",
    "Loss",
    "LossHealth",
    "MixtureKLTask",
    "ProbeTask",
    "ReconstructionTask",
    "RegressionTask",
    "SelfAugmentedTask",
    "StepView",
    "Task",
    "WeightSchedule",
]
