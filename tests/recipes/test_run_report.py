"""What a run tells of itself: its plots, which of them apply and why the others do not, and `REPORT.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_mixture_recipes import built

from acc_assets.assets.analyses import class_plots, component_plots, kind_of, report
from acc_assets.assets.evaluated import evaluated
from acc_assets.assets.launched import Project
from acc_assets.assets.plans import plans
from acc_assets.assets.work import NodeWork
from acc_assets.families import RunArtifacts, metrics
from acc_assets.families.metrics import BY_CLASS
from acc_assets.families.providers import Classified, Provided, metric
from acc_assets.families.report import FAMILY
from acc_assets.recipes.rcm_vae import RCMVAE
from acc_assets.report.run_text import on_site
from acc_assets.report.vocabulary import show
from acc_assets.storage import MadeFrom, Store
from acc_assets.tasks.calibration import reliability, wilson
from acc_assets.training.progress import NoProgress
from acc_assets.tree import Recipe, trace

K = 5
BRANCHES = ("conditioned", "head")  # components that decode for themselves, and components without tau


def works(recipe: Recipe, root: Path, tag: str, **parameters: Any) -> dict[str, NodeWork]:
    """The analyses of a node at seed 0 as work, by name, upstream first."""
    tree, loaded = trace(recipe, data="digits", **parameters), {}
    return {
        plan.request.name: NodeWork(
            project=Project({}), tree=tree, plan=plan, seed=0, store=Store(root), device="cpu", threads=1,
            progress=NoProgress(), made_from=MadeFrom(plan.code_version, {"latents": "abc"}), node=plan.node,
            loaded=loaded,
        )
        for plan in plans(tree)
        if plan.node is not None and plan.node.tag == tag and plan.request is not None
    }  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, NodeWork]:
    """Work on the report of each branch, after the analyses that it reads."""
    root, options = tmp_path_factory.mktemp("reports"), {"steps": 2, "components": K}
    built(RCMVAE(), BRANCHES, root, **options)
    found = {}
    for branch in BRANCHES:
        every = works(RCMVAE(), root, f"{branch}_trained", **options)
        for name in ("latents", "metrics", "reconstructions", "report"):
            every[name].plan.kind.run(every[name])
        found[branch] = every["report"]
    return found


def artifacts(work: NodeWork) -> RunArtifacts:
    return RunArtifacts(work.run, "rcm_vae", work.node.tag, 0, families=(metrics.FAMILY, FAMILY))


def test_what_applies_is_drawn_and_what_does_not_says_why(told: Mapping[str, NodeWork]) -> None:
    by_branch = {name: work.run.read_json("report/report.json") for name, work in told.items()}
    for name, found in by_branch.items():
        drawn = {chart["title"] for chart in found["charts"]}
        seen = evaluated(told[name])
        drawing = [one for one in report.PLOTS if isinstance(one, Provided)]
        assert len(drawn) == sum(one.reason(seen) is None for one in drawing)
        for one, status in zip(report.PLOTS, found["statuses"], strict=True):
            plot = isinstance(one, Provided)
            title, applies = (one.family.title, one.reason) if plot else (one.title, one.applies)
            why = applies(seen)
            assert (title, why or "") == (status["title"], status["why_not"])
            assert not plot or (status["where"] in drawn) is (why is None)
    whys = {
        name: {one["title"]: one["why_not"] for one in told["statuses"]} for name, told in by_branch.items()
    }
    assert set(whys["conditioned"].values()) == {""}
    assert whys["head"]["τ heat map"] == "no task counts labels (TauTask)"
    assert "the decoder does not see the component" in whys["head"]["Channel grid"]
    assert not whys["head"]["Embedding divergence"]  # the prior has means
    (table,) = FAMILY.tables(artifacts(told["head"]))
    assert ("τ heat map", "plot", "no", "no task counts labels (TauTask)") in table.rows


def test_charts_hold_what_the_arrays_say(told: Mapping[str, NodeWork]) -> None:
    work = told["conditioned"]
    found, charts = evaluated(work), {one.title: one for one in FAMILY.charts(artifacts(work))}
    shares, targets = found.outputs["component"], found.targets
    tau = found.heads["tau"].tau().detach().numpy()
    np.testing.assert_allclose(charts["What each component stands for (τ)"].spec["panels"][0]["values"], 100 * tau,
                               rtol=1e-4)  # fmt: skip
    counts = charts["Ownership"].spec["panels"][2]["values"]
    assert counts == [
        [int(((shares.argmax(1) == c) & (targets == y)).sum()) for y in range(10)] for c in range(K)
    ]
    used, prior = (panel["values"] for panel in charts["π and usage over time"].spec["panels"])
    np.testing.assert_allclose(np.array(used)[:, -1], 100 * shares.mean(0), rtol=1e-3)
    np.testing.assert_allclose(np.sum(prior, axis=0), 100, rtol=1e-3)
    errors = found.component_error
    assert errors is not None
    expected = (shares * errors).sum(0) / shares.sum(0)
    rows = charts["Reconstruction by component"].spec["panels"]
    np.testing.assert_allclose(rows[0]["values"], expected, rtol=1e-3)
    mixed = charts["What each component decodes"].spec
    assert sorted(mixed["components"]) == [f"C{at}" for at in range(K)]
    np.testing.assert_allclose(np.sum(mixed["shares"], axis=1), 1, atol=1e-3)
    assert work.run.read_bytes("report/channels.png").startswith(b"\x89PNG")
    judged, measured = found.classifiers["tau"], found.metrics["tau"]
    assert judged.correct.mean() == pytest.approx(measured["accuracy"])
    curve = charts["Calibration"].spec["series"][0]
    assert curve["ece"] == pytest.approx(100 * measured["ece"], abs=0.01)
    assert sum(curve["counts"]) == len(targets)
    by_class = charts["Accuracy by class"].spec["panels"][0]["values"]
    np.testing.assert_allclose(by_class, [100 * measured[f"{BY_CLASS}{y}"] for y in range(10)], rtol=1e-4)
    parts = charts["Confidence"].spec["panels"][0]["counts"]
    assert (sum(parts["right"]), sum(parts["wrong"])) == (judged.correct.sum(), (~judged.correct).sum())


def test_every_metric_of_a_mixture_is_measured_on_the_test_split(told: Mapping[str, NodeWork]) -> None:
    work = told["conditioned"]
    document = work.run.read_json("metrics/metrics.json")
    assert document["split"] == "test"
    found = document["tasks"]["component_kl"]["metrics"]
    assert {"kl", "qc_neff", "qc_active", "qc_confidence", "qc_hardness", "nmi", "ari"} <= set(found)
    shares = evaluated(work).outputs["component"].astype(float)
    assert found["qc_confidence"] == pytest.approx(shares.max(1).mean(), rel=1e-4)
    assert found["qc_active"] == (shares.mean(0) > 0.01).sum()
    assert document["tasks"]["tau"]["metrics"]["tau_coverage"] <= 1


def test_every_number_of_the_text_is_one_of_the_artifacts(told: Mapping[str, NodeWork]) -> None:
    for work in told.values():
        text = work.run.read_bytes("report/REPORT.md").decode()
        config, summary = work.run.read_json("config.json"), work.run.read_json("summary.json")
        tasks = work.run.read_json("metrics/metrics.json")["tasks"]
        cells = {
            line.split(" | ")[0]: line.split(" | ")[1] for line in text.splitlines() if line.startswith("| ")
        }
        shown = [one for one in metrics.FAMILY.numbers(artifacts(work)) if one.task in tasks]
        assert len(shown) > 10
        for one in shown:
            value = show(one.metric, tasks[one.task]["metrics"][one.metric])
            assert any(cell.startswith(value) for label, cell in cells.items() if one.task in label), one
        name = "tau" if "tau" in tasks else "head"
        assert f"calibration error of {show('ece', tasks[name]['metrics']['ece'])}" in text
        for label in map(str, range(10)):
            assert f"\n| {label} | {show('accuracy', tasks[name]['metrics'][BY_CLASS + label])} |" in text
        assert f"{config['parameters']:,} parameters" in text
        assert config["datasets"]["digits"]["digest"] in text
        assert f"ended at step {summary['step']}" in text
        assert "| Code | `" in text
        assert "> How accurate is a mixture VAE with few labels" in text
        charts = json.dumps(work.run.read_json("report/report.json"), ensure_ascii=False)
        for line in re.findall(r"^- \*\*.+?\*\* (.+)$", text, re.M):
            assert json.dumps(line, ensure_ascii=False)[1:-1] in charts


def test_pictures_of_the_text_are_there_in_the_store_and_on_the_site(told: Mapping[str, NodeWork]) -> None:
    work = told["conditioned"]
    text = work.run.read_bytes("report/REPORT.md").decode()
    linked = re.findall(r"\]\(([^)]+\.png)\)", text)
    assert linked == ["channels.png", "../reconstructions/reconstructions.png"]
    assert all((work.run.local_path("report") / one).resolve().exists() for one in linked)
    shown = on_site(text, artifacts(work), "downloads/rcm_vae/conditioned_trained/seed-0/REPORT.md")
    assert "](../../../../figures/rcm_vae/conditioned_trained/seed-0/reconstructions.png)" in shown


def test_warnings_name_what_is_dead_and_stands_for_nothing(told: Mapping[str, NodeWork]) -> None:
    from acc_assets.report.run_text import _warnings

    run: Any = SimpleNamespace(
        summary={
            "status": "cancelled",
            "tasks": {"recon": {"health": "critical", "reason": "it is not finite"}},
        },
        latents={"outputs": {"component": [8]}},
        problems=[],
        task_metrics=lambda: {"tau": {"metrics": {"tau_free": 3.0, "tau_coverage": 0.5, "qc_active": 6.0}}},
    )
    assert list(_warnings(run)) == [
        "The training ended as cancelled.",
        "The loss of `recon` is critical: it is not finite.",
        "3 components stand for no class (`tau`).",
        "Components stand for 50 % of the classes alone (`tau`).",
        "2 of 8 components are dead: each has at most 1 % of q(c|x).",
    ]


def test_calibration_of_known_answers() -> None:
    curve = reliability(np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, True, False]))
    assert curve.ece == pytest.approx(0.15)
    low, high = wilson(np.array([0, 10]), np.array([10, 10]))
    np.testing.assert_allclose((low, high), ([0, 0.722], [0.278, 1]), atol=1e-3)
    (empty_low,), (empty_high,) = wilson(np.array([0]), np.array([0]))
    assert (empty_low, empty_high) == (0.0, 1.0)


def test_classifiers_of_different_classes_keep_the_names_of_their_own() -> None:
    shapes = Classified(np.eye(2), np.array([0, 1]), ["round", "square"])
    digits = Classified(np.eye(3)[[0, 1, 1]], np.array([0, 1, 2]), ["0", "1", "2"])
    found: Any = SimpleNamespace(classifiers={"shape": shapes, "digit": digits})
    chart = class_plots.accuracy.function(found)
    assert chart.spec["names"] == ["round", "square", "0", "1", "2"]
    assert [panel["counts"] for panel in chart.spec["panels"]] == [[1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]
    assert "about 2, 0.0 %" in chart.told


def test_one_component_alone_is_not_apart_from_others() -> None:
    found: Any = SimpleNamespace(outputs={"component": np.ones((3, 1))})
    rules = [
        one.reason for one in component_plots.PLOTS if one.family.title.startswith("Embedding divergence")
    ]
    assert [rule(found) for rule in rules] == ["there is one component alone"] * 2


def test_a_metric_of_a_known_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'accuracy'.*another"):
        metric("accuracy")(wilson)


OWN = """
from acc_assets.families import STANDARD, Chart, metric, plot
from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe


@metric("mean_norm", label="mean norm of the latent", better="lower")
def mean_norm(found):
    return float((found.outputs["mu"] ** 2).sum(1).mean())


@plot("norms", title="Norms", applies=lambda found: None if found.classes else "no classes")
def norms(found):
    spec = {"kind": "histogram", "label": "norm", "bars": []}
    return Chart(title="Norms", spec=spec, caption="How long.", sheet="cut.png", png=b"\\x89PNG\\r\\n\\x1a\\n")


@plot("drawn")
def drawn(found):
    import matplotlib.figure

    return matplotlib.figure.Figure(figsize=(1, 1))


@plot("never", applies=lambda found: "nobody has it")
def never(found):
    raise AssertionError


@metric("broken")
def broken(found):
    return 1 / 0


@metric("wordy")
def wordy(found):
    return "many"


@plot("halved", title="Halved")
def halved(found):
    return Chart(title="Halved", spec={}, caption="Half.", sheet="cut.png")


class Own(Recipe):
    name = "own"

    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4)
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.save_checkpoint("root")
        ctx.evaluate(*STANDARD, mean_norm, norms, drawn, never, broken, wordy, halved)
"""


def test_a_function_of_somebody_elses_is_a_plot_or_a_metric(
    told: Mapping[str, NodeWork], tmp_path: Path
) -> None:
    from dataclasses import replace

    from acc_assets.assets.plans import AssetPlan
    from acc_assets.families import analyses_of
    from acc_assets.recipes import find_recipes
    from acc_assets.tree import canonical

    def module(text: str) -> dict[str, Any]:
        (tmp_path / "own.py").write_text(text)
        found = find_recipes({}, [tmp_path])
        assert not found.broken, found.broken[0]
        return {one.name: one for one in analyses_of(found.trees["own"]["root"])}

    requests = module(OWN)
    work = told["conditioned"]

    def made(name: str) -> NodeWork:
        request = requests[name]
        plan: AssetPlan = replace(work.plan, kind=kind_of(request), request=request)
        asked = replace(work, plan=plan)
        plan.kind.run(asked)
        return asked

    run = made("mean_norm").run
    (number,) = requests["mean_norm"].family.numbers(artifacts(work))
    assert number.value == pytest.approx((evaluated(work).outputs["mu"] ** 2).sum(1).mean())
    assert requests["mean_norm"].family.measures
    assert not requests["norms"].family.measures
    made("norms")
    (chart,) = requests["norms"].family.charts(artifacts(work))
    assert (chart.spec["kind"], chart.sheet) == ("histogram", "cut.png")
    assert run.read_bytes("norms/cut.png").startswith(b"\x89PNG")
    made("drawn")
    assert run.read_bytes("drawn/drawn.png").startswith(b"\x89PNG")
    made("never")
    assert run.read_json("never/left_out.json") == {"reason": "nobody has it"}
    with pytest.raises(
        ValueError, match=r"the metric 'broken' \(broken in own.py\) failed at line \d+: ZeroDivision"
    ):
        made("broken")
    with pytest.raises(ValueError, match=r"the metric 'wordy' .* gave a str; a metric gives one number"):
        made("wordy")
    with pytest.raises(ValueError, match=r"the plot 'halved' .* gave a Chart with one of sheet and png"):
        made("halved")
    before = canonical(requests["mean_norm"])
    assert canonical(module(OWN + "# a remark")["mean_norm"]) == before
    assert canonical(module(OWN.replace("** 2", "** 4"))["mean_norm"]) != before
