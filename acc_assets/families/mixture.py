"""How a model with a mixture uses its components, at every snapshot, whatever the latents are drawn on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from acc_assets.families import latents
from acc_assets.families.base import (
    Chart,
    Coloring,
    Download,
    Family,
    Number,
    Payload,
    Picture,
    Script,
)
from acc_assets.families.scatter import PANEL_INK, point_colors, reduced_png
from acc_assets.families.series import Series, snapshot_panel
from acc_assets.families.words import is_number, number
from acc_assets.tree import LATENT, Analysis, TreeNode

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

COMPONENT = "component"  # the responsibilities (N, K) among the latents' arrays
READ_BY_TASKS = frozenset({COMPONENT, "component_logits"})  # outputs that only a mixture has
NO_RESPONSIBILITIES = "the model returns no responsibilities under ModelOutput.COMPONENT"
SERIES = Series("mixture", "mixture_health", ending=".json")
COLORED = 32  # components whose responsibilities the viewer offers, the most used ones
PICTURE_VERSION = 2
CELL, FONT, LEFT, TOP, BETWEEN, BOTTOM = 26, 12, 34, 52, 48, 24  # pixels
SHOWN = 12  # snapshots in the picture, spread evenly, the first and the last among them


class MixtureFamily(Family):
    """A JSON a snapshot: `p` (K,), the mean of q(c|x) over the test images, and how even it is (see `component_usage`).

    `psum`, `entropy` (nats), `neff` = exp entropy, `pmax` and its component `top`; `argmax_counts` (K,) and
    `argmax_neff` by each image's likeliest component. `sample_key` names the images, `sample_indices_ref` the file
    whose row i is test image i; `subset_n` counts them.
    """

    name = "mixture"
    title = "Mixture health"
    document = SERIES.name()
    rank = 5
    downloads = (Download(SERIES.name(), "Use of the mixture's components (JSON)"),)

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield effective components and the largest weight, where no task has measured them."""
        found = run.document(self)
        measured = {metric for entry in run.task_metrics().values() for metric in entry.get("metrics") or {}}
        for metric, field in (("qc_neff", "neff"), ("qc_argmax_neff", "argmax_neff"), ("qc_pmax", "pmax")):
            if is_number(found.get(field)) and metric not in measured:
                yield Number(task="mixture", metric=metric, value=float(found[field]))

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the weights by snapshot, softly and by the likeliest component."""
        history = _history(run)
        if not history:
            return
        chosen = [
            history[at] for at in np.unique(np.linspace(0, len(history) - 1, SHOWN).round().astype(int))
        ]
        last = history[-1]
        yield Picture(
            name="mixture-health",
            title=self.title,
            general="Which share of the test images each component (a row) has at each snapshot (a column): left by "
            "the mean of q(c|x), right by each image's likeliest component. Above stands the effective number of "
            "components, the exponential of the entropy of the column. Full colour is the largest share of a panel. "
            f"Of more than {COLORED} components these are the most used in the end.",
            alt=f"{last['components']} components by {len(chosen)} snapshots. In the end {_effective(last)}.",
            draw=lambda theme: _drawn(chosen, theme),
            source=(PICTURE_VERSION, run.digest(self.name), len(chosen)),
            size=_size(chosen),
        )

    def charts(self, run: RunArtifacts) -> Iterator[Chart]:
        """Yield how many components are used over the training."""
        history = _history(run)
        if len(history) > 1:
            yield Chart(
                title="Use of the components",
                spec={"kind": "curves", "panels": _panels(run, history)},
                caption="Over the test images at every snapshot. The effective number of components is the exponential "
                f"of the entropy of their weights: at most {history[-1]['components']}, 1 when one has everything.",
            )

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield the weights at all snapshots that can be read."""
        history = _history(run)
        if not history:
            return

        def make() -> Script:
            meta = {"steps": [one["step"] for one in history], "components": history[-1]["components"]}
            named = {
                name: [one[name] for one in history] for name in ("neff", "argmax_neff", "entropy", "pmax")
            }
            return meta, {
                "p": np.array([one["p"] for one in history], np.float32),
                "argmax_counts": np.array([one["argmax_counts"] for one in history], np.int32),
                **{name: np.array(values, np.float32) for name, values in named.items()},
            }

        yield Payload(what=self.name, page="viewer", source=[run.digest(self.name)], make=make)

    def colorings(self, run: RunArtifacts) -> Iterator[Coloring]:
        """Yield each point's likeliest component, the entropy of its q(c|x), and the responsibility of each component.

        Responsibilities are rounded to the 255 steps that colours have, which makes them small.
        """
        found = run.document(self)
        source = [run.digest(latents.FAMILY.name), run.digest(self.name)]

        @cache
        def shares(step: int) -> np.ndarray:  # (N, K), which all of them read
            return run.arrays(latents.SERIES.path(step))[COMPONENT]

        def offered(what: str, label: str, value: Any, **words: Any) -> Coloring:
            def make(steps: Sequence[int]) -> np.ndarray:
                return np.stack([value(shares(step)) for step in steps])

            return Coloring(id=f"{self.name}:{what}", label=label, source=source, make=make, **words)

        if weights := found.get("p"):
            names = [f"C{component}" for component in range(len(weights))]
            yield offered("component", "Component", lambda q: q.argmax(axis=1), classes=names)
            yield offered("entropy", "Entropy of q(c|x) (nats)", _entropy)
            for component in most_used(weights):
                yield offered(
                    f"q{component}",
                    f"Responsibility of component {component}",
                    lambda q, component=component: np.rint(255 * q[:, component]) / 255,
                    group="Responsibility",
                )

    def facts(self, run: RunArtifacts) -> Iterator[tuple[str, str]]:
        """Yield how many components are in use."""
        if run.document(self):
            yield "Components in use", _effective(run.document(self))


FAMILY = MixtureFamily()


class Mixture(Analysis):
    """Measure how the test images use the components of a mixture, at every snapshot."""

    name = "mixture"
    family = FAMILY
    description = "How the test images use the components of the mixture, at every snapshot."
    kinds = frozenset({"numpy"})
    needs = (LATENT,)
    after = ("latents",)
    reads_model = False

    def applies(self, node: TreeNode) -> bool:
        """Whether a task of the node reads responsibilities."""
        return not all(READ_BY_TASKS.isdisjoint(task.needs()) for task in node.tasks)


def write(folder: ArtifactFolder, by_step: Mapping[int, Mapping[str, Any]]) -> None:
    """Write what is known of each snapshot by step."""
    with folder.family(FAMILY.name) as out:
        SERIES.write(out, {step: {"step": step, **found} for step, found in by_step.items()})


def _history(run: RunArtifacts) -> list[dict[str, Any]]:
    """What every snapshot has, in order; one that cannot be read is noted and left out."""
    found = [run.json(SERIES.path(step)) for step in SERIES.steps(run)]
    return [one for one in found if one]


def most_used(weights: Sequence[float]) -> list[int]:
    """The `COLORED` components with the largest weights, in their order."""
    used: list[int] = sorted(np.argsort(weights, kind="stable")[::-1][:COLORED].tolist())
    return used


def _effective(found: Mapping[str, Any]) -> str:
    return f"{number(found.get('neff'), 2)} of {found.get('components')} are in effect"


def _entropy(q: np.ndarray) -> np.ndarray:
    """Entropy (N,) of responsibilities (N, K), nats."""
    logs = np.log(q, out=np.zeros(q.shape), where=q > 0)
    values: np.ndarray = -(q * logs).sum(axis=1)
    return values


def _panels(run: RunArtifacts, history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Curves of the numbers of each snapshot, as the browser draws them."""
    x = [one["step"] for one in history]
    panels = (
        ("Effective components", "", (("by mean q(c|x)", "neff"), ("by likeliest component", "argmax_neff"))),
        ("Largest weight", "%", (("by mean q(c|x)", "pmax"),)),
        ("Entropy of the weights", "nats", (("by mean q(c|x)", "entropy"),)),
    )
    found = []
    for title, unit, named in panels:
        lines = {name: [one[field] for one in history] for name, field in named}
        found.append(snapshot_panel("Mixture", title, unit, run.seed, x, lines))
    return found


def _size(history: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Width and height of the picture, pixels."""
    components = min(COLORED, int(history[-1]["components"]))
    return LEFT + 2 * len(history) * CELL + BETWEEN, TOP + components * CELL + BOTTOM


def _drawn(history: Sequence[Mapping[str, Any]], theme: str) -> bytes:
    """Two panels of cells: a row a component, a column a snapshot, and the effective number above each column.

    Rows are the most used components of the last snapshot.
    """
    used = most_used(history[-1]["p"])
    ink, (color,) = PANEL_INK[theme], point_colors(None, 1, theme)
    font = ImageFont.load_default(size=FONT)
    canvas = Image.new("RGBA", _size(history))
    draw = ImageDraw.Draw(canvas)
    panels = (("Mean of q(c|x)", "p", "neff"), ("Likeliest component", "argmax_counts", "argmax_neff"))
    for place, (title, field, effective) in enumerate(panels):
        left = LEFT + place * (len(history) * CELL + BETWEEN)
        counts = np.array([one[field] for one in history], np.float64)  # (S, K)
        shares = (counts / counts.sum(axis=1, keepdims=True))[:, used]
        alpha = np.rint(255 * shares / shares.max()).astype(int)
        draw.text((left, 4), title, ink, font)
        for column, one in enumerate(history):
            x = left + column * CELL
            draw.text((x + CELL / 2, TOP - 6), number(one[effective], 1), ink, font, anchor="ms")
            for row, value in enumerate(alpha[column]):
                box = (x + 1, TOP + row * CELL + 1, x + CELL - 2, TOP + (row + 1) * CELL - 2)
                draw.rectangle(box, (*color.tolist(), int(value)), (*ink[:3], 60))
        bottom = TOP + alpha.shape[1] * CELL + 4
        draw.text((left, bottom), f"step {history[0]['step']}", ink, font)
        draw.text((left + len(history) * CELL, bottom), str(history[-1]["step"]), ink, font, anchor="ra")
        for row, component in enumerate(used):
            draw.text((left - 6, TOP + (row + 0.5) * CELL), str(component), ink, font, anchor="rm")
    return reduced_png(canvas)
