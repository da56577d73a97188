"""The viewer of more points than it draws in one frame: a part while they move, which it says; all otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_watch import new_context, settled, until, watch
from playwright.sync_api import Browser, Page

from benchmarks.viewer import FRAMES, repeated

pytestmark = pytest.mark.browser

VIEWER = "recipes/tiny/latent/labelled_trained.html"
COUNT = 120_000  # the first frame draws 100,000
ALL = "() => window.accViewer.drawn() === window.accViewer.count"
WATCH = """window.seen = [];
const look = () => {
  const caption = document.querySelector(".acc-stage-caption");
  if (caption && window.accViewer) window.seen.push([window.accViewer.drawn(), caption.textContent]);
  requestAnimationFrame(look);
};
requestAnimationFrame(look);"""
INSIDE = """([left, top, right, bottom]) => {
  let found = 0;
  for (let i = 0; i < window.accViewer.count; i++) {
    const { x, y, visible } = window.accViewer.screenPosition(i);
    if (visible && x > left && x < right && y > top && y < bottom) found++;
  }
  return found;
}"""


@pytest.fixture
def page(browser: Browser, site: Path, tmp_path: Path) -> Iterator[Page]:
    path = repeated(site, site / VIEWER, COUNT, tmp_path)
    context = new_context(browser, viewport={"width": 1280, "height": 844})
    page = context.new_page()
    faults = watch(page, tmp_path)
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    until(settled(page), ALL)
    yield page
    context.close()
    assert faults == []


def test_a_frame_may_draw_a_part_which_is_said_and_nothing_else_counts_fewer(page: Page) -> None:
    page.evaluate(FRAMES, 12)
    until(page, ALL)
    seen = {drawn: caption for drawn, caption in page.evaluate("window.seen") if drawn > 0}
    assert 100_000 in seen
    for drawn, caption in seen.items():
        said = re.search(r"([\d,]+) of 120,000 drawn", caption)
        assert (said and int(said[1].replace(",", ""))) == (drawn if drawn < COUNT else None)
    assert (
        sum(int(text.replace(",", "")) for text in page.locator(".acc-legend-count").all_inner_texts())
        == COUNT
    )
    box = page.locator(".acc-stage").bounding_box()
    assert box is not None
    left, right = (box["x"] + box["width"] * share for share in (0.3, 0.6))
    top, bottom = (box["y"] + box["height"] * share for share in (0.3, 0.6))
    page.get_by_role("button", name="Select with a box").click()
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom)
    page.mouse.up()
    found = page.evaluate(INSIDE, [left, top, right, bottom])
    assert found > 1000
    page.get_by_role("heading", name=f"{found:,} points selected").wait_for()
