"""Puts the templates and the ready browser code into a wheel, so that an installed package needs no Node.js."""

import subprocess
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKED = (
    "site_templates/pages",
    "site_templates/styles",
    "site_templates/client/dist/acc.js",
    "site_templates/client/dist/ort-wasm-simd-threaded.wasm",
)


class PackTemplates(BuildHookInterface):
    """An editable install is left alone: there the client is bundled at its first use and after every change."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bundle the client and name the files that lie beside the package and belong into the wheel."""
        if version != "editable":
            subprocess.run([sys.executable, "-m", "acc_assets.assets.client"], cwd=self.root, check=True)
            build_data["force_include"] |= {path: f"acc_assets/{path}" for path in PACKED}
