"""Recipes traced into trees of checkpoints. No torch, no dagster."""

from acc_assets.tree.analyses import DECODE, LATENT, RECONSTRUCTION, Analysis, AnalysisScope, Check
from acc_assets.tree.config import config, json_schema
from acc_assets.tree.discovery import BrokenRecipe, Discovered, discover, discover_file
from acc_assets.tree.epochs import Epochs
from acc_assets.tree.errors import RecipeError
from acc_assets.tree.fork_form import fork_schema, present_settings
from acc_assets.tree.forks import (
    ForksFile,
    Recorded,
    RecordedFork,
    RecordedOf,
    example_of,
    free_name,
    next_round,
    parse_forks,
    trained_as,
)
from acc_assets.tree.growth import Growth
from acc_assets.tree.guard import TRACE_SECONDS
from acc_assets.tree.nodes import Tree, TreeNode
from acc_assets.tree.opened import Choice, Linear, Log, Opened, Range, Whole, present
from acc_assets.tree.phases import COUNTED, PHASE_OPTIONS, EarlyStopping, TrainPhase
from acc_assets.tree.recipe import RESERVED_TAGS, Recipe, RecipeContext
from acc_assets.tree.references import Dataset, DatasetRef
from acc_assets.tree.sources import source_files
from acc_assets.tree.spec import Call, canonical, spec_hash
from acc_assets.tree.tracing import recipe_parameters, trace
from acc_assets.tree.yaml_loader import parse_value
from acc_assets.tree.yaml_recipe import Vocabulary
from acc_assets.tree.yaml_schema import recipe_schema

__all__ = [
    "COUNTED",
    "DECODE",
    "LATENT",
    "PHASE_OPTIONS",
    "RECONSTRUCTION",
    "RESERVED_TAGS",
    "TRACE_SECONDS",
    "Analysis",
    "AnalysisScope",
    "BrokenRecipe",
    "Call",
    "Check",
    "Choice",
    "Dataset",
    "DatasetRef",
    "Discovered",
    "EarlyStopping",
    "Epochs",
    "ForksFile",
    "Growth",
    "Linear",
    "Log",
    "Opened",
    "Range",
    "Recipe",
    "RecipeContext",
    "RecipeError",
    "Recorded",
    "RecordedFork",
    "RecordedOf",
    "TrainPhase",
    "Tree",
    "TreeNode",
    "Vocabulary",
    "Whole",
    "canonical",
    "config",
    "discover",
    "discover_file",
    "example_of",
    "fork_schema",
    "free_name",
    "json_schema",
    "next_round",
    "parse_forks",
    "parse_value",
    "present",
    "present_settings",
    "recipe_parameters",
    "recipe_schema",
    "source_files",
    "spec_hash",
    "trace",
    "trained_as",
]
