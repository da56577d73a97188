"""A recipe's pages of the report site: everything that is stored of it, as static pages."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path

from acc_assets.assets.client import client_bundle, ort_wasm, template_files
from acc_assets.assets.kinds import NOT_READ, AssetKind, Outcome, Verdict
from acc_assets.assets.work import Work, seen
from acc_assets.families import Family
from acc_assets.report import Frame, Part, PublishError, SiteResult, build_recipe, publish, publish_git
from acc_assets.report.writer import MANIFEST
from acc_assets.storage import ArtifactFolder, MadeFrom, Store, copies
from acc_assets.tree import Check

VERSION = 2
CHECKS = (Check("site_links", "Every link and every file that a page names is there.", "ERROR"),)
LOCK_SECONDS = 600
SITE, PAGES = "site", "pages"  # of an object store: the folder, and the family with all files of the site


class SiteFamily(Family):
    """A recipe's part of the pages that all recipes share; its own pages lie in the site's folder."""

    name = "site"
    title = "Site"
    document = "site.json"


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


def frame(store: Store) -> Frame:
    """What every page of the site needs."""
    return Frame(site_folder(store), client_dist=client_bundle(), ort_wasm=ort_wasm())


def site_folder(store: Store) -> Path:
    """Where the site is rendered to, on this machine."""
    return store.root / SITE


def fetched_site(store: Store) -> Path:
    """The folder of the site, as the store has it."""
    folder = site_folder(store)
    if not store.is_local:
        copies.fetch(store.folder(SITE), PAGES, folder)
    return folder


@contextlib.contextmanager
def rendering(store: Store) -> Iterator[None]:
    """Render into the site's folder, one at a time; an object store then has all of it, or what it had before."""
    with store.folder("site_lock").lock(timeout=LOCK_SECONDS):
        folder = fetched_site(store)
        copies.forget(PAGES, folder)
        yield
        if not store.is_local:
            files = json.loads((folder / MANIFEST).read_bytes())["files"]
            copies.put(store.folder(SITE), PAGES, folder, [MANIFEST, *files])


def built_site(store: Store) -> Path:
    """The rendered site; raises `SiteMissing` where there is none."""
    folder = fetched_site(store)
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


def run(work: Work) -> Outcome:
    """Render the pages of a recipe and check their links; what cannot be read is told."""
    with rendering(work.store):
        result, part = build_recipe(seen(work), frame(work.store))
    made_from = work.made_from
    if result.problems:
        told = "; ".join([*filter(None, [made_from.inputs.get(NOT_READ)]), *result.problems])
        made_from = MadeFrom(made_from.code_version, {**made_from.inputs, NOT_READ: told})
    with work.folder.stamped(made_from).family(SiteFamily.name) as out:
        out.json(SiteFamily.document, {"digest": result.digest, **asdict(part)})
    outcome = told_of(result, work.store, "index.html")
    told_too = {
        "missing": len(result.missing),
        "unreadable artifacts": "; ".join(result.problems) or "none",
    }
    return replace(outcome, metadata={**outcome.metadata, **told_too})


def part_of(folder: ArtifactFolder) -> Part:
    """A recipe's part of the pages that all share, as its own site asset left it; raises `StorageError`."""
    facts = folder.read_json(f"{SiteFamily.name}/{SiteFamily.document}")
    return Part(**{one.name: facts[one.name] for one in fields(Part)})


def told_of(result: SiteResult, store: Store, page: str) -> Outcome:
    """What a build of pages has to say."""
    return Outcome(
        metadata={
            "pages": len(result.pages),
            "rendered": len(result.rendered),
            "kept": len(result.pages) - len(result.rendered),
            "size (MB)": round(result.bytes / 1e6, 2),
            "open": str(site_folder(store) / page),
        },
        verdicts={
            "site_links": Verdict(
                passed=not result.broken,
                reason="; ".join(map(str, result.broken[:10])) or f"all {result.links} links lead somewhere",
                numbers={"broken": len(result.broken), "links": result.links},
            )
        },
    )


KIND = AssetKind(
    scope="recipe",
    family=SiteFamily(),
    run=run,
    description="The recipe's pages of the report site: everything that is stored of it, as static pages.",
    kinds=frozenset({"html", "typescript"}),
    checks=CHECKS,
)
