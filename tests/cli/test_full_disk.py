"""A disk that becomes full in the middle of a build: one sentence, nothing stored is lost, and it goes on with room."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acc_assets.storage import Store

pytestmark = pytest.mark.slow

ACC = Path(sys.executable).with_name("acc")
RECIPE = """
from acc_assets.datasets import Digits
from acc_assets.models import FullyConnectedAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Roomy(Recipe):
    name = "roomy"
    seeds = (0,)

    def run(self, ctx: RecipeContext, steps: int = 4) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(FullyConnectedAutoencoder, image_size=16, latent_dim=3)
        ctx.fork(ctx.save_checkpoint("root"), "plain")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=steps, snapshot_every=2)
        ctx.save_checkpoint("plain_trained")
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB that a test may fill; the system's own parts lie elsewhere."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mounting a small tmpfs needs rights that this user lacks")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_build_on_a_full_disk_says_so_and_goes_on_when_there_is_room(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "roomy.py").write_text(RECIPE)
    own = {
        "ACC_STORAGE": str(disk / "storage"),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "ACC_RECIPES": str(tmp_path / "recipes"),
    }

    def build() -> subprocess.CompletedProcess[str]:
        command = [ACC, "build", "roomy"]
        return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=300)

    full = build()
    said = " ".join((full.stdout + full.stderr).split())
    assert full.returncode == 1
    assert re.search(rf"cannot [a-z ]+ {disk}/storage/", said)
    assert re.search(r"No space left on device \(\d\.\d of 2\.1 MB are free\)", said)
    assert "What was stored before is unchanged; free some space there" in said
    assert "Traceback" not in said
    assert "OSError" not in said
    run = Store(disk / "storage").run("roomy", "root", 0)
    assert run.families() == ["checkpoints"]
    assert run.verify() == []
    root = run.read_bytes("checkpoints/latest.pt")

    subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
    roomy = build()
    assert roomy.returncode == 0, roomy.stdout + roomy.stderr
    assert run.read_bytes("checkpoints/latest.pt") == root
    assert (disk / "storage" / "site" / "index.html").is_file()
    left = [
        path for path in (disk / "storage" / "runs").rglob(".*") if path.name.startswith((".tmp", ".objects"))
    ]
    assert left == []
