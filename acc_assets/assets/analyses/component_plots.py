"""Plots of a mixture's components: who uses them, what each decodes, what class it has, and how far they are apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from acc_assets.assets.analyses.plots import first_of, heat, rounded, sentences
from acc_assets.families import Chart, Evaluated, plot
from acc_assets.families.mixture import NO_RESPONSIBILITIES, most_used
from acc_assets.families.series import snapshot_panel
from acc_assets.families.words import number

EXAMPLES = 8  # images of the channel grid
ERROR = "squared error"  # of a reconstruction, the mean over pixels
SPREAD: dict[str, Callable[[np.ndarray], float]] = {"largest": np.max, "mean": np.mean, "least": np.min}


def no_responsibilities(found: Evaluated) -> str | None:
    """Why a model has no components; None where it has."""
    return None if "component" in found.outputs else NO_RESPONSIBILITIES


def one_component(found: Evaluated) -> str | None:
    """Why no two components can be told apart."""
    return None if found.outputs["component"].shape[1] > 1 else "there is one component alone"


def no_own_image(found: Evaluated) -> str | None:
    """Why components have no reconstructions of their own."""
    if found.component_error is not None:
        return None
    return "all components decode alike: the decoder does not see the component"


def no_error(found: Evaluated) -> str | None:
    """Why nothing is known of reconstructions."""
    return None if "error" in found.outputs else "the model does not reconstruct images"


def no_classes(found: Evaluated) -> str | None:
    """Why test images have no class."""
    return None if found.classes else "the test images have no classes"


def one_snapshot(found: Evaluated) -> str | None:
    """Why nothing can be shown over time."""
    return None if len(found.steps) > 1 else "there is one snapshot alone"


def no_tau(found: Evaluated) -> str | None:
    """Why nothing is known of what a component stands for."""
    return None if _tau(found) is not None else "no task counts labels (TauTask)"


def no_places(found: Evaluated) -> str | None:
    """Why components are nowhere."""
    if _places(found):
        return None
    return "components have neither an embedding (conditioning of the decoder) nor a mean (Gaussian prior of one z)"


@plot("channels", title="Channel grid", applies=first_of(no_responsibilities, no_own_image))
def channels(found: Evaluated) -> Chart:
    """What each component decodes of an image."""
    import torch

    from acc_assets.models import ModelOutput
    from acc_assets.models.abilities import every_output
    from acc_assets.models.layer_calls import device_of, evaluating

    rows, q, errors = found.examples[:EXAMPLES], found.outputs["component"], found.component_error
    assert errors is not None  # that is what applies
    used = q.mean(0)
    shown = sorted(_shown(found), key=lambda at: -used[at])
    pixels = torch.from_numpy(found.images[rows].astype(np.float32) / 255.0)  # (B, C, H, W)
    with evaluating(found.model):
        outputs = every_output(found.model, pixels.to(device_of(found.model)))
        logits = outputs[ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS][:, shown]  # (B, K, C, H, W)
        own = logits.sigmoid().cpu()
        whole = outputs[ModelOutput.RECONSTRUCTION].cpu()
    cells = torch.cat([pixels[:, None], whole[:, None], own], 1).numpy()
    best = (errors.argmin(1) == q.argmax(1)).mean()
    return Chart(
        title="What each component decodes",
        spec={
            "kind": "channels",
            "cell": list(cells.shape[-2:]),
            "components": [_name(at) for at in shown],
            "images": [{"index": int(row), "label": _label(found, int(row))} for row in rows],
            "shares": rounded(q[rows][:, shown]),
            "errors": rounded(errors[rows][:, shown]),
        },
        caption="A row is a test image, its reconstruction, and the image that each component decodes of it, the most "
        "used component first. As opaque as the component's responsibility, which the number is; the buttons show all.",
        told=f"Of {number(100 * best, 1)} % of the test images the likeliest component also decodes with the least "
        f"{ERROR}.",
        sheet="channels.png",
        png=_sheet(np.rint(255 * cells).astype(np.uint8)),
    )


@plot("usage", title="π and usage over time", applies=first_of(no_responsibilities, one_snapshot))
def usage(found: Evaluated) -> Chart:
    """pi and usage of each component at every snapshot."""
    from acc_assets.tasks.mixture_terms import ACTIVE_ABOVE

    shown = _shown(found)
    by_step = [found.at(step) for step in found.steps]
    used = 100 * np.stack(
        [one["component"].astype(np.float64).mean(0)[shown] for one in by_step], 1
    )  # (K, S)
    panels = [{"title": "mean q(c|x)", "unit": "%", "digits": 1, "values": used}]
    if all("component_log_weights" in one for one in by_step):
        pi = 100 * np.exp(np.stack([one["component_log_weights"][shown] for one in by_step], 1))
        panels.append({"title": "π, the prior's p(c)", "unit": "%", "digits": 1, "values": pi})
    last = found.outputs["component"].astype(np.float64).mean(0)
    dead = [_name(int(at)) for at in np.flatnonzero(last <= ACTIVE_ABOVE)]
    return Chart(
        title="π and usage over time",
        spec=heat(
            [_name(at) for at in shown],
            [f"{step:,}" for step in found.steps],
            "component",
            "step",
            panels,
            "last",
        ),
        caption="The share of the test images that each component has at each snapshot, and what the prior gives it.",
        told=f"In the end {_name(int(last.argmax()))} has most, {number(100 * last.max(), 1)} %; "
        + (
            f"{len(dead)} of {len(last)} have at most 1 %, and so are dead: {', '.join(dead)}."
            if dead
            else f"{_name(int(last.argmin()))} has least, {number(100 * last.min(), 1)} %."
        ),
    )


@plot(
    "distances",
    title="Embedding divergence",
    applies=first_of(no_responsibilities, one_component, no_places),
)
def distances(found: Evaluated) -> Chart:
    """Pairwise distances of what tells components apart."""
    shown, names = _shown(found), [_name(at) for at in _shown(found)]
    panels, told = [], []
    for title, places in _places(found).items():
        apart = _apart(places)
        np.fill_diagonal(apart, np.nan)
        panels.append({"title": title, "unit": "", "digits": 2, "values": apart[np.ix_(shown, shown)]})
        pairs = np.triu_indices(len(apart), 1)
        near = int(apart[pairs].argmin())
        told.append(
            f"{title}: nearest to each other are {_name(int(pairs[0][near]))} and {_name(int(pairs[1][near]))}, "
            f"{number(apart[pairs].min(), 2)} apart; the mean is {number(apart[pairs].mean(), 2)}."
        )
    return Chart(
        title="How far components are apart",
        spec=heat(names, names, "component", "component", panels),
        caption="Euclidean distances at the end of training.",
        told=sentences(told),
    )


@plot(
    "divergence",
    title="Embedding divergence over time",
    applies=first_of(no_responsibilities, one_component, no_places, one_snapshot),
)
def divergence(found: Evaluated) -> Chart:
    """The least, mean and largest of these distances at every snapshot."""
    by_title: dict[str, list[np.ndarray]] = {}
    for step in found.steps:
        for title, places in _places(found, step).items():
            by_title.setdefault(title, []).append(_apart(places)[np.triu_indices(len(places), 1)])
    panels = []
    for title, apart in by_title.items():
        lines = {name: rounded([of(one) for one in apart]) for name, of in SPREAD.items()}
        panels.append(snapshot_panel("Distances", title, "", found.seed, found.steps, lines))
    told = "; ".join(
        f"{title}: a mean of {number(apart[0].mean(), 2)} at first and {number(apart[-1].mean(), 2)} in the end"
        for title, apart in by_title.items()
    )
    return Chart(
        title="Divergence of the components over time",
        spec={"kind": "curves", "panels": panels},
        caption="Distances of all pairs of components at every snapshot.",
        told=sentences([f"{told}."]),
    )


@plot("reconstruction", title="Reconstruction by component", applies=first_of(no_responsibilities, no_error))
def reconstruction(found: Evaluated) -> Chart:
    """How well each component reconstructs the images that it has."""
    shares = found.outputs["component"].astype(np.float64)  # (N, K)
    own = found.component_error
    errors = found.outputs["error"][:, None] if own is None else own  # (N, 1 or K)
    weights = shares.sum(0)
    enough = weights >= 1.0  # images; of less than one nothing is known
    means = np.divide((shares * errors).sum(0), weights, out=np.full(len(weights), np.nan), where=enough)
    shown, known = _shown(found), np.flatnonzero(np.isfinite(means))
    worst, best = known[means[known].argmax()], known[means[known].argmin()]
    whose = "its own reconstruction of an image" if own is not None else "the reconstruction of an image"
    return Chart(
        title="Reconstruction by component",
        spec={
            "kind": "rows",
            "label": "component",
            "names": [_name(at) for at in shown],
            "panels": [
                {"title": ERROR, "unit": "", "digits": 4, "values": rounded(means[shown])},
                {"title": "images", "unit": "", "digits": 0, "values": rounded(weights[shown])},
            ],
        },
        caption=f"The {ERROR} of {whose}, the mean over pixels and over the test images, each as much as the "
        "component's responsibility for it; and the sum of these responsibilities. One with a sum below 1 has no "
        "bar.",
        told=f"Largest for {_name(int(worst))}, {number(means[worst], 4)}, and smallest for {_name(int(best))}, "
        f"{number(means[best], 4)}.",
    )


@plot("ownership", title="Ownership", applies=first_of(no_responsibilities, no_classes))
def ownership(found: Evaluated) -> Chart:
    """Which classes the images of each component are of."""
    shown, classes = _shown(found), len(found.classes)
    owner = found.outputs["component"].argmax(1)
    counts = np.zeros((found.outputs["component"].shape[1], classes))
    np.add.at(counts, (owner, found.targets), 1.0)
    of_rows = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1.0)
    of_columns = 100 * counts / np.maximum(counts.sum(0, keepdims=True), 1.0)
    pure = counts.max(1).sum() / counts.sum()
    panels = [
        {"title": "of the component's images", "unit": "%", "digits": 0, "values": of_rows[shown]},
        {"title": "of the class's images", "unit": "%", "digits": 0, "values": of_columns[shown]},
        {"title": "images", "unit": "", "digits": 0, "values": counts[shown]},
    ]
    return Chart(
        title="Ownership",
        spec=heat([_name(at) for at in shown], found.classes, "component", "class", panels, "peak"),
        caption="Test images by their likeliest component and their true class.",
        told=f"{number(100 * pure, 1)} % of the test images are of the class that is most frequent in their component; "
        f"{int((counts.sum(1) == 0).sum())} of {len(counts)} components are nobody's likeliest.",
    )


@plot("tau", title="τ heat map", applies=first_of(no_responsibilities, no_tau))
def tau(found: Evaluated) -> Chart:
    """What class each component stands for."""
    told = _tau(found)
    assert told is not None  # that is what applies
    name, shares, classes = told
    shown, sharp = _shown(found), shares.max(1)
    free = found.heads[name].free().cpu().numpy()
    panels = [{"title": "τ = p(y|c)", "unit": "%", "digits": 0, "values": 100 * shares[shown]}]
    held = len(set(shares.argmax(1)[~free].tolist()))
    return Chart(
        title="What each component stands for (τ)",
        spec=heat([_name(at) for at in shown], classes, "component", "class", panels, "peak"),
        caption=f"As the task {name} has counted it over labelled training images, smoothed. Rows sum to 100 %.",
        told=f"{held} of {len(classes)} classes are the likeliest of a component that is not free; {free.sum()} of "
        f"{len(free)} are free. The largest entry of a row is between {number(100 * sharp.min(), 0)} % "
        f"({_name(int(sharp.argmin()))}) and {number(100 * sharp.max(), 0)} % ({_name(int(sharp.argmax()))}).",
    )


PLOTS = (channels, usage, distances, divergence, reconstruction, ownership, tau)


def _name(component: int) -> str:
    return f"C{component}"


def _shown(found: Evaluated) -> list[int]:
    """The most used components, in their order."""
    return most_used(found.outputs["component"].mean(0).tolist())


def _label(found: Evaluated, row: int) -> str:
    return found.classes[int(found.targets[row])] if found.classes else f"image {row}"


def _tau(found: Evaluated) -> tuple[str, np.ndarray, list[str]] | None:
    """The task that counts labels, its tau (K, Y), and the classes."""
    for name, head in found.heads.items():
        if callable(counted := getattr(head, "tau", None)):
            shares = counted().detach().cpu().double().numpy()
            return name, shares, [str(one) for one in found.classifiers[name].classes]
    return None


def _places(found: Evaluated, step: int | None = None) -> dict[str, np.ndarray]:
    """What tells components apart at a snapshot, the last by default, by what it is called: points (K, D)."""
    places = {}
    if getattr(getattr(found.model, "decoder", None), "embeddings", None) is not None:
        model = found.model if step is None else found.model_at(step)
        places["embeddings of the decoder"] = model.decoder.embeddings.detach().cpu().double().numpy()
    if "component_means" in found.outputs:
        outputs = found.outputs if step is None else found.at(step)
        places["means of the prior's components"] = outputs["component_means"].astype(np.float64)
    return places


def _apart(places: np.ndarray) -> np.ndarray:
    """Euclidean distances (K, K) of points (K, D)."""
    found: np.ndarray = np.sqrt(np.square(places[:, None] - places[None]).sum(2))
    return found


def _sheet(cells: np.ndarray) -> bytes:
    """Images (R, T, C, H, W) as one PNG of R rows without gaps, in 16 levels where they are grey."""
    import io

    from PIL import Image

    rows, columns, channels, height, width = cells.shape
    flat = cells.transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, channels)
    image = Image.fromarray(flat[..., 0] if channels == 1 else flat)
    if channels == 1:
        image = image.quantize(16)
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()
