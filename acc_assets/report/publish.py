"""Handing a site on: to a directory that any static host takes, or to a branch of a git repository."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from acc_assets.report.links import check_links
from acc_assets.report.writer import MANIFEST, inside, real, replace_file
from acc_assets.storage import explained


class PublishError(RuntimeError):
    """A site cannot be published; the message says why and what to do."""


def publish(site: Path, to: Path) -> int:
    """Copy a site into a directory and return the number of files.

    Files that an earlier publication put there and this site lacks are removed; other files are left alone. A file
    `.nojekyll` lets hosts that would rewrite the folder serve it as it is.

    Raises:
        PublishError: there is no site, it has broken links, or `to` lies inside it (or the other way round).
        StorageError: `to` cannot be written.
    """
    files = _checked(site)
    source, target = real(site), real(to)
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise PublishError(f"{to} and the site {site} lie inside each other. Choose another directory.")
    if os.path.lexists(to) and not to.is_dir():
        raise PublishError(f"{to} is a file. Choose a directory.")
    before = _files_of(to) if (to / MANIFEST).is_file() else []
    for name in [*files, MANIFEST]:
        replace_file(to / name, (site / name).read_bytes())
    replace_file(to / ".nojekyll", b"")
    for name in set(before) - set(files):
        with explained("remove", to / name):
            (to / name).unlink(missing_ok=True)
    return len(files) + 1


def publish_git(site: Path, repo: Path, branch: str = "gh-pages", message: str = "Publish the report") -> str:
    """Commit a site as the whole content of a branch of a local repository; return the commit's hash.

    The repository's work tree, index and other branches are not touched, and nothing is pushed. Earlier commits of
    the branch stay its history; an unchanged site makes no new commit.

    Raises:
        PublishError: no site, broken links, no repository, the branch is checked out there, or git fails.
    """
    _checked(site)
    top = _git(repo, "rev-parse", "--absolute-git-dir").strip()
    reference = f"refs/heads/{branch}"
    if subprocess.run(["git", "check-ref-format", reference], capture_output=True).returncode:
        raise PublishError(f"'{branch}' is not a valid branch name.")
    for line in _git(repo, "worktree", "list", "--porcelain").splitlines():
        if line == f"branch {reference}":
            raise PublishError(f"'{branch}' is checked out in {repo}. Switch to another branch there first.")
    with tempfile.TemporaryDirectory(prefix="acc-publish-") as folder:
        copy = Path(folder) / "site"
        publish(site, copy)
        own = {"GIT_INDEX_FILE": str(Path(folder) / "index"), "GIT_DIR": top, "GIT_WORK_TREE": str(copy)}
        _git(copy, "add", "--all", "--force", ".", environment=own)
        tree = _git(copy, "write-tree", environment=own).strip()
    parent = _git(repo, "rev-parse", "--verify", "--quiet", reference, check=False).strip()
    if parent and _git(repo, "rev-parse", f"{parent}^{{tree}}").strip() == tree:
        return parent
    parents = ["-p", parent] if parent else []
    commit = _git(repo, "commit-tree", tree, *parents, "-m", message).strip()
    _git(repo, "update-ref", "-m", "acc publish", reference, commit, parent or "0" * 40)
    return commit


def _checked(site: Path) -> list[str]:
    if not (site / MANIFEST).is_file() or not (site / "index.html").is_file():
        raise PublishError(f"there is no site at {site}. Build it first: acc site")
    report = check_links(site)
    if report.broken:
        shown = "; ".join(map(str, report.broken[:5]))
        raise PublishError(
            f"the site at {site} has {len(report.broken)} broken links: {shown}. Rebuild it: acc site"
        )
    return _files_of(site)


def _files_of(folder: Path) -> list[str]:
    try:
        files = sorted(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])
        outside = [name for name in files if not inside(folder / name, folder)]
        if outside:
            raise ValueError(f"'{outside[0]}' lies outside the site")
        return files
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise PublishError(
            f"{folder / MANIFEST} cannot be read ({error}). Rebuild the site: acc site"
        ) from error


def _git(folder: Path, *arguments: str, check: bool = True, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PublishError(
            f"git cannot run in {folder}: {error}. Is it a repository, and is git installed?"
        ) from error
    if check and done.returncode:
        raise PublishError(f"git {arguments[0]} failed in {folder}: {done.stderr.strip()}")
    return done.stdout
