"""From settings to a tagger that is ready: each kind's libraries are imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataset_tools.tagger_settings import BlipSettings, ClipSettings, EndpointSettings, Settings
from dataset_tools.taggers.base import Tagger


def open_tagger(settings: Settings, cancelled: Callable[[], bool] = lambda: False) -> Tagger[Any]:
    """Raises UserError or FormatError where there is no such tagger. `cancelled` ends the pauses of an endpoint."""
    if isinstance(settings, EndpointSettings):
        from dataset_tools.taggers.remote import open_endpoint

        return open_endpoint(settings, cancelled)
    if isinstance(settings, ClipSettings):
        from dataset_tools.taggers.clip import open_clip

        return open_clip(settings)
    if isinstance(settings, BlipSettings):
        from dataset_tools.taggers.blip import open_blip

        return open_blip(settings)
    from dataset_tools.taggers.wd14 import open_wd14

    return open_wd14(settings)
