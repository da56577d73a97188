"""Numbers that are null, not finite or no numbers at all: pages say less, and none of them falls."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from laboratory import A, B, build_site, view_of

from acc_assets.report import Frame, compare
from acc_assets.report.table import from_parquet, to_parquet
from acc_assets.storage import Store

FILES = ("metrics/metrics.json", "manifold/manifold.json", "summary.json", "traversals/traversals.json")
MANIFOLD = {
    "k": 5, "points": 240, "parameters": {"total": 1234}, "headline": "few",
    "label_sets": {"few": {"size": 100, "accuracy": 0.8, "score": 61.5},
                   "all": {"size": 1200, "accuracy": 0.9, "score": 64.0}},
    "metrics": {"trustworthiness": 0.97, "neighbor_agreement": 0.9, "silhouette": 0.1, "davies_bouldin": 1.7,
                "calinski_harabasz": 40.0, "fisher_ratio": 0.8},
    "draws": {"mean": 0.79, "sd": 0.01, "draws": 20, "size": 100},
}  # fmt: skip


def change(value: Any, with_number: Callable[[float], Any]) -> Any:
    """The same document with every number replaced."""
    if isinstance(value, dict):
        return {key: change(item, with_number) for key, item in value.items()}
    if isinstance(value, list):
        return [change(item, with_number) for item in value]
    return with_number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def overwrite(store: Store, node: str, seed: int, file: str, document: Any) -> None:
    """Put a document where an asset would have written it, as any JSON writer would."""
    run = store.run("quickstart", node, seed)
    text = json.dumps(document).encode()
    if "/" not in file:
        run.local_path(file).write_bytes(text)
        return
    family, name = file.split("/")
    with run.family(family, keep=(run.local_path(family)).exists()) as out:
        out.bytes(name, text)


@pytest.fixture(scope="module")
def sound(lab: Store, drawn: Path, frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store and its site: the laboratory with a manifold analysis of every run and of its raw pixels."""
    folder = tmp_path_factory.mktemp("sound")
    store = Store(shutil.copytree(lab.root, folder / "store"))
    for node in (A, B):
        for seed in (0, 1):
            overwrite(store, node, seed, "manifold/manifold.json", {**MANIFOLD, "pixels": MANIFOLD})
    build_site(frame, shutil.copytree(drawn, folder / "site"), view_of(store, judged=True))
    return folder


@pytest.fixture
def judged(sound: Path, tmp_path: Path) -> Store:
    """The same in a folder of the test's own; figures that do not change are not drawn again."""
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    return Store(tmp_path / "store")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, 1e308, "many"], ids=str)
def test_no_number_takes_comparison_or_site_down(
    judged: Store, tmp_path: Path, frame: Frame, file: str, value: Any
) -> None:
    for node, seed in ((A, 0), (B, 1)):
        stored = judged.run("quickstart", node, seed).read_json(file)
        overwrite(judged, node, seed, file, change(stored, lambda number: value))
    found = compare(view_of(judged, judged=True))
    assert len(from_parquet(to_parquet(found.table))) == len(found.table)
    found.to_csv()
    assert not build_site(frame, tmp_path / "site", view_of(judged, judged=True)).broken

    def refuse(name: str) -> None:
        pytest.fail(f"{name} in a page's JSON")

    for path in (tmp_path / "site").rglob("*.html"):
        text = path.read_text()
        for part in text.split('<script type="application/json">')[1:]:
            json.loads(part.split("</script>")[0], parse_constant=refuse)


def test_a_score_that_is_null_leaves_its_cell_empty_and_the_others_stand(judged: Store) -> None:
    broken = {**MANIFOLD, "label_sets": {"few": {"size": 100, "accuracy": 1.0, "score": None}}}
    overwrite(judged, B, 1, "manifold/manifold.json", {**broken, "pixels": None})
    found = compare(view_of(judged, judged=True))
    assert set(found.cells[B]["manifold.score"].values) == {0}
    assert set(found.cells[B]["knn.accuracy"].values) == {0, 1}
