"""Publishing: a directory for any static host, and a branch of a real git repository."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from laboratory import Site

from acc_assets.report import PublishError, check_links, publish, publish_git
from acc_assets.storage import StorageError


def git(repo: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Reader", "-c", "user.email=reader@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=repo, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def folder(site: Site, tmp_path: Path) -> Path:
    """A copy of the site that a test may change."""
    return Path(shutil.copytree(site.folder, tmp_path / "site"))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit and an uncommitted change."""
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    git(path, "config", "user.name", "Reader")
    git(path, "config", "user.email", "reader@example.org")
    (path / "README.md").write_text("one\n")
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "Begin")
    (path / "README.md").write_text("one, and work that is not committed\n")
    return path


def test_a_published_directory_is_the_whole_site(folder: Path, tmp_path: Path) -> None:
    count = publish(folder, tmp_path / "public")
    source = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    target = {
        p.relative_to(tmp_path / "public"): p.read_bytes()
        for p in (tmp_path / "public").rglob("*")
        if p.is_file()
    }
    assert target.pop(Path(".nojekyll")) == b""
    assert target == source
    assert count == len(source)
    assert not check_links(tmp_path / "public").broken


def test_publishing_again_removes_its_own_old_files_alone(folder: Path, tmp_path: Path) -> None:
    to = tmp_path / "public"
    publish(folder, to)
    (to / "CNAME").write_text("example.org")
    manifest = json.loads((folder / "site.json").read_text())
    gone = "downloads/quickstart/comparison.csv"
    page = folder / "recipes/quickstart/index.html"
    page.write_text(page.read_text().replace("comparison.csv", "metrics.pdf"))
    del manifest["files"][gone]
    (folder / "site.json").write_text(json.dumps(manifest))
    publish(folder, to)
    assert not (to / gone).exists()
    assert (to / "CNAME").exists()


def test_a_site_with_broken_links_is_not_published(folder: Path, tmp_path: Path) -> None:
    (folder / "recipes/quickstart/index.html").unlink()
    with pytest.raises(PublishError, match=r"broken links.*acc site"):
        publish(folder, tmp_path / "public")
    assert not (tmp_path / "public").exists()


def test_there_must_be_a_site(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="Build it first: acc site"):
        publish(tmp_path / "nothing", tmp_path / "public")


def test_a_site_is_not_published_into_itself(folder: Path) -> None:
    with pytest.raises(PublishError, match="inside each other"):
        publish(folder, folder / "public")


def test_git_gets_a_branch_with_the_site_and_keeps_everything_else(
    folder: Path, repo: Path, tmp_path: Path
) -> None:
    before = git(repo, "rev-parse", "main")
    commit = publish_git(folder, repo, message="Publish the report of today")
    assert git(repo, "rev-parse", "gh-pages") == commit
    assert git(repo, "log", "-1", "--format=%s", "gh-pages") == "Publish the report of today"
    assert git(repo, "rev-parse", "main") == before
    assert git(repo, "symbolic-ref", "--short", "HEAD") == "main"
    assert git(repo, "status", "--porcelain") == "M README.md"
    names = git(repo, "ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert "index.html" in names
    assert ".nojekyll" in names
    assert "README.md" not in names
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--branch", "gh-pages", str(repo), str(clone))
    assert not check_links(clone).broken


def test_an_unchanged_site_makes_no_commit_and_a_changed_one_has_history(folder: Path, repo: Path) -> None:
    first = publish_git(folder, repo)
    assert publish_git(folder, repo) == first
    page = folder / "index.html"
    page.write_text(page.read_text() + "<!-- later -->")
    second = publish_git(folder, repo)
    assert git(repo, "rev-parse", f"{second}^") == first


def test_a_branch_that_is_checked_out_is_not_moved(folder: Path, repo: Path) -> None:
    with pytest.raises(PublishError, match="checked out"):
        publish_git(folder, repo, branch="main")


def test_what_is_no_repository_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(PublishError, match="rev-parse failed"):
        publish_git(folder, tmp_path / "plain")


def test_a_branch_needs_a_valid_name(folder: Path, repo: Path) -> None:
    with pytest.raises(PublishError, match="not a valid branch"):
        publish_git(folder, repo, branch="a..b")


def test_a_place_that_cannot_be_written_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("?")
    with pytest.raises(
        StorageError, match=r"cannot write .*file/below.*Not a directory.*then run the same command"
    ):
        publish(folder, tmp_path / "file" / "below")
    (tmp_path / "public" / "index.html").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"public/index\.html.*move away or remove what lies there"):
        publish(folder, tmp_path / "public")
    assert not list((tmp_path / "public").glob(".*.tmp"))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PublishError, match="Choose a directory"):
        publish(folder, tmp_path / "loop")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"files": 3}', '{"files": ["../../etc/passwd"]}', "[" * 100_000]
)
def test_a_site_with_a_strange_list_of_files_is_refused(folder: Path, tmp_path: Path, text: str) -> None:
    (folder / "site.json").write_text(text)
    with pytest.raises(PublishError, match=r"site\.json cannot be read.*acc site"):
        publish(folder, tmp_path / "public")
    assert not (tmp_path / "public").exists()
