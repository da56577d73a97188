"""The loop with a person: from keys and clicks on the labelling page to a branch that is trained on with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from browser_watch import drawn, new_context, reload_until, remembering, until
from built_tiny import build_recipe, environment
from playwright.sync_api import Browser, Page, expect

from acc_assets.assets import live
from acc_assets.recipes import find_recipes
from acc_assets.server import listening, serving
from acc_assets.storage import Label, LabelFile, Store

pytestmark = pytest.mark.browser
RECIPE = """
from acc_assets.datasets import Digits, LabelBudget, Labelled
from acc_assets.families import Acquisition
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ClassificationTask
from acc_assets.tree import Recipe

class Asked(Recipe):
    name = "asked"
    def run(self, ctx):
        budget = LabelBudget(of=Digits(image_size=8), labels=20)
        some = ctx.load_dataset("some", Labelled, of=budget, people="asked")
        ctx.create_model(ConvAutoencoder, image_size=8, latent_dim=4, channels=(4,))
        ctx.attach_task(ClassificationTask("digit", some))
        ctx.fork(ctx.save_checkpoint("root"), "asked")
        ctx.train(steps=2, batch_size=16)
        ctx.save_checkpoint("asked_trained")
        ctx.evaluate(Acquisition(count=5, pool=60, rules=("entropy", "random"), map="pca"))
"""
PAGE = "recipes/asked/labels.html"
STATE = "accLabelling.state()"
SAVED = "document.querySelector('.acc-label-saved').dataset.state"
ROUND = "document.querySelector('.acc-forks li')?.dataset.state"


@dataclass
class Lab:
    store: Store
    address: str
    begun: list[tuple[str, str]] = field(default_factory=list)

    @property
    def site(self) -> Path:
        return Path(self.store.root) / "site"

    def labels(self) -> LabelFile:
        return LabelFile(self.store, "asked")

    def pool(self) -> tuple[tuple[str, ...], int]:
        return find_recipes().trees["asked"].label_pool()

    def said(self) -> dict[int, dict[str, str]]:
        return self.labels().read(*self.pool()).said

    def build(self) -> None:
        """Carry out what the page has begun to build, in a thread: this one's event loop is Playwright's."""
        (begun,) = self.begun
        with ThreadPoolExecutor(1) as pool:
            report = pool.submit(lambda: build_recipe(begun[0], self.store, select=begun[1])).result()
        assert not report.failed, report.failed


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("labelling")
    (folder / "asked.py").write_text(RECIPE)
    with environment(folder / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(folder))
        store = Store()
        report = build_recipe("asked", store)
        assert not report.failed, report.failed
        found = Lab(store, "")
        sources = replace(live.sources(store), build=lambda *branch: found.begun.append(branch))
        with listening(0) as listener, serving(sources, listener) as address:
            found.address = address
            yield found


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open an address; an error that the page did not catch fails the test at its end."""
    contexts, faults = [], []

    def open_(address: str, **options: Any) -> Page:
        contexts.append(new_context(browser, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        page.get_by_role("button", name="Begin").wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def begin(page: Page, name: str) -> list[int]:
    """Say who labels; returns the queue."""
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    order: list[int] = page.evaluate(STATE)["order"]
    return order


def test_from_keys_and_clicks_to_a_branch_that_is_trained_on(lab: Lab, open_page: Open) -> None:
    page = open_page(lab.address + PAGE)
    page.keyboard.press("3")  # nobody has said who they are
    assert page.evaluate("document.activeElement.name") == "person"
    assert page.evaluate(STATE)["said"] == {}
    order = begin(page, "Ann")
    assert len(order) == 5
    page.keyboard.press("3")
    page.get_by_role("button", name="7, 0 labels so far").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("1")
    until(page, f"{SAVED} === 'saved'")
    assert lab.said() == {order[0]: {"Ann": "3"}, order[1]: {"Ann": "7"}, order[3]: {"Ann": "1"}}
    page.get_by_text(f"Training image {order[3]} is 1. Now training image {order[4]}, 5 of 5.").wait_for()
    assert "3 of 5 labelled, 1 skipped" in page.locator(".acc-label-progress").inner_text()
    page.keyboard.press("Backspace")
    until(page, f"{SAVED} === 'saved' && {STATE}.image === {order[3]}")
    assert lab.labels().lines()[-1].endswith(b",%d," % order[3])
    assert order[3] not in lab.said()

    assert page.locator(".acc-label-prediction li").count() == 0  # so that it sways nobody
    page.get_by_label("Show what the model thinks").check()
    expect(page.locator(".acc-label-prediction li")).to_have_count(3)
    at = drawn(page).evaluate(f"accLabelling.placeOf({order[2]})")
    page.mouse.click(at["x"], at["y"])
    until(page, f"{STATE}.image === {order[2]}")

    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('no connection')); }")
    page.keyboard.press("5")
    until(page, f"{SAVED} === 'trouble' && {STATE}.unsaved === 1")
    assert page.evaluate(STATE)["said"][str(order[2])] == "5"
    assert "not saved yet (the server does not answer)" in page.locator(".acc-label-saved").inner_text()
    reload_until(page, f"{STATE}.said[{order[2]}] === '5'")  # the tab is closed, and nothing is lost
    until(page, f"{SAVED} === 'saved'")  # by itself
    assert lab.said()[order[2]] == {"Ann": "5"}

    lab.labels().append([Label(person="bob", index=order[0], label="8")], *lab.pool())
    page.get_by_role("button", name=f"Training image {order[4]}").click()
    page.keyboard.press("9")
    page.get_by_text(f"conflict on image {order[0]}: Ann says 3, bob says 8").wait_for()
    until(page, f"{SAVED} === 'saved'")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_text("You said 3, but bob says 8: it has no label until you agree.").wait_for()

    page.get_by_role("button", name="Train a round with these labels").click()
    until(page, f"{ROUND} === 'queued'")
    assert lab.begun == [("asked", "asked_round_2")]
    lab.build()
    until(page, f"{ROUND} === 'completed'")
    seen = lab.store.run("asked", "asked_round_2_trained", 0).read_json("config.json")
    assert seen["datasets"]["some_round_2"]["labels"]["given"] == 3  # that on which both agree, and no other
    page.get_by_role("link", name="label what it asks about").click()
    until(page, f"window.accLabelling && {STATE}.run === 'runs/asked/asked_round_2_trained/seed-0'")
    assert not set(page.evaluate(STATE)["order"]) & set(order[1:3])
    page.get_by_label("Which images are asked about").select_option("random")
    until(page, f"{STATE}.rule === 'random'")
    page.get_by_role("link", name="asked_round_2_trained").click()
    page.get_by_role("link", name="Label images").wait_for()
    page.get_by_role("link", name="Asked").first.click()
    page.locator("svg.tree, .tree").get_by_text("asked_round_2_trained").first.wait_for()


def test_what_is_labelled_from_disk_is_kept_exported_and_taken(lab: Lab, open_page: Open) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = open_page((lab.site / PAGE).as_uri() + "#run=runs/asked/asked_trained/seed-0", **phone)
    assert drawn(remembering(page)).evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_role("button", name="Train a round").count() == 0
    order = begin(page, 'Bo, "Jr."')
    page.keyboard.press("4")
    page.get_by_role("button", name="6, 0 labels so far").tap()
    page.keyboard.press("2")
    page.get_by_role("button", name="Undo").tap()
    reload_until(page, f"{STATE}.image === {order[2]} && {STATE}.unsaved === 4")
    assert page.evaluate(STATE)["said"] == {str(order[0]): "4", str(order[1]): "6"}
    with page.expect_download() as waited:
        page.get_by_role("button", name="Export the labels").tap()
    before = len(lab.labels().lines())
    assert lab.labels().add_file(Path(waited.value.path()), *lab.pool()) == 4
    assert len(lab.labels().lines()) == max(before, 1) + 4
    assert lab.said()[order[0]]['Bo, "Jr."'] == "4"
    assert 'Bo, "Jr."' not in lab.said().get(order[2], {})
    assert page.evaluate(SAVED) == "exported"
    page.get_by_role("button", name="Forget them here").tap()
    assert page.evaluate(STATE)["unsaved"] == 0
