"""What curves and columns call a loss follows from what its task says."""

from __future__ import annotations

from acc_assets.families.base import Number
from acc_assets.report.columns import column_of
from acc_assets.report.curves import panel_of

TASKS = {
    "recon": {"kind": "reconstruction", "unit": "squared error per pixel"},
    "kl": {"kind": "kl", "unit": "nats per image"},
}


def test_a_curve_has_the_unit_of_its_task() -> None:
    assert panel_of("loss/recon", TASKS)["unit"] == "squared error per pixel"
    assert panel_of("val/kl/loss", TASKS)["unit"] == "nats per image"
    assert panel_of("val/recon/psnr", TASKS)["unit"] == "dB"
    assert panel_of("total", TASKS)["unit"] == ""  # of two units
    assert panel_of("total", {"kl": TASKS["kl"]})["unit"] == "nats per image"
    assert panel_of("lr", TASKS)["unit"] == ""


def test_diagnostics_are_a_group_of_their_own() -> None:
    panel = panel_of("mixture/kl_c", TASKS)
    assert (panel["group"], panel["title"], panel["better"]) == ("Diagnostics", "mixture kl c", None)


def test_a_column_has_the_unit_of_its_number() -> None:
    loss = Number(task="recon", metric="loss", value=0.1, unit="squared error per pixel")
    assert column_of(loss).unit == "squared error per pixel"
    assert column_of(Number(task="recon", metric="psnr", value=20.0)).unit == "dB"
