"""A fork set up on a node's page: recorded by the server that gave the page, told as a command by a page from disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from browser_watch import new_context, settled
from built_tiny import environment, tiny_tree
from playwright.sync_api import Browser, Page, expect

from acc_assets.assets import live
from acc_assets.assets.site import frame
from acc_assets.families import families_of
from acc_assets.recipes import find_recipes
from acc_assets.report import AssetView, RecipeView, build_recipe
from acc_assets.server import listening, serving
from acc_assets.storage import Store

pytestmark = pytest.mark.browser
PAGE = "recipes/tiny/nodes/plain_trained.html"


@dataclass
class Lab:
    site: Path
    address: str
    begun: list[tuple[str, ...]] = field(default_factory=list)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The pages of the tiny recipe with nothing built, and a server that records what it is asked to build."""
    storage = tmp_path_factory.mktemp("forking") / "storage"
    with environment(storage):
        store, tree = Store(), tiny_tree()
        assets = {
            node.tag: {one.name: AssetView(key=f"tiny/{node.tag}_{one.name}") for one in families_of(node)}
            for node in tree
        }
        build_recipe(RecipeView.of(tree, store, assets, {}), frame(store))
        found = Lab(storage / "site", "")
        sources = replace(live.sources(store, begun=False), build=lambda *branch: found.begun.append(branch))
        with listening(0) as listener, serving(sources, listener) as address:
            found.address = address
            yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = new_context(browser, viewport={"width": 390, "height": 844})
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def test_a_fork_is_set_up_recorded_built_and_removed(lab: Lab, page: Page) -> None:
    page.goto(lab.address + PAGE)
    page.get_by_role("link", name="Fork it").click()
    name, command = page.get_by_label("name", exact=True), page.locator(".acc-fork-command")
    expect(name).to_have_value("plain_fork")
    weight = page.locator('[data-setting="task.kl.weight"]')
    weight.get_by_label("Kind of weight").select_option(label="linear ramp")
    end = page.get_by_label("end", exact=True)
    expect(end).to_have_value("1")  # as it was before as a number
    end.fill("4")
    page.locator('[data-setting="task.kl.weight.steps"] input').fill("5")
    page.locator('[data-setting="task.recon.weight"]').get_by_label("weight", exact=True).fill("2")
    page.get_by_label("lr", exact=True).fill("0")
    page.get_by_label("optimizer", exact=True).select_option("sgd")
    expect(page.locator('[data-setting="train.lr"]')).to_contain_text("Give a number > 0.")
    record = page.get_by_role("button", name="Record the fork")
    record.click()
    expect(page.get_by_label("lr", exact=True)).to_be_focused()  # nothing is asked while a value is none
    page.get_by_role("button", name="lr was 0.002: put it back").click()
    for wrong, words in (("plain", "‘plain’ is taken."), ("../x", "Use letters, digits")):
        name.fill(wrong)
        record.click()
        expect(name).to_be_focused()
        expect(page.locator('[data-setting="name"]')).to_contain_text(words)
    page.get_by_text("More options of training").click()
    page.get_by_label("log every", exact=True).fill("5")
    name.fill("comparison")  # which the server alone knows to be another asset's
    record.click()
    expect(page.get_by_role("alert")).to_contain_text(
        "'comparison' is the name of another asset. Choose another tag."
    )
    name.fill("heavy")
    expect(command).to_contain_text(
        "acc fork tiny plain_trained heavy --set task.recon.weight=2 --set 'task.kl"
    )
    record.click()
    row = page.locator(".acc-forks li")
    expect(row).to_contain_text("heavy_trained")
    expect(page.get_by_role("status").filter(has_text="Recorded heavy off plain_trained.")).to_be_visible()

    tree = find_recipes().trees["tiny"]
    (phase,) = tree["heavy_trained"].phases
    recon, kl = tree["heavy_trained"].tasks
    assert tree["heavy"].parent == "plain_trained"
    assert (recon.weight, kl.weight.start, kl.weight.end, kl.weight.steps) == (2, 1, 4, 5)
    assert (phase.lr, phase.optimizer, phase.log_every, phase.steps) == (2e-3, "sgd", 5, 12)
    assert set(tree.forks[0].settings) == {
        "task.recon.weight",
        "task.kl.weight",
        "train.optimizer",
        "train.log_every",
    }
    row.get_by_role("button", name="Build it").click()
    expect(row).to_have_attribute("data-state", "queued")
    assert lab.begun == [("tiny", "heavy")]
    row.get_by_role("button", name="Remove heavy").click()
    expect(row).to_have_count(0)
    assert "heavy" not in find_recipes().trees["tiny"].nodes


def test_a_page_from_disk_has_the_commands(lab: Lab, page: Page) -> None:
    page.goto((lab.site / PAGE).as_uri())
    commands = settled(page).locator("#fork .command code")
    expect(commands).to_have_text(
        [
            "acc fork tiny plain_trained plain_fork --set task.recon.weight=1.0 --set task.kl.weight=1.0 "
            "--set train.lr=0.002 --steps 12",
            "acc build tiny --select plain_fork",
        ]
    )
    assert page.get_by_text("Set up a fork").count() == 0
    page.goto((lab.site / "recipes/tiny/nodes/root.html").as_uri())
    assert page.locator("#fork").count() == 0  # it has no tasks, so that a fork would have nothing to learn


def test_what_next_is_proposed_and_recorded(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.address}recipes/tiny/nodes/plain.html#fork")
    page.get_by_text("What next?").click()
    page.get_by_label("Minutes of training").fill("5")
    page.get_by_role("button", name="Propose").click()
    proposal = page.locator("[data-proposal]")
    expect(proposal).to_contain_text("task.kl.weight=")
    expect(page.get_by_text("Nothing is known yet, so these are drawn at random.")).to_be_visible()
    name = proposal.get_attribute("data-proposal")
    proposal.get_by_role("button", name=f"Record {name}").click()
    expect(proposal).to_contain_text("recorded")
    expect(page.locator(".acc-forking > .acc-forks li")).to_contain_text(f"{name}_trained")
    (fork,) = find_recipes().trees["tiny"].forks
    assert (fork.name, fork.checkpoint, set(fork.settings)) == (name, "plain", {"task.kl.weight", "train.lr"})
    page.get_by_role("button", name=f"Remove {name}").click()
    expect(page.locator(".acc-forking > .acc-forks li")).to_have_count(0)
    page.goto(lab.address + PAGE)
    page.get_by_text("What next?").click()
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("alert")).to_contain_text(
        'Open are: plain. Add to its end: ctx.open("plain_trained", {'
    )


def test_a_page_from_disk_has_the_command_for_what_next(lab: Lab, page: Page) -> None:
    page.goto((lab.site / "recipes/tiny/index.html").as_uri())
    settled(page).locator("#runs").get_by_role("link", name="plain", exact=True).last.click()
    expect(settled(page).locator("#fork .command code")).to_contain_text(
        ["acc fork", "acc build", "acc propose tiny plain"]
    )
    assert page.get_by_label("Minutes of training").count() == 0
