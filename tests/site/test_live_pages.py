"""Pages that a real server gives while a run is written, and the same run replayed from disk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser_watch import drawn, new_context, until
from live_run import Training
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from acc_assets.assets.client import client_bundle, ort_wasm
from acc_assets.datasets import Digits
from acc_assets.families import families_of, reconstructions
from acc_assets.models import ConvAutoencoder
from acc_assets.report import AssetView, Frame, RecipeView, build_recipe
from acc_assets.server import Sources, listening, serving
from acc_assets.storage import Store
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext, Tree, trace

pytestmark = pytest.mark.browser
NODE = "recipes/r/nodes/done.html"
STATUS = "document.querySelector('[data-acc=training]:not([hidden])')?.dataset.status"
TOLD = "[...document.querySelectorAll('.run-events li')].map((one) => one.textContent)"
STEP = "document.querySelector('.run-step')?.textContent"

# Grey level of a pixel that the model made, as it is drawn: low in the last pair.
MADE = """(() => {
  const drawn = document.querySelector(".run-previews canvas");
  if (!drawn?.checkVisibility()) return null;
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  context.drawImage(drawn, -2, 3 - drawn.height);
  return context.getImageData(0, 0, 1, 1).data[0];
})()"""
DRAWN = "[...document.querySelectorAll('.run-previews canvas')].map((one) => one.checkVisibility() && one.ariaLabel)"

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


class Lived(Recipe):
    """One node that is trained."""

    name = "r"
    seeds = (0,)

    def run(self, ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4)
        ctx.fork(ctx.save_checkpoint("start"), "left")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=100)
        ctx.save_checkpoint("done")
        ctx.evaluate()


@dataclass
class Lab:
    store: Store
    frame: Frame
    tree: Tree
    address: str
    cancelled: list[str]

    def render(self) -> Path:
        """The node's page from what is stored; returns its file."""
        assets = {
            node.tag: {
                family.name: AssetView(key=f"r/{node.tag}_{family.name}") for family in families_of(node)
            }
            for node in self.tree
        }
        build_recipe(RecipeView.of(self.tree, self.store, assets, {}), self.frame)
        return self.frame.out / NODE


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    store, tree, cancelled = Store(tmp_path / "store"), trace(Lived()), []
    frame = Frame(tmp_path / "site", client_bundle(), ort_wasm())

    def cancel(recipe: str, node: str, seed: int) -> list[str]:
        cancelled.append(f"{recipe}/{node}/{seed}")
        return ["dagster-run"]

    sources = Sources(store, frame.out, lambda: frame, lambda: {"r": tree}, cancel)
    with listening(0) as listener, serving(sources, listener) as address:
        yield Lab(store, frame, tree, address, cancelled)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = new_context(browser, viewport={"width": 390, "height": 844})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda one: faults.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def followed(page: Page) -> set[Request]:
    """The event streams that the page has open, as they are from now on."""
    streams: set[Request] = set()
    page.on("request", lambda one: streams.add(one) if "/events/stream" in one.url else None)
    page.on("requestfinished", lambda one: streams.discard(one))
    page.on("requestfailed", lambda one: streams.discard(one))
    return streams


def test_a_run_is_drawn_while_it_trains_and_replayed_from_disk(lab: Lab, page: Page) -> None:
    run = lab.store.run("r", "done", 0)
    streams = followed(page)
    page.goto(lab.address + NODE)
    until(page, f"{STATUS} === 'waiting'")  # the page is there before the run is
    with run.lock():
        training = Training(run).begin().steps(10).snapshot()
        until(page, f"{STATUS} === 'running' && {STEP} === 'step 10, live' && {MADE} === 10")
        until(page, lambda: bool(streams))
        made, placed = page.evaluate(DRAWN)
        assert made.startswith(
            "4 test images, each above what the model makes of it at step 10. Mean squared"
        )
        assert placed.startswith("3 test images as points on a map of the latents at step 10, in 10 colours")
        until(page, "document.querySelectorAll('.run .chart-panel-plot path').length >= 2")
        training.steps(5)
        until(page, f"{STEP} === 'step 15, live'")
        page.reload()  # in the middle: nothing is lost, nothing is doubled
        until(page, f"{STEP} === 'step 15, live' && {MADE} === 10")
        page.evaluate(HIDE, True)  # a page behind others leaves its connection to them
        training.steps(5)
        page.wait_for_timeout(800)
        assert page.evaluate(STEP) == "step 15, live"
        page.evaluate(HIDE, False)
        until(page, f"{STEP} === 'step 20, live'")
        told = page.evaluate(TOLD)
        assert [line.split(" ", 1)[1] for line in told] == [
            "Snapshot of step 10",
            "Training from step 0 on",
            "Begun",
        ]
        training.snapshot()
        until(page, f"{MADE} === 20")
        training = training.resumed(10).steps(
            5
        )  # the process died, and another goes on from an older snapshot
        until(
            page, f"{STEP} === 'step 15, live' && {TOLD}[1].includes('Went on from the snapshot of step 10')"
        )
        until(page, f"{MADE} === 10")  # what came later stands no more
        page.get_by_role("button", name="Cancel").click()
        until(page, "document.querySelector('.run-head button')?.textContent === 'Asked to end'")
        assert lab.cancelled == ["r/done/0"]
        training.steps(5)
        until(page, f"{STEP} === 'step 20, live'")  # drawn anew, it still says so
        expect(page.get_by_role("button", name="Asked to end")).to_be_disabled()
        training.snapshot()
        training.record.cancelled(20, {})
        until(
            page, f"{STATUS} === 'cancelled' && {TOLD}[0].includes('Cancelled at step 20') && {MADE} === 20"
        )
        training = training.resumed(20)
        page.get_by_role("button", name="Cancel").wait_for()
        training.record.completed(20, {})
    until(page, f"{STATUS} === 'completed'")
    picture = io.BytesIO()
    Image.new("L", (160, 32)).save(picture, "PNG")
    reconstructions.write(run, picture.getvalue(), [0], [0.1])
    until(page, "document.querySelector('.run-pictures img')?.naturalWidth === 160")
    assert drawn(page).evaluate("document.documentElement.scrollWidth") <= 390
    until(page, lambda: not streams)  # all is read, so that the page lets the stream go
    run.append_event({"event": "run.message", "text": "one more"})
    until(page, f"{TOLD}[0].endsWith('one more')")  # and takes it up again when there is more

    rendered = lab.render()
    page.goto(rendered.as_uri())
    until(page, f"{STATUS} === 'completed' && {STEP} === 'step 20' && {MADE} === 20")
    assert "Replayed from what this page holds" in page.locator(".run").inner_text()
    slider = page.get_by_label("Training step")
    slider.focus()
    slider.press("Home")
    until(page, f"{STEP} === 'step 1'")
    assert page.evaluate(TOLD)[0].endswith("Training from step 0 on")
    assert page.evaluate(DRAWN) == [False, False]  # before the first snapshot
    for _ in range(11):
        slider.press("ArrowRight")
    until(page, f"{STEP} === 'step 12' && {TOLD}[1].includes('Went on from the snapshot of step 10')")
    until(page, f"{MADE} === 10")
    page.get_by_role("button", name="Play the run").click()
    until(page, f"{STEP} === 'step 20' && {TOLD}[0].includes('one more') && {MADE} === 20")

    page.goto(lab.address + NODE)  # served, the page that was rendered shows what it was rendered with once
    until(page, f"{STATUS} === 'completed' && {STEP} === 'step 20'")
    assert page.locator(".run-pictures img").count() == 0


def test_a_node_that_failed_before_its_training_is_not_at_work(lab: Lab, page: Page) -> None:
    failed = {"event": "asset.failed", "asset": "done", "why": "no such model", "run": "1"}
    lab.store.run("r", "done", 0).append_event(failed)
    page.goto(lab.address + NODE)
    until(page, f"{TOLD}[0]?.includes('done failed: no such model')")
    assert page.evaluate(STATUS) == "waiting"
    assert drawn(page).get_by_role("button", name="Cancel").count() == 0


def test_the_first_page_lists_runs_those_at_work_first(lab: Lab, page: Page) -> None:
    ended = Training(lab.store.run("r", "ended", 1)).begin().steps(1)
    ended.record.failed(1, ValueError("the disk is full"), {})
    page.goto(lab.address)
    rows = "[...document.querySelectorAll('.runs-table tbody tr')].map((row) => row.dataset.status).join()"
    until(page, f"{rows} === 'failed'")
    run = lab.store.run("r", "done", 0)
    with run.lock():
        Training(run).begin().steps(40)
        until(page, f"{rows} === 'running,failed'")
        expect(page.locator("tr[data-status=running] progress")).to_have_attribute("value", "40")
        page.get_by_label("Status").select_option("failed")
        until(page, f"{rows} === 'failed'")
        assert "the disk is full" in page.locator(".runs-table").inner_text()
        page.wait_for_url("**/#status=failed")
        page.reload()
        until(page, f"{rows} === 'failed'")
        page.get_by_label("Status").select_option("")
        until(page, f"{rows} === 'running,failed'")
        page.get_by_role("link", name="done").click()
        until(page, f"{STATUS} === 'running' && {STEP} === 'step 40, live'")
        assert drawn(page).evaluate("document.documentElement.scrollWidth") <= 390
