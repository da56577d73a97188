"""What a run's page shows beside its pictures, which of it applies to the model, and `REPORT.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from acc_assets.families.base import Chart, Download, Family, Table
from acc_assets.tree import Analysis

if TYPE_CHECKING:
    from acc_assets.families.artifacts import RunArtifacts
    from acc_assets.storage import ArtifactFolder

TEXT = "REPORT.md"


@dataclass(frozen=True)
class Status:
    """Whether a plot or metric is there of a model: `where` a reader finds it, or `why_not`."""

    title: str
    kind: str  # plot or metric
    where: str = ""
    why_not: str = ""


class ReportFamily(Family):
    """`charts`, as pages draw them, `statuses` of every plot and metric, and the run in words."""

    name = "report"
    title = "Report"
    document = "report.json"
    downloads = (Download(TEXT, "This run in words and numbers (Markdown)"),)

    def charts(self, run: RunArtifacts) -> Iterator[Chart]:
        """Yield every chart that could be made of the model."""
        for chart in run.document(self).get("charts") or []:
            yield Chart(**chart)

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield what applies to the model, and why the rest does not."""
        statuses = [Status(**one) for one in run.document(self).get("statuses") or []]
        rows = [
            (one.title, one.kind, "no" if one.why_not else "yes", one.why_not or one.where)
            for one in statuses
        ]
        if rows:
            head = ("What", "Kind", "Applies", "Where it stands, or why not")
            yield Table(title="Which plots and metrics apply to this model", head=head, rows=rows)


FAMILY = ReportFamily()


class Report(Analysis):
    """Draw every plot that applies to the model, say why the others do not, and tell the run in words."""

    name = "report"
    family = FAMILY
    description = "Plots of what the model makes of the test split, which of them apply, and REPORT.md."
    kinds = frozenset({"pytorch", "markdown"})
    after = ("latents", "metrics", "reconstructions")
    reads_data = True
    reads_words = True
    version = 2  # 2: what does not apply has no place


def write(folder: ArtifactFolder, charts: Sequence[Chart], statuses: Sequence[Status], text: str) -> None:
    """Write charts with their sheets, what applies, and the run in words."""
    with folder.family(FAMILY.name) as out:
        told = {
            "charts": [one.stored(out) for one in charts],
            "statuses": [asdict(one) for one in statuses],
        }
        out.json(FAMILY.document, told)
        out.bytes(TEXT, text.encode(), volatile=True)  # it tells how long the training took
