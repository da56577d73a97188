"""The report site: everything that is stored, as static pages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import dagster as dg

from acc_assets.assets.client import client_bundle, ort_wasm, template_files
from acc_assets.assets.kinds import NOT_READ, Check, Outcome, Verdict, digest_of
from acc_assets.report import PublishError, RecipeView, build_site, publish, publish_git
from acc_assets.storage import MadeFrom, RunDirectory, Store

FAMILY = "site"  # of the recipe: which pages there are; the pages lie in the site's own folder
VERSION = 1
CHECKS = (
    Check("site_links", "Every link and every file that a page names is there.", dg.AssetCheckSeverity.ERROR),
)


class SiteMissing(Exception):  # noqa: N818
    """There is no rendered site."""


@cache
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


def built_site(store: Store) -> Path:
    """The rendered site; raises `SiteMissing` where there is none."""
    folder = site_folder(store)
    if not (folder / "index.html").is_file():
        raise SiteMissing(f"there is no site in {folder}. Run: acc build quickstart")
    return folder


def publish_site(
    store: Store,
    *,
    to: str | None = None,
    git: str | None = None,
    branch: str = "gh-pages",
    message: str = "",
) -> str:
    """Write the site to a folder or commit it to a branch; says what became of it. Raises `PublishError`."""
    if (to is None) == (git is None):
        raise PublishError("say where to publish: a folder (to) or a repository (git), one of them.")
    folder = built_site(store)
    if to is not None:
        publish(folder, Path(to))
        return str(Path(to) / "index.html")
    commit = publish_git(folder, Path(str(git)), branch=branch, message=message or "Publish the report")
    return f"{commit} on {branch} of {git}; push it to publish: git -C {git} push origin {branch}"


def run(
    recipe: str, views: Sequence[RecipeView], store: Store, own: RunDirectory, made_from: MadeFrom
) -> Outcome:
    """Render the pages of a recipe and those that all recipes share, and check links; what cannot be read is told."""
    folder = site_folder(store)
    with store.folder("site_lock").lock(timeout=600):
        result = build_site(
            store, views, folder, client_dist=client_bundle(), ort_wasm=ort_wasm(), only=recipe
        )
    if result.problems:
        told = "; ".join([*filter(None, [made_from.inputs.get(NOT_READ)]), *result.problems])
        made_from = MadeFrom(made_from.code_version, {**made_from.inputs, NOT_READ: told})
    with own.stamped(made_from).family(FAMILY) as out:
        out.json("site.json", {"recipe": recipe, "digest": result.digest})
    return Outcome(
        data_version=digest_of(own.manifest(FAMILY)),
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
