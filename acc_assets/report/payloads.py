"""The data scripts behind the viewer and the playground, made from artifacts."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from acc_assets.report import scripts
from acc_assets.report.artifacts import Artifacts, RunArtifacts
from acc_assets.report.provenance import of_run
from acc_assets.report.views import RecipeView
from acc_assets.report.writer import SiteWriter, digest_of
from acc_assets.storage import StorageError

VERSION = 2  # raise it when a payload changes its shape
NEIGHBORS = 15  # of each point that the viewer lists; the graph holds more
MANIFOLD = "interactive/manifold.npz"
MANIFOLD_ATLAS = "interactive/atlas.png"  # where the map is of images that the data set's own atlas lacks
SNAPSHOT = re.compile(r"(?:latents|knn)_step_(\d+)\.npz$")
COORDINATES = re.compile(r"latent_(2|3)d_step_(\d+)_(pca|umap)\.npz$")


def run_key(run: RunArtifacts, what: str) -> str:
    """Return the data key of something of one run."""
    return f"runs/{run.recipe}/{run.node}/seed-{run.seed}/{what}"


def dataset_key(recipe: str, name: str) -> str:
    """Return the data key of a data set as a recipe uses it."""
    return f"datasets/{recipe}/{name}"


def script_path(key: str) -> str:
    """Return where a key's script lies below the site."""
    return f"data/{key}.js"


class Payloads:
    """Writes data scripts of one site build, each only when its source changed."""

    def __init__(self, writer: SiteWriter) -> None:
        self.writer = writer

    def _emit(self, key: str, source: Sequence[Any], make: Any, of: Artifacts | None = None) -> str | None:
        """Write a key's script; None where an artifact `of` a run is damaged, which is noted there."""
        known = None if any(part is None for part in source) else digest_of(VERSION, key, *source)
        try:
            self.writer.derive(script_path(key), known, lambda: scripts.encode(key, *make()))
        except StorageError as error:
            if of is None:
                raise
            of.note(error)
            return None
        return key

    def dataset(self, recipe: str, name: str, shared: Artifacts) -> str | None:
        """Write the picture atlas and the targets of a data set's test split; None when they are not built."""
        family = f"data-{name}"
        atlas = shared.bytes(f"{family}/atlas.png")
        if atlas is None or not shared.exists(f"{family}/test.npz"):
            return None
        facts = shared.json(f"{family}/dataset.json")

        def make() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
            test = shared.arrays(f"{family}/test.npz")
            count, channels, height, width = test["images"].shape
            with Image.open(io.BytesIO(atlas)) as picture:
                columns = picture.width // width
            meta = {
                "name": name,
                "source": str(facts.get("source", "")),
                "n": count,
                "width": width,
                "height": height,
                "channels": channels,
                "classes": class_names(facts),
                "columns": columns,
            }
            return meta, {"atlas": np.frombuffer(atlas, np.uint8), "targets": targets_of(test["targets"])}

        return self._emit(dataset_key(recipe, name), [shared.digest(family), facts], make, shared)

    def points(self, recipe: RecipeView, run: RunArtifacts, shared: Artifacts) -> str | None:
        """Write labels, and predictions, errors and factor activations at every snapshot, of every test point."""
        if not snapshots(run, "latents"):
            return None
        dataset = str(run.config.get("primary_dataset", ""))
        family = f"data-{dataset}"
        facts = shared.json(f"{family}/dataset.json")
        meta: dict[str, Any] = {
            "recipe": run.recipe,
            "node": run.node,
            "seed": run.seed,
            "dataset": dataset,
            "steps": [int(step) for step in run.projections.get("steps") or []],
            "factors": run.groups,
            "latent_dim": run.latent_dim,
            "neighbor_steps": sorted(snapshots(run, "neighbors")),
            "provenance": of_run(recipe, run, "projections").to_json(),
        }

        def make() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
            test = shared.arrays(f"{family}/test.npz")
            steps, arrays, regressions = point_arrays(run, test["targets"], label_name(facts))
            known, named = ground_truth(test, facts)
            found = colorings(arrays, run.groups, [*named, *regressions], label_name(facts))
            return {**meta, "fact_steps": steps, "colorings": found}, {**arrays, **known}

        source = [run.digest("latents"), shared.digest(family), meta]
        return self._emit(run_key(run, "points"), source, make, run)

    def projections(self, run: RunArtifacts) -> list[str]:
        """Write the coordinates of all snapshots, one script a method and dimension; return the keys."""
        found: dict[tuple[str, str], dict[int, str]] = {}
        for name in run.names("projections", suffix=".npz"):
            match = COORDINATES.search(name)
            if match:
                dim, step, method = match.groups()
                found.setdefault((method, dim), {})[int(step)] = name
        keys = []
        for (method, dim), by_step in sorted(found.items()):
            steps = sorted(by_step)

            def make(
                steps: list[int] = steps, by_step: dict[int, str] = by_step
            ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
                stack = [run.arrays(f"projections/{by_step[step]}")["coords"] for step in steps]
                return {"steps": steps}, {"coords": np.stack(stack).astype(np.float32)}

            key = run_key(run, f"projection-{method}-{dim}d")
            keys.append(self._emit(key, [run.digest("projections"), steps], make, run))
        return [key for key in keys if key is not None]

    def neighbors(self, run: RunArtifacts) -> list[str]:
        """Write the nearest neighbours of every point, one script a snapshot; return the keys."""
        keys = []
        for step, name in sorted(snapshots(run, "neighbors").items()):

            def make(name: str = name) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
                graph = run.arrays(f"neighbors/{name}")
                indices = graph["indices"][:, :NEIGHBORS]
                small = np.uint16 if len(indices) <= np.iinfo(np.uint16).max + 1 else np.int32
                return {"k": int(indices.shape[1])}, {
                    "indices": indices.astype(small),
                    "distances": graph["distances"][:, :NEIGHBORS].astype(np.float32),
                }

            keys.append(self._emit(run_key(run, f"neighbors-{step}"), [run.digest("neighbors")], make, run))
        return [key for key in keys if key is not None]

    def manifold(self, run: RunArtifacts) -> str | None:
        """Write the fixed map that new latents are placed on; None when it is not built."""
        if not run.exists(MANIFOLD):
            return None
        meta = run.json("interactive/interactive.json")

        def make() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
            arrays = run.arrays(MANIFOLD)
            kinds = {"reference_labels": np.int32, "indices": np.int32}
            found = {name: value.astype(kinds.get(name, np.float32)) for name, value in arrays.items()}
            pictures = run.bytes(MANIFOLD_ATLAS)
            if pictures is not None:
                found["atlas"] = np.frombuffer(pictures, np.uint8)
            return meta, found

        return self._emit(run_key(run, "manifold"), [run.digest("interactive"), meta], make, run)

    def onnx(self, recipe: RecipeView, run: RunArtifacts, shared: Artifacts) -> str | None:
        """Write encoder and decoder for the browser, with sample images; None when missing or not in parity."""
        if onnx_problem(run) is not None:
            return None
        dataset = str(run.config.get("primary_dataset", ""))
        family = f"data-{dataset}"
        meta: dict[str, Any] = {
            "recipe": run.recipe,
            "node": run.node,
            "seed": run.seed,
            "latent_dim": run.latent_dim,
            "factors": run.groups,
            "ranges": run.onnx.get("ranges"),
            "probes": run.onnx.get("probes") or [],
            "step": run.summary.get("step"),
            "pen_rule": shared.json(f"{family}/dataset.json").get("pen_rule"),
            "provenance": of_run(recipe, run, "onnx").to_json(),
        }

        def make() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
            test = shared.arrays(f"{family}/test.npz")
            images = test["images"]
            chosen = sample_indices(test["targets"])
            labels = [value.item() for value in test["targets"][chosen].reshape(len(chosen), -1)[:, 0]]
            shape = {"image_size": int(images.shape[-1]), "channels": int(images.shape[1])}
            named = [{"index": int(i), "label": label} for i, label in zip(chosen, labels, strict=True)]
            return {**meta, **shape, "samples": named}, {
                "encoder": np.frombuffer(run.bytes("onnx/encoder.onnx") or b"", np.uint8),
                "decoder": np.frombuffer(run.bytes("onnx/decoder.onnx") or b"", np.uint8),
                "samples": images[chosen].astype(np.uint8),
                **run.npz("onnx/probes.npz"),
            }

        if not shared.exists(f"{family}/test.npz"):
            return None
        source = [run.digest("onnx"), shared.digest(family), meta]
        return self._emit(run_key(run, "onnx"), source, make, run)

    def runtime(self, wasm: bytes) -> str:
        """Write the ONNX runtime's WebAssembly."""
        key = "runtime/ort-wasm"
        self._emit(key, [wasm], lambda: ({}, {"wasm": np.frombuffer(wasm, np.uint8)}))
        return key


def onnx_problem(run: RunArtifacts) -> str | None:
    """Say why a run's ONNX models cannot be shown, or None when they can."""
    if (why := run.left_out("onnx") or run.onnx.get("no_decoder")) is not None:
        return str(why)
    if not run.exists("onnx/encoder.onnx") or not run.exists("onnx/decoder.onnx"):
        return "not exported yet"
    parity = run.onnx.get("parity")
    if isinstance(parity, Mapping) and parity.get("passed") is False:
        return "the exported models do not agree with torch (parity check failed)"
    return None


def class_names(facts: Mapping[str, Any]) -> list[str] | None:
    """Return the names of a data set's classes, or None for real-valued targets."""
    names = facts.get("class_names") or facts.get("classes")
    if isinstance(names, Sequence) and not isinstance(names, str):
        return [str(name) for name in names]
    count = facts.get("num_classes")
    return [str(value) for value in range(int(count))] if count else None


def targets_of(targets: np.ndarray) -> np.ndarray:
    """Return targets as int32 classes or float32 values."""
    return targets.astype(np.int32 if np.issubdtype(targets.dtype, np.integer) else np.float32)


def snapshots(run: RunArtifacts, family: str) -> dict[int, str]:
    """Return the file of each training step that a family was written for."""
    found = ((SNAPSHOT.search(name), name) for name in run.names(family, suffix=".npz"))
    return {int(match[1]): name for match, name in found if match}


def point_arrays(
    run: RunArtifacts, targets: np.ndarray, label: str
) -> tuple[list[int], dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return the S steps that facts are known of, what the viewer colours the N points by, and further colourings.

    `labels` (N,); `predictions`, `error` and what regressions read (S, N), where the run has them; `activations`
    (S, F, N), the mean of mu over the slice of each factor. A snapshot that knows less than the last one is left out.
    """
    known: dict[int, dict[str, np.ndarray]] = {}
    named: list[dict[str, Any]] = []
    for step, name in sorted(snapshots(run, "latents").items()):
        latents = run.arrays(f"latents/{name}")
        read, named = regressed(run, latents, label)
        known[step] = facts_of(run, latents, label) | read
    last = known[max(known)]
    steps = [step for step, facts in known.items() if set(last) <= set(facts)]
    arrays = {name: np.stack([known[step][name] for step in steps]) for name in last}
    count = arrays["activations"].shape[-1]
    if len(targets) == count:
        arrays["labels"] = targets_of(targets.reshape(count, -1)[:, 0])
    return steps, arrays, named


def facts_of(run: RunArtifacts, latents: Mapping[str, np.ndarray], label: str) -> dict[str, np.ndarray]:
    """Return what one snapshot says of every point; see `point_arrays`."""
    mu = latents["mu"].astype(np.float32)
    facts: dict[str, np.ndarray] = {}
    predictions = predictions_of(run, latents, label)
    if predictions is not None and len(predictions) == len(mu):
        facts["predictions"] = targets_of(predictions)
    if "error" in latents:
        facts["error"] = latents["error"].astype(np.float32)
    slices = [mu[:, int(group["start"]) : int(group["stop"])].mean(axis=1) for group in run.groups]
    facts["activations"] = np.stack(slices) if slices else np.zeros((0, len(mu)), np.float32)
    return facts


def label_name(facts: Mapping[str, Any]) -> str:
    """Return the name of what a data set's points are labelled by: the first column of a real target, else ""."""
    names = facts.get("target_names") or []
    return str(names[0]) if facts.get("kind_of_target") == "real" and names else ""


def predictions_of(run: RunArtifacts, latents: Mapping[str, np.ndarray], label: str) -> np.ndarray | None:
    """Return the predictions (N,) of the label: by the first classification on the primary data set, or of a real
    label's column `label` by the first regression that reads it.
    """
    dataset = run.config.get("primary_dataset")
    wanted = "regression" if label else "classification"
    for name, entry in sorted(run.task_metrics().items()):
        found = latents.get(f"pred/{name}")
        if found is None or entry.get("kind") != wanted or entry.get("dataset") != dataset:
            continue
        names = entry.get("outputs") or [label]
        if not label:
            return found
        if label in names:
            return found.reshape(len(found), -1)[:, names.index(label)]
    return None


def regressed(
    run: RunArtifacts, latents: Mapping[str, np.ndarray], label: str
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return what regressions on the primary data set predict beside the label: arrays (N,) by id, and colourings."""
    dataset = run.config.get("primary_dataset")
    found, named = {}, []
    for task, entry in sorted(run.task_metrics().items()):
        predicted = latents.get(f"pred/{task}")
        if predicted is None or entry.get("kind") != "regression" or entry.get("dataset") != dataset:
            continue
        for column, name in enumerate(entry.get("outputs") or []):
            if name != label:
                key = f"predicted:{task}:{name}"
                found[key] = predicted.reshape(len(predicted), -1)[:, column].astype(np.float32)
                named.append({"id": key, "label": f"{name} (predicted by {task})", "kind": "scalar"})
    return found, named


def ground_truth(
    test: Mapping[str, np.ndarray], facts: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return what the data set knows of its images beside the label: arrays (N,) by colouring id, and the colourings.

    These are the further columns of a real target, and the named factors; a factor that the label shows is left out.
    """
    targets, classes = test["targets"], facts.get("factors") or {}
    real = facts.get("kind_of_target") == "real"
    names = [str(name) for name in facts.get("target_names") or []] if real else []
    columns = targets.reshape(len(targets), -1)
    found = {name: columns[:, at] for at, name in enumerate(names) if at > 0}
    for key, values in test.items():
        name = key.removeprefix("factor/")
        if name != key and name not in names and not np.array_equal(values, columns[:, 0]):
            found[name] = values
    colorings = []
    for name in found:
        known = classes.get(name)
        coloring = {"id": f"data:{name}", "label": f"{name.replace('_', ' ')} (ground truth)"}
        colorings.append(coloring | ({"kind": "class", "classes": known} if known else {"kind": "scalar"}))
    return {
        f"data:{name}": targets_of(values) if classes.get(name) else values.astype(np.float32)
        for name, values in found.items()
    }, colorings


def colorings(
    arrays: Mapping[str, np.ndarray],
    groups: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]] = (),
    label: str = "",
) -> list[dict[str, Any]]:
    """Return what points can be coloured by: [{id, label, kind: "class" | "scalar"}].

    known: the colourings of `ground_truth` and `regressed`; label: the column of a real target that the label shows.
    """
    choices: list[dict[str, Any]] = []
    truth, predicted = (
        (f"{label} (ground truth)", f"{label} (predicted)") if label else ("Label", "Prediction")
    )
    for name, title in (("label", truth), ("prediction", predicted)):
        if f"{name}s" in arrays:
            kind = "class" if arrays[f"{name}s"].dtype == np.int32 else "scalar"
            choices.append({"id": name, "label": title, "kind": kind})
    choices += [dict(one) for one in known]
    if "error" in arrays:
        choices.append({"id": "error", "label": "Reconstruction error", "kind": "scalar"})
    for group in groups:
        name = str(group["name"])
        choices.append({"id": f"factor:{name}", "label": f"{name} activation", "kind": "scalar"})
    return choices


def sample_indices(targets: np.ndarray, each: int = 3, most: int = 30) -> np.ndarray:
    """Return a few test points to start from: the first `each` of every class, else spread over the target."""
    flat = targets.reshape(len(targets), -1)[:, 0]
    if np.issubdtype(flat.dtype, np.integer):
        chosen = [np.flatnonzero(flat == value)[:each] for value in np.unique(flat)[:most]]
        return np.concatenate(chosen)[:most]
    order = np.argsort(flat, kind="stable")
    return order[np.linspace(0, len(order) - 1, min(most, len(order))).astype(int)]
