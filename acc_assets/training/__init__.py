"""Training: exact, resumable, and a dumb pipe from batches through a model to tasks. No dagster."""

from acc_assets.training.acquisition import Ranking, rank_unlabelled
from acc_assets.training.checkpoint import CheckpointState, Identity, parse_checkpoint
from acc_assets.training.config_record import viz_indices
from acc_assets.training.errors import CheckpointRefused, TrainingCancelled, TrainingDiverged, TrainingError
from acc_assets.training.evaluation import encode_split, evaluate
from acc_assets.training.generalisation import judge_generalisation
from acc_assets.training.loading import LoadedModel, load_model
from acc_assets.training.materialize import CheckpointResult, build_checkpoint
from acc_assets.training.oracle import asked_of, with_answers
from acc_assets.training.progress import NoProgress, ProgressSink
from acc_assets.training.runtime import Runtime, available_devices
from acc_assets.training.snapshots import checkpoint_steps, load_checkpoint, load_final

__all__ = [
    "CheckpointRefused",
    "CheckpointResult",
    "CheckpointState",
    "Identity",
    "LoadedModel",
    "NoProgress",
    "ProgressSink",
    "Ranking",
    "Runtime",
    "TrainingCancelled",
    "TrainingDiverged",
    "TrainingError",
    "asked_of",
    "available_devices",
    "build_checkpoint",
    "checkpoint_steps",
    "encode_split",
    "evaluate",
    "judge_generalisation",
    "load_checkpoint",
    "load_final",
    "load_model",
    "parse_checkpoint",
    "rank_unlabelled",
    "viz_indices",
    "with_answers",
]
