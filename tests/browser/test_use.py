"""What a reader does with the guide: searches, opens a solution, walks by the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import site

pytestmark = pytest.mark.skipif(site.FOLDER is None, reason="PLUGNET_SITE names no built guide")
PAGES = ("index.html", "network.html", "backpropagation.html", "reference/index.html")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A new tab."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("chain rule", "backpropagation.html"),
        ("dropout", "regularization.html"),
        ("leaky_relu", "reference/"),
        ("conv2d", "reference/"),
    ],
)
def test_search_finds(page: Any, address: str, words: str, wanted: str) -> None:
    page.goto(f"{address}/index.html")
    page.fill("input.sidebar-search", words)
    page.press("input.sidebar-search", "Enter")
    page.wait_for_selector("#search-results li a")
    page.wait_for_load_state("networkidle")
    links = page.eval_on_selector_all("#search-results li a", "found => found.map(a => a.href)")
    assert any(wanted in link for link in links), links


def test_search_works_without_a_server(page: Any) -> None:
    assert site.FOLDER is not None
    page.goto(f"{(site.FOLDER / 'search.html').as_uri()}?q=xavier")
    page.wait_for_selector("#search-results li a")
    links = page.eval_on_selector_all("#search-results li a", "found => found.map(a => a.href)")
    assert any("initialization.html" in link for link in links), links


def test_a_solution_opens_and_shows_what_was_run(page: Any, address: str) -> None:
    page.goto(f"{address}/backpropagation.html")
    solution = page.locator("details").filter(has_text="Show a solution").first
    assert not solution.locator("pre").first.is_visible()
    solution.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert solution.locator("pre").first.is_visible()
    assert "with the slip" in solution.locator(".cell_output").inner_text()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_all_that_can_be_clicked(
    page: Any, address: str, name: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}/{name}")
    page.wait_for_load_state("networkidle")
    wanted = page.evaluate(
        """() => {
          const kinds = "a[href], button, input:not([type=hidden]), summary";
          const all = document.querySelectorAll(kinds);
          const shown = [...all].filter((each) => each.checkVisibility({visibilityProperty: true})
            && each.getClientRects().length && !each.closest("mjx-container"));
          shown.forEach((each, number) => { each.dataset.wanted = number; });
          return shown.length;
        }"""
    )
    reached = set()
    for _ in range(wanted + 60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.wanted"))
    missing = {str(number) for number in range(wanted)} - reached
    texts = [
        page.evaluate(f"document.querySelector('[data-wanted=\"{each}\"]').outerHTML.slice(0, 120)")
        for each in sorted(missing)[:5]
    ]
    assert not missing, texts


def test_the_drawer_opens_by_the_keyboard_on_a_telephone(page: Any, address: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{address}/backpropagation.html")
    drawer = page.locator("aside.sidebar-drawer")
    assert not drawer.locator("a").first.is_visible()
    page.get_by_role("button", name="All pages").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)  # it slides in
    box = drawer.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert drawer.get_by_role("link", name="Backpropagation").is_visible()


def test_formulas_are_drawn_with_the_fonts_of_the_site(page: Any, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/backpropagation.html")
    page.wait_for_selector("mjx-container")
    page.wait_for_load_state("networkidle")
    fonts = [url for url in asked if ".woff" in url]
    assert fonts
    assert all(url.startswith(address) for url in asked), asked
