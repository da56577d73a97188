"""What curves and columns call a loss follows from what its task says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from laboratory import A, view_of

from acc_assets.families.base import Number
from acc_assets.report.columns import column_of
from acc_assets.report.curves import curve_panels
from acc_assets.storage import Store

Panels = dict[str, dict[str, Any]]


def panels_of(store: Store, **units: str) -> Panels:
    """The panels of a run whose tasks have these units, with a diagnostic and a validation loss, by series."""
    run = store.run("quickstart", A, 0)
    summary = run.read_json("summary.json")
    tasks = {name: {**summary["tasks"][name], "unit": unit} for name, unit in units.items()}
    run.write_json("summary.json", {**summary, "tasks": tasks})
    history = run.read_npz("history/history.npz")
    more = {"mixture/kl_c": np.ones(len(history["step"])), "val/kl/loss": np.ones(len(history["val_step"]))}
    with run.family("history") as out:
        out.npz("history.npz", {**history, **more})
    view = view_of(store)
    return {panel["id"]: panel for panel in curve_panels(view, [view.run(A, 0)])}


@pytest.fixture
def panels(own_lab: Store) -> Panels:
    return panels_of(own_lab, recon="squared error per pixel", kl="nats per image")


def test_a_curve_has_the_unit_of_its_task(panels: Panels, own_lab: Store) -> None:
    assert panels["loss/recon"]["unit"] == "squared error per pixel"
    assert panels["val/kl/loss"]["unit"] == "nats per image"
    assert panels["val/recon/psnr"]["unit"] == "dB"
    assert panels["total"]["unit"] == ""  # of two units
    assert panels["lr"]["unit"] == ""
    assert panels_of(own_lab, kl="nats per image")["total"]["unit"] == "nats per image"


def test_diagnostics_are_a_group_of_their_own(panels: Panels) -> None:
    panel = panels["mixture/kl_c"]
    assert (panel["group"], panel["title"], panel["better"]) == ("Diagnostics", "mixture kl c", None)


def test_a_column_has_the_unit_of_its_number() -> None:
    loss = Number(task="recon", metric="loss", value=0.1, unit="squared error per pixel")
    assert column_of(loss).unit == "squared error per pixel"
    assert column_of(Number(task="recon", metric="psnr", value=20.0)).unit == "dB"
