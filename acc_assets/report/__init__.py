"""Artifacts in, a static site out: comparison, pages, data scripts, links, publishing. No torch, no dagster."""

from acc_assets.report.comparison import Comparison, compare
from acc_assets.report.findings import findings
from acc_assets.report.links import BrokenLink, LinkReport, check_links
from acc_assets.report.publish import PublishError, publish, publish_git
from acc_assets.report.site import SiteResult, build_site
from acc_assets.report.views import AssetView, NodeView, RecipeView

__all__ = [
    "AssetView",
    "BrokenLink",
    "Comparison",
    "LinkReport",
    "NodeView",
    "PublishError",
    "RecipeView",
    "SiteResult",
    "build_site",
    "check_links",
    "compare",
    "findings",
    "publish",
    "publish_git",
]
