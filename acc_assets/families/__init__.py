"""Families of artifacts: what each holds, how it is written and read, and what pages show. No torch, no dagster."""

from acc_assets.families.acquisition import Acquisition
from acc_assets.families.artifacts import Artifacts, RunArtifacts
from acc_assets.families.attention import Attention
from acc_assets.families.base import Chart, Coloring, Download, Family, Number, Payload, Picture, Table
from acc_assets.families.checkpoints import CHECKPOINTS
from acc_assets.families.density import Density
from acc_assets.families.distortion import Distortion
from acc_assets.families.interactive import Interactive
from acc_assets.families.latents import Latents
from acc_assets.families.likelihood import Likelihood
from acc_assets.families.manifold import Manifold
from acc_assets.families.metrics import Metrics
from acc_assets.families.mixture import Mixture
from acc_assets.families.neighbors import Neighbors
from acc_assets.families.network import Network
from acc_assets.families.onnx import Onnx
from acc_assets.families.oracle import Oracle
from acc_assets.families.outliers import Outliers
from acc_assets.families.projections import Projection
from acc_assets.families.providers import Evaluated, Provided, metric, plot
from acc_assets.families.reconstructions import Reconstructions
from acc_assets.families.registry import ANALYSES, STANDARD, analyses_of, check_tree, families_of
from acc_assets.families.report import Report
from acc_assets.families.samples import Samples
from acc_assets.families.sorted_images import SortedImages
from acc_assets.families.traversals import Traversals

__all__ = [
    "ANALYSES",
    "CHECKPOINTS",
    "STANDARD",
    "Acquisition",
    "Artifacts",
    "Attention",
    "Chart",
    "Coloring",
    "Density",
    "Distortion",
    "Download",
    "Evaluated",
    "Family",
    "Interactive",
    "Latents",
    "Likelihood",
    "Manifold",
    "Metrics",
    "Mixture",
    "Neighbors",
    "Network",
    "Number",
    "Onnx",
    "Oracle",
    "Outliers",
    "Payload",
    "Picture",
    "Projection",
    "Provided",
    "Reconstructions",
    "Report",
    "RunArtifacts",
    "Samples",
    "SortedImages",
    "Table",
    "Traversals",
    "analyses_of",
    "check_tree",
    "families_of",
    "metric",
    "plot",
]
