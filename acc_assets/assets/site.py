"""The report site: everything that is stored, as static pages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from acc_assets.assets.client import client_bundle, ort_wasm, template_files
from acc_assets.assets.kinds import Check, Outcome, Verdict
from acc_assets.report import RecipeView, build_site
from acc_assets.storage import Store

VERSION = 1
CHECKS = (
    Check("site_links", "Every link and every file that a page names is there.", dg.AssetCheckSeverity.ERROR),
)


def version() -> str:
    """Version of what renders the site: this code, the templates, the styles and the browser code."""
    total = hashlib.sha256()
    for path in template_files():
        total.update(f"{path.name}\n".encode())
        total.update(path.read_bytes())
    return f"{VERSION}.{total.hexdigest()[:8]}"


def site_folder(store: Store) -> Path:
    """Where the site is rendered to."""
    return store.root.absolute() / "site"


def run(views: Sequence[RecipeView], store: Store) -> Outcome:
    """Render the site of all recipes and check its links."""
    folder = site_folder(store)
    with store.folder("site_lock").lock(timeout=600):
        result = build_site(store, views, folder, client_dist=client_bundle(), ort_wasm=ort_wasm())
    return Outcome(
        data_version=_digest(folder),
        metadata={
            "pages": len(result.pages),
            "size (MB)": round(result.bytes / 1e6, 2),
            "missing": len(result.missing),
            "unreadable artifacts": "; ".join(result.problems) or "none",
            "open": str(folder / "index.html"),
        },
        verdicts={
            "site_links": Verdict(
                passed=not result.broken,
                reason="; ".join(map(str, result.broken[:10])) or f"all {result.links} links lead somewhere",
                numbers={"broken": len(result.broken), "links": result.links},
            )
        },
    )


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(folder)}\n".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]
