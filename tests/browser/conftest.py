"""A browser, and the site on this machine alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.browser import site

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the site, and return where."""
    if site.FOLDER is None:
        pytest.skip("PLUGNET_SITE does not name the built guide")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site.FOLDER)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Chromium, once for all pages."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="tests/browser/install brings it"
    )
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    with playwright.sync_playwright() as started:
        try:
            running = started.chromium.launch(executable_path=installed, args=ARGUMENTS)
        except playwright.Error as error:
            if installed is None:
                pytest.skip("there is no Chromium; tests/browser/install brings it")
            raise error from None
        yield running
        running.close()
