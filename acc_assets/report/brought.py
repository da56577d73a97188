"""What of one run lies in the site beside its pages: its pictures, and the data scripts of pages that explore it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from acc_assets.families import RunArtifacts, acquisition
from acc_assets.families.base import Page
from acc_assets.report.figures import Figure, figures_of
from acc_assets.report.payloads import Payloads
from acc_assets.report.provenance import Provenance
from acc_assets.report.recipe import RecipeView


@dataclass(frozen=True)
class Brought:
    """Pictures, and by page the keys of all scripts that it needs to show the run; none where it cannot."""

    figures: Sequence[Figure]
    keys: Mapping[Page, Sequence[str]]

    @staticmethod
    def of(payloads: Payloads, recipe: RecipeView, run: RunArtifacts, explored: bool) -> Brought:
        """Write them. explored: whether the pages that explore show runs of this node."""
        keys = _keys(payloads, recipe, run) if explored else {}
        return Brought(figures_of(payloads.writer, recipe, run), keys)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"figures": [asdict(figure) for figure in self.figures], "keys": dict(self.keys)}

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Brought:
        """Read what `to_json` returned."""
        figures = [
            Figure(**{**one, "provenance": Provenance(**one["provenance"])}) for one in told["figures"]
        ]
        return Brought(figures, told["keys"])


def _keys(payloads: Payloads, recipe: RecipeView, run: RunArtifacts) -> dict[Page, list[str]]:
    found: dict[Page, list[str]] = {}
    images = payloads.dataset(recipe, run, "viewer")
    viewed = payloads.of_run(recipe, run, "viewer") if images else {}
    if "points" in viewed and any(key.startswith("projection-") for key in viewed):
        found["viewer"] = [*images, *viewed.values()]
    models = list(payloads.of_run(recipe, run, "playground").values())
    found["playground"] = models
    maps = list(payloads.of_run(recipe, run, "grounding").values())
    shown = payloads.dataset(recipe, run, "grounding")
    if maps and models and shown:
        found["grounding"] = [*maps, *models, *shown]
    layers = payloads.of_run(recipe, run, "network")
    if "network" in layers:
        found["network"] = [*layers.values(), *models]  # that a drawing goes through
    if run.document(acquisition.FAMILY).get("dataset") in {ref.name for ref in recipe.label_sets}:
        found["labels"] = list(payloads.of_run(recipe, run, "labels").values())
    return found
