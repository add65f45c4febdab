"""Reads the folders of a dataset: which concepts, which pictures, which captions, and what is wrong with them."""

from __future__ import annotations

from kohya_like.data.options import DataOptions
from kohya_like.data.records import Concept, ConceptReport, Dataset, ImageRecord, Skipped

__all__ = ["Concept", "ConceptReport", "Dataset", "ImageRecord", "Skipped", "scan"]


def scan(options: DataOptions, smallest: int = 8) -> Dataset:
    """Read all folders named in the options.

    Args:
        options: the `data` section.
        smallest: pixels; a picture with a shorter side than this (the bucket step) is left out.

    Returns: usable pictures sorted by identity; faults are values in it, nothing is raised for bad folders or files.
    """
    raise NotImplementedError
