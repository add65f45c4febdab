"""A vision endpoint as a tagger: pictures are made smaller, sent, and answered in threads."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from dataset_tools.endpoint import Endpoint, EndpointRefused, tags_in
from dataset_tools.proposals import Score
from dataset_tools.tagger_settings import EndpointSettings
from dataset_tools.taggers.base import Seen, TaggerStopped
from kohya_like.data.images import load_picture
from kohya_like.schema.errors import UserError

JPEG_QUALITY = 90
FAILURES = 5  # pictures in a row without an answer end the tagging: nobody wants 100,000 sentences of it


class EndpointTagger:
    """`batch` is 1: a server is asked for one picture at a time, by as many threads as the settings say."""

    seen_when_prepared = True
    batch = 1

    def __init__(self, endpoint: Endpoint, settings: EndpointSettings) -> None:
        self._endpoint, self._settings = endpoint, settings
        self.workers = settings.threads or 1
        self._failed, self._lock = 0, threading.Lock()

    @property
    def facts(self) -> Mapping[str, object]:
        return {"kind": "endpoint", "address": self._endpoint.address, "model": self._settings.model}

    def prepare(self, picture: Path) -> Seen:
        encoded = as_jpeg(load_picture(picture).rgb, self._settings.side)
        if self._failed >= FAILURES:
            raise TaggerStopped(f"{self._endpoint.address}: {FAILURES} pictures in a row got no answer")
        try:
            text = self._endpoint.ask(encoded)
        except EndpointRefused as error:
            raise TaggerStopped(error.text, error.hint) from error
        except UserError as error:
            self._count(failed=True)
            raise UserError(f"{picture}: {error.text}", error.hint) from error
        self._count(failed=False)
        if self._settings.answer == "sentence":
            return Seen(sentence=" ".join(text.split()))
        rows: tuple[Score, ...] = tuple((tag, 1.0) for tag in tags_in(text))
        return Seen({"general": rows})

    def look(self, batch: Sequence[Seen]) -> list[Seen]:
        return list(batch)

    def _count(self, failed: bool) -> None:
        with self._lock:
            self._failed = self._failed + 1 if failed else 0


def as_jpeg(picture: Image.Image, side: int) -> str:
    """A picture as JPEG in base64, its longer side at most `side` pixels; without any of the file's metadata."""
    scale = min(1.0, side / max(picture.size))
    if scale < 1:
        width, height = (max(1, round(edge * scale)) for edge in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY, exif=b"", icc_profile=None)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def open_endpoint(settings: EndpointSettings, cancelled: Callable[[], bool]) -> EndpointTagger:
    """Nothing is asked yet. Raises UserError for an address or key that cannot be."""
    return EndpointTagger(Endpoint(settings, cancelled), settings)
