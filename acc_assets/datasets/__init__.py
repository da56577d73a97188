"""Data sets: real ones, generators with ground truth, and batched augmentation.

Importing this package imports neither torch nor scikit-learn; `load` and `apply` do, where they need them.
"""

from acc_assets.datasets.arrays import ImageData, PenRule, Split, SplitName, data_digest
from acc_assets.datasets.augmentation import Augmentation
from acc_assets.datasets.binarised import Binarised
from acc_assets.datasets.data import Batch, DatasetConfig, load_dataset, sees_seed
from acc_assets.datasets.digits import Digits
from acc_assets.datasets.files import DatasetError, source_digest
from acc_assets.datasets.held_out import HeldOut
from acc_assets.datasets.label_budget import LabelBudget
from acc_assets.datasets.labelled import Labelled
from acc_assets.datasets.mnist import FashionMnist, Mnist, load_mnist
from acc_assets.datasets.shapes import Shapes
from acc_assets.datasets.slant import Slant, generate_slant
from acc_assets.datasets.thickness import Thickness, generate_thickness

# Names for YAML recipes.
DATASETS: dict[str, type[DatasetConfig]] = {
    config.name: config
    for config in (
        Mnist,
        FashionMnist,
        Digits,
        Shapes,
        Thickness,
        Slant,
        LabelBudget,
        Labelled,
        HeldOut,
        Binarised,
    )
}

__all__ = [
    "DATASETS",
    "Augmentation",
    "Batch",
    "Binarised",
    "DatasetConfig",
    "DatasetError",
    "Digits",
    "FashionMnist",
    "HeldOut",
    "ImageData",
    "LabelBudget",
    "Labelled",
    "Mnist",
    "PenRule",
    "Shapes",
    "Slant",
    "Split",
    "SplitName",
    "Thickness",
    "data_digest",
    "generate_slant",
    "generate_thickness",
    "load_dataset",
    "load_mnist",
    "sees_seed",
    "source_digest",
]
