"""Pages with one component and data of a test's own, as the report writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from acc_assets.assets.client import client_bundle, ort_wasm
from acc_assets.places import TEMPLATES
from acc_assets.report.render import stylesheet
from acc_assets.report.scripts import encode


def write_data(site: Path, key: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write the data script of a key."""
    path = site / "data" / f"{key}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(key, dict(meta), dict(arrays)))


def write_page(site: Path, component: str, parameters: Mapping[str, Any]) -> Path:
    """Write a page that holds one component, and the ONNX runtime."""
    wasm = np.frombuffer(ort_wasm().read_bytes(), np.uint8)
    write_data(site, "runtime/ort-wasm", {}, {"wasm": wasm})
    (site / "acc.js").write_bytes((client_bundle() / "acc.js").read_bytes())
    (site / "acc.css").write_text(stylesheet(TEMPLATES))
    page = site / f"{component}.html"
    page.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="acc.css"></head><body class="explore"><main>'
        f'<div data-acc="{component}"><script type="application/json">{json.dumps(parameters)}</script></div>'
        '</main><script src="acc.js"></script></body></html>'
    )
    return page
