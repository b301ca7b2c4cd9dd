"""Every page of the guide, in a browser, at three widths, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import site

WIDTHS = (1280, 768, 360)
CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
EACH = ("cut", "formulas", "pictures", "reachable")
PAGES = site.pages()
pytestmark = pytest.mark.skipif(site.FOLDER is None, reason="PLUGNET_SITE names no built guide")


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    """One tab for all pages, with what it complains of in ``page.heard``."""
    opened = browser.new_page(viewport={"width": WIDTHS[0], "height": 900})
    opened.heard = []
    opened.on("pageerror", lambda error: opened.heard.append(f"script: {error}"))
    opened.on("requestfailed", lambda request: opened.heard.append(f"not loaded: {request.url}"))
    opened.on(
        "console",
        lambda message: message.type == "error" and opened.heard.append(f"console: {message.text}"),
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    package = pytest.importorskip("axe_playwright_python", reason="tests/browser/install brings it")
    return (Path(package.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_at_every_width_in_light_and_dark(
    name: str, page: Any, address: str, axe: str
) -> None:
    page.heard.clear()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(f"{address}/{name}")
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate(CHECKS)
    page.evaluate(axe)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light",) if is_plain_source(name) else ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate("new Promise((done) => setTimeout(done, 60))")  # colors fade over
            for check in EACH:
                complaints = page.evaluate(f"checks.{check}()")
                found += [f"{width} {scheme} {check}: {complaint}" for complaint in complaints]
            if rules := asked(name, width, scheme):
                found += [f"{width} {scheme} axe: {each}" for each in violations(page, rules)]
    assert not page.heard + found, "\n".join(page.heard + found)


def is_plain_source(name: str) -> bool:
    """Tell whether a page shows a source file: all are made alike, and one is looked at in full."""
    return name.startswith("source/") and not name.endswith("/activations.html")


def asked(name: str, width: int, scheme: str) -> str:
    """Return which rules of axe-core to ask, "" for none: colors are the same at every width."""
    if is_plain_source(name):
        return "structure" if width == 1280 else ""
    if (width, scheme) in ((1280, "light"), (360, "dark")):
        return "all"
    return "structure" if scheme == "light" else ""


def violations(page: Any, rules: str) -> list[str]:
    """Return what axe-core finds: rule, and the first element."""
    options = "" if rules == "all" else ", rules: {'color-contrast': {enabled: false}}"
    result = page.evaluate(
        f"axe.run({{resultTypes: ['violations']{options}}}).then((found) => found.violations.map("
        "(each) => `${each.id} ${each.nodes.length}: ${each.nodes[0].html.slice(0, 120)}`))"
    )
    return list(result)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    assert site.broken_links(name) == []
