"""Tasks: a loss plus an evaluation that reads model outputs, as torch-free configuration objects."""

from acc_assets.tasks.base import LatentTask, ProbeTask, Task
from acc_assets.tasks.classification import ClassificationTask
from acc_assets.tasks.component_terms import (
    ComponentKLTask,
    DirichletTask,
    LogitMixtureTask,
    PosteriorKLTask,
    UsageEntropyTask,
)
from acc_assets.tasks.curriculum import ChannelCurriculumTask
from acc_assets.tasks.expected_reconstruction import ExpectedReconstructionTask, GumbelSelection
from acc_assets.tasks.gaussian_mixture import (
    CategoricalKLTask,
    EntropyBonusTask,
    GaussianMixtureObjective,
    MixtureKLTask,
)
from acc_assets.tasks.head_classifier import HeadClassifierTask
from acc_assets.tasks.health import NOT_TRAINED, Generalisation, Health, LossHealth
from acc_assets.tasks.hierarchical_kl import HierarchicalKLTask
from acc_assets.tasks.kl_divergence import KLDivergenceTask
from acc_assets.tasks.oracle import OracleTask
from acc_assets.tasks.reconstruction import ReconstructionTask
from acc_assets.tasks.regression import RegressionTask
from acc_assets.tasks.schedules import SCHEDULES, Constant, CosineRamp, LinearRamp, WeightSchedule
from acc_assets.tasks.self_augmented import SelfAugmentedTask
from acc_assets.tasks.tau import TauTask
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
    "expected_reconstruction": ExpectedReconstructionTask,
    "posterior_kl": PosteriorKLTask,
    "component_kl": ComponentKLTask,
    "logit_mixture": LogitMixtureTask,
    "usage_entropy": UsageEntropyTask,
    "dirichlet": DirichletTask,
    "tau": TauTask,
    "head_classifier": HeadClassifierTask,
    "curriculum": ChannelCurriculumTask,
    "hierarchical_kl": HierarchicalKLTask,
    "oracle": OracleTask,
}

__all__ = [
    "NOT_TRAINED",
    "SCHEDULES",
    "TASKS",
    "CategoricalKLTask",
    "ChannelCurriculumTask",
    "ClassificationTask",
    "ComponentKLTask",
    "Constant",
    "CosineRamp",
    "DirichletTask",
    "EntropyBonusTask",
    "Evaluator",
    "ExpectedReconstructionTask",
    "GaussianMixtureObjective",
    "Generalisation",
    "GumbelSelection",
    "HeadClassifierTask",
    "Health",
    "HierarchicalKLTask",
    "KLDivergenceTask",
    "LatentTask",
    "LinearRamp",
    "LogitMixtureTask",
    "Loss",
    "LossHealth",
    "MixtureKLTask",
    "OracleTask",
    "PosteriorKLTask",
    "ProbeTask",
    "ReconstructionTask",
    "RegressionTask",
    "SelfAugmentedTask",
    "StepView",
    "Task",
    "TauTask",
    "UsageEntropyTask",
    "WeightSchedule",
]
