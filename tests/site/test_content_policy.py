"""The Content-Security-Policy of every page, opened from disk and from a web server: nothing of ours breaks it, and
nothing that was smuggled in runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser_watch import drawn, new_context, reload_until, remembering, settled, until
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

RECORD = """window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(params=["file", "http"])
def address(request: pytest.FixtureRequest, odd_site: Path) -> Iterator[str]:
    """Where the site lies, with its last slash."""
    if request.param == "file":
        yield odd_site.as_uri() + "/"
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=odd_site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = new_context(browser, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(RECORD)
    yield page
    context.close()


def test_no_page_breaks_its_own_policy(page: Page, address: str, odd_site: Path) -> None:
    pages = sorted(path.relative_to(odd_site).as_posix() for path in odd_site.rglob("*.html"))
    assert len(pages) > 10
    for path in pages:
        page.goto(address + path)
        drawn(page)
        assert page.locator("meta[http-equiv='Content-Security-Policy']").count() == 1, path
        assert page.evaluate("window.refused") == [], path
        assert page.locator("[data-acc-state=failed]").count() == 0, path
        assert page.locator("html.js").count() == 1, path  # the one inline script has run


def test_the_models_the_map_and_the_theme_work_under_the_policy(page: Page, address: str) -> None:
    page.goto(address + "recipes/prototype/playground.html")
    page.locator(".acc-reading").first.wait_for()
    page.goto(address + "recipes/prototype/latent/toString.html#point=1")
    page.locator(".acc-focus-card .acc-thumb").first.wait_for()
    remembering(page).get_by_label("Change between light and dark").click()
    theme = page.evaluate("document.documentElement.dataset.theme")
    assert theme
    reload_until(page, "theme => document.documentElement.dataset.theme === theme", theme)
    assert drawn(page).evaluate("window.refused") == []


SCRIPT = "const one = document.createElement('script'); one.{what}; document.head.append(one);"
MARKUP = "document.body.insertAdjacentHTML('beforeend', `{what}`);"
SMUGGLED = {
    SCRIPT.format(what="textContent = 'window.ran = 1'"): "script-src-elem",
    SCRIPT.format(what="src = 'https://example.org/x.js'"): "script-src-elem",
    SCRIPT.format(what="src = 'data:text/javascript,window.ran=1'"): "script-src-elem",
    MARKUP.format(what='<img src="data:," onerror="window.ran = 1">'): "script-src-attr",
    MARKUP.format(what="<style>body { color: red }</style>"): "style-src-elem",
    MARKUP.format(what='<iframe src="https://example.org/"></iframe>'): "frame-src",
    "fetch('https://example.org/').catch(() => {});": "connect-src",
    "new Image().src = 'https://example.org/x.png';": "img-src",
}


@pytest.mark.parametrize(("what", "directive"), SMUGGLED.items())
def test_what_is_smuggled_in_is_refused(page: Page, address: str, what: str, directive: str) -> None:
    page.goto(address + "index.html")
    settled(page)
    page.evaluate(f"() => {{ {what} }}")
    until(page, "window.refused.length > 0")
    assert drawn(page).evaluate("window.ran") is None
    assert page.evaluate("window.refused")[0].startswith(directive)
