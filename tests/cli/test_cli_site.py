"""What the command line makes of a built store: a site that is served or published, and figures."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from built_tiny import built, built_storage, environment
from command_line import ACC, acc

__all__ = ["built", "built_storage"]


@pytest.mark.parametrize("command", [["site"], ["serve"], ["publish", "--to", "out"]])
def test_without_a_site_the_remedy_is_named(tmp_path: Path, command: list[str]) -> None:
    with environment(tmp_path / "storage"):
        result = acc(*command)
    assert result.exit_code == 1
    assert "acc build" in result.output


def test_serve_answers_on_the_loopback_address_alone(built: Path) -> None:
    process = subprocess.Popen(
        [ACC, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy
        with direct.open(address, timeout=60) as response:
            assert b"Experiments" in response.read()
        listening = f"{int(address.rstrip('/').rsplit(':', 1)[1]):04X}"
        sockets = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        assert {one.split(":")[0] for one in sockets if one.endswith(f":{listening}")} == {"0100007F"}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_figures_for_print_are_drawn_into_a_folder(built: Path, tmp_path: Path) -> None:
    done = acc("figures", "tiny", "--format", "svg", "--to", str(tmp_path / "print"))
    paths = [Path(line) for line in done.output.splitlines()]
    assert [path.name for path in paths] == [
        f"tiny-{name}.svg" for name in ("metrics", "curves", "traversals", "latent-map")
    ]
    assert all(path.read_text().startswith("<?xml") for path in paths)


def test_without_artifacts_there_is_nothing_to_draw(storage: Path) -> None:
    done = acc("figures", "quickstart")
    assert done.exit_code == 1
    assert "nothing of quickstart is built yet. Run: acc build quickstart" in done.output


def test_publish_writes_a_folder_and_a_branch(built: Path, tmp_path: Path) -> None:
    result = acc("publish", "--to", str(tmp_path / "public"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "public" / "index.html").read_bytes() == (built / "site" / "index.html").read_bytes()
    assert (tmp_path / "public" / ".nojekyll").exists()

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "-q", "-b", "main", ".")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    git("commit", "-q", "--allow-empty", "-m", "start")
    result = acc("publish", "--git", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "push origin gh-pages" in result.output
    assert "index.html" in git("ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert git("rev-parse", "--abbrev-ref", "HEAD").strip() == "main"
    first = git("rev-parse", "gh-pages")
    assert acc("publish", "--git", str(tmp_path)).exit_code == 0
    assert git("rev-parse", "gh-pages") == first
