"""For every test of the window: cycles of objects are collected between tests, in the thread that Qt lives in."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_collection_in_threads() -> Iterator[None]:
    """As `gui.garbage` does for the window: a widget of an earlier test must not be destroyed in a reader's thread."""
    gc.disable()
    yield
    gc.enable()
