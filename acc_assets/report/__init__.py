"""Artifacts in, a static site out: comparison, pages, data scripts, links, publishing. No torch, no dagster."""

from acc_assets.report.comparison import Comparison, compare
from acc_assets.report.findings import findings
from acc_assets.report.links import BrokenLink, LinkReport, check_links
from acc_assets.report.live import live_node_page, live_runs_page, served
from acc_assets.report.publish import PublishError, publish, publish_git
from acc_assets.report.recipe import AssetView, RecipeView
from acc_assets.report.session import node_page
from acc_assets.report.site import Frame, Part, SiteResult, build_home, build_recipe

__all__ = [
    "AssetView",
    "BrokenLink",
    "Comparison",
    "Frame",
    "LinkReport",
    "Part",
    "PublishError",
    "RecipeView",
    "SiteResult",
    "build_home",
    "build_recipe",
    "check_links",
    "compare",
    "findings",
    "live_node_page",
    "live_runs_page",
    "node_page",
    "publish",
    "publish_git",
    "served",
]
