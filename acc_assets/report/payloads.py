"""The data scripts of the pages that a reader explores, as the families of artifacts offer them."""

from __future__ import annotations

import numpy as np

from acc_assets.families import Artifacts, Payload, RunArtifacts
from acc_assets.families.base import Page
from acc_assets.families.dataset import DatasetFamily
from acc_assets.report import scripts
from acc_assets.report.provenance import of_run
from acc_assets.report.recipe import RecipeView
from acc_assets.report.writer import SiteWriter, digest_of
from acc_assets.storage import StorageError

VERSION = 5  # raise it when a payload changes its shape


def run_key(run: RunArtifacts, what: str) -> str:
    """Return the data key of something of one run."""
    return f"runs/{run.recipe}/{run.node}/seed-{run.seed}/{what}"


def script_path(key: str) -> str:
    """Return where a key's script lies below the site."""
    return f"data/{key}.js"


class Payloads:
    """Writes data scripts of one site build, each only when its source changed."""

    def __init__(self, writer: SiteWriter) -> None:
        self.writer = writer

    def of_run(self, recipe: RecipeView, run: RunArtifacts, page: Page) -> dict[str, str]:
        """Write what the families of a run offer for a page; return the keys by what they hold."""
        shared = recipe.shared(run.seed)
        found: dict[str, str] = {}
        for family in recipe.families(recipe[run.node]):
            for payload in family.payloads(run, shared):
                if payload.page == page:
                    line = of_run(recipe, run, payload.provenance or family.name).to_json()
                    key = self._write(run_key(run, payload.what), payload, run, {"provenance": line})
                    if key is not None:
                        found[payload.what] = key
        return found

    def dataset(self, recipe: RecipeView, run: RunArtifacts, page: Page) -> list[str]:
        """Write targets and pictures of the test images of a run's latents; return the keys, none when not built."""
        if not run.primary_dataset:
            return []
        shared = recipe.shared(run.seed)
        offered = DatasetFamily(run.primary_dataset).of_test_images(shared, page)
        keys = [self._write(f"datasets/{recipe.name}/{one.what}", one, shared, {}) for one in offered]
        return [] if None in keys else [key for key in keys if key is not None]

    def runtime(self, wasm: bytes) -> str:
        """Write the ONNX runtime's WebAssembly."""
        key = "runtime/ort-wasm"
        arrays = {"wasm": np.frombuffer(wasm, np.uint8)}
        self.writer.derive(
            script_path(key), digest_of(VERSION, key, wasm), lambda: scripts.encode(key, {}, arrays)
        )
        return key

    def _write(self, key: str, payload: Payload, of: Artifacts, more: dict[str, object]) -> str | None:
        """Write a key's script; None where an artifact `of` a run is damaged, which is noted there."""
        source = (*payload.source, more)
        known = None if any(part is None for part in source) else digest_of(VERSION, key, *source)

        def make() -> bytes:
            meta, arrays = payload.make()
            return scripts.encode(key, {**meta, **more}, arrays, payload.rounded)

        try:
            self.writer.derive(script_path(key), known, make)
        except StorageError as error:
            of.note(error)
            return None
        return key
