"""Latents of the test split at every snapshot, with the predictions and errors of that step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from acc_assets.families import dataset, neighbors, projections
from acc_assets.families.base import Coloring, Download, Family, Payload, Script
from acc_assets.families.series import Series
from acc_assets.families.words import CLASSIFIERS
from acc_assets.storage import LEFT_OUT, StorageError
from acc_assets.tree import Analysis

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

Arrays: TypeAlias = dict[str, np.ndarray]

PREDICTED = "pred/"  # before the names of tasks
SCORED = "score/"  # before a task, a slash and a key of `SCORES`, or what a task of somebody else calls it
SCORES = {"uncertainty": "Uncertainty (1 − largest class probability)", "ood": "OOD score"}
SERIES = Series("latents", "latents")


class LatentsFamily(Family):
    """An npz a snapshot: `mu` (N, D), other outputs by name, `error` (N,), `pred/<task>`, `score/<task>/<what>` (N,);
    and what the model can do.

    The document's `outputs` names the arrays that hold one entry an example, `shared` those that belong to the model.
    """

    name = "latents"
    title = "Latents"
    document = "latents.json"
    downloads = (Download(SERIES.name(), "Latents of the test split (npz)"),)

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterable[Payload]:
        """Yield labels, and predictions, errors and factor activations at every snapshot, of every test point.

        Labels, by which the viewer first colours the points, travel alone, and what is of a snapshot behind them.
        """
        snapshots = SERIES.steps(run)
        if not snapshots:
            return
        data = dataset.DatasetFamily(run.primary_dataset)
        facts = data.facts_of(shared)
        meta: dict[str, Any] = {
            "recipe": run.recipe,
            "node": run.node,
            "seed": run.seed,
            "dataset": data.site_name(shared),
            "steps": [int(step) for step in run.document(projections.FAMILY).get("steps") or []],
            "factors": run.groups,
            "latent_dim": run.latent_dim,
            "neighbor_steps": neighbors.SERIES.steps(run),
        }

        @cache
        def whole() -> tuple[list[int], Arrays, Arrays, list[dict[str, Any]]]:
            test = shared.arrays(data.path(dataset.TEST))
            steps, arrays, told = point_arrays(run, test["targets"], dataset.label_name(facts))
            known, named = dataset.ground_truth(test, facts)
            found = colorings(arrays, run.groups, [*named, *told], dataset.label_name(facts))
            brought = brought_arrays(run, offered, steps, len(arrays["activations"][0].T))
            found += [one.described() for one in offered if one.id in brought]
            labels = {name: arrays.pop(name) for name in ("labels",) if name in arrays}
            return steps, {**arrays, **brought}, {**labels, **known}, found

        def points() -> Script:
            steps, _, always, found = whole()
            return {**meta, "fact_steps": steps, "colorings": found}, always

        def of_step(step: int) -> Script:
            steps, by_step, _, _ = whole()
            if step not in steps:  # it knows less than the last one, and no page asks for it
                return {}, {}
            return {}, {name: values[steps.index(step)] for name, values in by_step.items()}

        offered = [one for family in run.families for one in family.colorings(run)]
        source = [run.digest(self.name), shared.digest(data.name), facts, meta]
        source += [part for one in offered for part in (one.described(), one.source)]
        scripts: dict[str, Callable[[], Script]] = {"points": points}
        scripts |= {f"facts-{step}": partial(of_step, step) for step in snapshots}
        for what, make in scripts.items():
            yield Payload(
                what=what,
                page="viewer",
                source=source,
                make=make,
                provenance=projections.FAMILY.name,
                rounded=True,
            )


FAMILY = LatentsFamily()


class Latents(Analysis):
    """Encode the test split by every snapshot."""

    name = "latents"
    family = FAMILY
    version = 5
    description = (
        "Posterior means and other outputs of the test split, predictions and errors, at every snapshot."
    )
    kinds = frozenset({"pytorch", "numpy"})
    reads_data = True


def write(
    folder: ArtifactFolder, facts: Mapping[str, Any], snapshots: Mapping[int, Mapping[str, np.ndarray]]
) -> None:
    """Write what the model can do (`facts`, see `Abilities.to_json`) and the arrays of every snapshot by step."""
    steps = sorted(snapshots)
    with folder.family(FAMILY.name) as out:
        SERIES.write(out, snapshots)
        tasks = sorted(name[len(PREDICTED) :] for name in snapshots[steps[-1]] if name.startswith(PREDICTED))
        out.json(FAMILY.document, {**facts, "steps": steps, "tasks": tasks})


def write_abilities(folder: ArtifactFolder, facts: Mapping[str, Any], why: str) -> None:
    """Write what a model without a flat latent can do, and why there are no latents of it."""
    with folder.family(FAMILY.name) as out:
        out.json(FAMILY.document, dict(facts))
        out.json(LEFT_OUT, {"reason": why})


def facts(folder: ArtifactFolder) -> dict[str, Any]:
    """What `write` was given as facts, with `steps` and `tasks`; raises `StorageError`."""
    found: dict[str, Any] = folder.read_json(FAMILY.path())
    return found


def point_arrays(
    run: RunArtifacts, targets: np.ndarray, label: str
) -> tuple[list[int], dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return the S steps that facts are known of, what the viewer colours the N points by, and further colourings.

    `labels` (N,); `predictions`, `error` and what regressions read (S, N), where the run has them; `activations`
    (S, F, N), the mean of mu over the slice of each factor. A snapshot that knows less than the last one is left out.
    """
    known: dict[int, dict[str, np.ndarray]] = {}
    named: list[dict[str, Any]] = []
    for step in SERIES.steps(run):
        arrays = run.arrays(SERIES.path(step))
        predicted, regressions = regressed(run, arrays, label)
        scores, scoring = scored(arrays)
        known[step] = _facts_of_points(run, arrays, label) | predicted | scores
        named = [*regressions, *scoring]
    last = known[max(known)]
    steps = [step for step, values in known.items() if set(last) <= set(values)]
    stacked = {name: np.stack([known[step][name] for step in steps]) for name in last}
    count = stacked["activations"].shape[-1]
    if len(targets) == count:
        stacked["labels"] = dataset.targets_of(targets.reshape(count, -1)[:, 0])
    return steps, stacked, named


def brought_arrays(
    run: RunArtifacts, offered: Sequence[Coloring], steps: Sequence[int], count: int
) -> dict[str, np.ndarray]:
    """Return the values (S, N) of the colourings of other families; one that cannot be read is noted and left out."""
    found: dict[str, np.ndarray] = {}
    for one in offered:
        try:
            values = np.asarray(one.make(steps), np.float32 if one.classes is None else np.int32)
        except StorageError as error:
            run.note(error)
            continue
        if values.shape == (len(steps), count):
            found[one.id] = values
        else:
            run.note(f"the colouring '{one.id}' has the shape {values.shape}, not ({len(steps)}, {count})")
    return found


def _facts_of_points(
    run: RunArtifacts, latents: Mapping[str, np.ndarray], label: str
) -> dict[str, np.ndarray]:
    mu = latents["mu"].astype(np.float32)
    found: dict[str, np.ndarray] = {}
    predictions = _predictions(run, latents, label)
    if predictions is not None and len(predictions) == len(mu):
        found["predictions"] = dataset.targets_of(predictions)
    if "error" in latents:
        found["error"] = latents["error"].astype(np.float32)
    slices = [mu[:, int(group["start"]) : int(group["stop"])].mean(axis=1) for group in run.groups]
    found["activations"] = np.stack(slices) if slices else np.zeros((0, len(mu)), np.float32)
    return found


def _predictions(run: RunArtifacts, latents: Mapping[str, np.ndarray], label: str) -> np.ndarray | None:
    """Return the predictions (N,) of the label: by the first classification of these images, or of a real label's
    column `label` by the first regression that reads it.
    """
    wanted = ("regression",) if label else CLASSIFIERS
    for name, entry in sorted(run.task_metrics().items()):
        found = latents.get(f"{PREDICTED}{name}")
        if found is None or entry.get("kind") not in wanted:
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
    """Return what regressions of these images predict beside the label: arrays (N,) by id, and colourings."""
    found, named = {}, []
    for task, entry in sorted(run.task_metrics().items()):
        predicted = latents.get(f"{PREDICTED}{task}")
        if predicted is None or entry.get("kind") != "regression":
            continue
        for column, name in enumerate(entry.get("outputs") or []):
            if name != label:
                key = f"predicted:{task}:{name}"
                found[key] = predicted.reshape(len(predicted), -1)[:, column].astype(np.float32)
                named.append({"id": key, "label": f"{name} (predicted by {task})", "kind": "scalar"})
    return found, named


def scored(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return how unsure each task is of the images: arrays (N,) by id, and colourings."""
    found, named = {}, []
    for key in sorted(name for name in arrays if name.startswith(SCORED)):
        _, task, what = key.split("/")
        name = key.replace("/", ":")
        found[name] = arrays[key].astype(np.float32)
        named.append({"id": name, "label": f"{SCORES.get(what, what)}, {task}", "kind": "scalar"})
    return found, named


def colorings(
    arrays: Mapping[str, np.ndarray],
    groups: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]] = (),
    label: str = "",
) -> list[dict[str, Any]]:
    """Return what points can be coloured by: [{id, label, kind: "class" | "scalar"}].

    known: the colourings of `ground_truth`, `regressed` and `scored`; label: the column of a real target that the label
    shows.
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
