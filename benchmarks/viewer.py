"""How many points the latent viewer takes: a built viewer whose points are repeated, opened from disk in Chromium.

Headless Chromium draws by software where the machine has no GPU, so that frames are those of a weak machine.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from acc_assets.report.payloads import script_path
from acc_assets.report.scripts import decode, encode
from acc_assets.storage import Store
from benchmarks.records import Record, record, spread

POINTS = (10_000, 70_000, 300_000, 1_000_000)
FIRST, ALL, PICTURES, FRAME = 1.0, 5.0, 5.0, 60.0  # goals in s, and in ms by software
MANY = 100_000  # points; more have twice as long to come
MAP = "projection-umap-2d"
MOST_PICTURES = 300_000  # of MNIST; no browser takes a sheet of more, and the viewer does not ask for it
NEEDS = re.compile(r'data-needs="([^"]*)"')
FLAGS = ["--no-sandbox", "--allow-file-access-from-files"]
FIRST_DRAWN = "() => window.accViewer && window.accViewer.drawn() > 0"
ALL_DRAWN = "() => window.accViewer.drawn() === window.accViewer.count"
COMPLETE = "() => !window.accViewer.state().isBusy"
FRAMES = """async (count) => {
  const canvas = document.querySelector(".acc-stage canvas");
  const at = canvas.getBoundingClientRect();
  const [x, y] = [at.left + at.width / 2, at.top + at.height / 2];
  const told = [];
  let last = performance.now();
  for (let i = 0; i < count; i++) {
    const turn = { deltaY: i % 8 < 4 ? -40 : 40, clientX: x, clientY: y, bubbles: true, cancelable: true };
    canvas.dispatchEvent(new WheelEvent("wheel", turn));
    await new Promise(requestAnimationFrame);
    told.push([performance.now() - last, window.accViewer.drawn()]);
    last = performance.now();
  }
  return told.slice(5);
}"""


def viewer(rounds: int, threads: int) -> Iterator[Record]:
    """First and all points, all pictures and frames of the newest viewer in the store's site, with ever more points."""
    site = Store().folder("site").local_path()
    pages = sorted(site.glob("recipes/*/latent/*.html"), key=lambda page: page.stat().st_mtime)
    if not pages:
        raise RuntimeError(f"{site} has no latent viewer; build one: acc build supervised_ae")
    for count in POINTS:
        with TemporaryDirectory() as folder:
            page = repeated(site, pages[-1], count, Path(folder))
            first, all_, pictures, frames, drawn = measured(page, rounds)
        name, told = f"viewer, {count:,} points", f"{pages[-1].stem}, its points repeated, opened from disk"
        times = 2 if count > MANY else 1
        first_told = f"{told}; {spread(first)}"
        yield record(f"{name}: first of them", median(first), "s", "<=", times * FIRST, first_told)
        yield record(f"{name}: all of them", median(all_), "s", "<=", ALL, spread(all_))
        if count <= MOST_PICTURES:
            yield record(
                f"{name}: with pictures", median(pictures), "s", "<=", times * PICTURES, spread(pictures)
            )
        slow = f"while zooming; one of ten takes {np.percentile(frames, 90):.0f} ms"
        shown = f"{median(drawn):,.0f} points are drawn in it"
        yield record(f"{name}: a frame", median(frames), "ms", "<=", FRAME, f"{slow}; {shown}")


def repeated(site: Path, page: Path, count: int, out: Path) -> Path:
    """Copy one run's viewer with its points repeated, each copy moved a little; returns the page's copy."""
    text = page.read_text(encoding="utf-8")
    found = NEEDS.search(text)
    assert found is not None
    needs = found[1].split()
    run = next(key for key in needs if key.endswith("/points")).removesuffix("points")
    last = max(int(key.rpartition("-")[2]) for key in needs if key.startswith(f"{run}facts-"))
    shown = ("points", f"facts-{last}", f"neighbors-{last}", MAP, f"{MAP}-earlier")
    kept = [key for key in needs if key.startswith("datasets/") or key.removeprefix(run) in shown]
    if count > MOST_PICTURES:
        kept = [key for key in kept if not key.endswith("-pictures")]
    shutil.copytree(site / "assets", out / "assets")
    facts = json.loads(re.search(r'<script type="application/json">(.*?)</script>', text)[1])  # type: ignore[index]
    (images,) = (key for key in kept if key.startswith("datasets/") and not key.endswith("-pictures"))
    known = decode((site / script_path(images)).read_bytes())[1]
    for key in kept:
        path = out / script_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        script = (site / script_path(key)).read_bytes()
        name, meta, arrays = decode(script)
        path.write_bytes(encode(name, *_more(meta, arrays, known, count), rounded=b'"low":' in script))
    only = {**facts, "runs": facts["runs"][:1]}
    text = text.replace(found[1], " ".join(kept)).replace(
        json.dumps(facts, separators=(",", ":")), json.dumps(only)
    )
    target = out / page.relative_to(site)
    target.parent.mkdir(parents=True)
    target.write_text(text, encoding="utf-8")
    return target


def _more(
    meta: dict[str, Any], arrays: dict[str, np.ndarray], images: dict[str, Any], count: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The arrays of a script with `count` points: rows repeated, the pictures too."""
    known = int(images["n"])
    rows = np.arange(count) % known
    found = {}
    for name, array in arrays.items():
        if name == "atlas":
            found[name] = _atlas(array, images, rows)
            continue
        axes = [axis for axis, size in enumerate(array.shape) if size == known]
        taken = np.take(array, rows, axis=axes[0]) if axes else array
        if name == "coords":
            noise = np.random.default_rng(0).normal(0, 0.01, taken.shape)
            taken = (taken + noise * np.nanstd(taken)).astype(np.float32)
        found[name] = taken
    more = {"n": count, "columns": int(np.ceil(np.sqrt(count)))} if "columns" in meta else {}
    return {**meta, **more}, found


def _atlas(png: np.ndarray, meta: dict[str, Any], rows: np.ndarray) -> np.ndarray:
    """The pictures of the rows, in as many columns as make a square."""
    with Image.open(io.BytesIO(png.tobytes())) as opened:
        pixels = np.asarray(opened)
    height, width, columns = meta["height"], meta["width"], meta["columns"]
    tiles = pixels.reshape(-1, height, columns, width, *pixels.shape[2:]).swapaxes(1, 2)
    tiles = tiles.reshape(-1, height, width, *pixels.shape[2:])[rows]
    across = int(np.ceil(np.sqrt(len(rows))))
    tiles = np.concatenate([tiles, np.zeros((-len(rows) % across, *tiles.shape[1:]), tiles.dtype)])
    sheet = tiles.reshape(-1, across, *tiles.shape[1:]).swapaxes(1, 2)
    sheet = sheet.reshape(-1, across * width, *pixels.shape[2:])
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "png", compress_level=1)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def measured(page: Path, rounds: int) -> tuple[list[float], ...]:
    """Seconds until the first points, all points and all pictures are there, by round; ms of frames, points in each."""
    from playwright.sync_api import sync_playwright

    stages: dict[str, list[float]] = {FIRST_DRAWN: [], ALL_DRAWN: [], COMPLETE: []}
    frames: list[tuple[float, float]] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(rounds):
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            tab.goto(page.as_uri(), wait_until="commit")
            for reached, told in stages.items():
                tab.wait_for_function(reached, timeout=180_000)
                told.append(tab.evaluate("performance.now()") / 1000)
            frames += tab.evaluate(FRAMES, 40)
            tab.close()
        browser.close()
    return (*stages.values(), *(list(values) for values in zip(*frames, strict=True)))
