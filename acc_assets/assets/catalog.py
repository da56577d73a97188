"""What the catalog says of an asset before it is built: where its recipe stands, and its page."""

from __future__ import annotations

import os
from typing import Any

import dagster as dg

from acc_assets.assets.plans import AssetPlan
from acc_assets.tree import Tree

SITE_URL_VARIABLE = "ACC_SITE_URL"  # where the site is served; `acc ui` sets it, and serves it there
SITE_PORT = 8000  # also of `acc serve`


def metadata_of(tree: Tree | None, plan: AssetPlan) -> dict[str, Any]:
    """Where the recipe's code and the site's page of an asset are; for a checkpoint also its spec."""
    node = plan.node
    found: dict[str, Any] = {"page": dg.MetadataValue.url(page_url(plan))}
    if tree is not None and os.path.isabs(tree.source):
        reference = dg.LocalFileCodeReference(
            file_path=tree.source, line_number=(node.line if node is not None else None) or 1
        )
        found["dagster/code_references"] = dg.CodeReferencesMetadataValue(code_references=[reference])
    if node is not None and plan.request is None:
        found |= {"spec": dg.MetadataValue.json(node.spec), "spec_hash": node.spec_hash}
    return found


def page_url(plan: AssetPlan) -> str:
    """The page of the site that shows an asset."""
    base = os.environ.get(SITE_URL_VARIABLE) or f"http://127.0.0.1:{SITE_PORT}"
    if plan.node is not None:
        return f"{base}/recipes/{plan.recipe}/nodes/{plan.node.tag}.html"
    if plan.dataset is not None:
        return f"{base}/datasets.html"
    if plan.scope == "project":
        return f"{base}/index.html"
    return f"{base}/recipes/{plan.recipe}/index.html"
