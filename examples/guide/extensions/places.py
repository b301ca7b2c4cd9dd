"""Where a named function or a test of this clone stands."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from plugnet.reference import places
from plugnet.reference.places import NoSuchPlaceError as NoSuchPlaceError
from plugnet.reference.places import Place as Place
from plugnet.reference.places import code as code

ROOT = Path(__file__).resolve().parents[3]
#: Finds a test of this clone by its id.
test = partial(places.test, project=ROOT)


def above_package(file: Path) -> Path:
    """Return the folder from which a module's dotted name begins."""
    return next(folder for folder in file.parents if not (folder / "__init__.py").exists())
