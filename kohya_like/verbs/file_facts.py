"""What `inspect` says of any file: its hashes, and the tags of its training. No torch."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from kohya_like.formats.opening import open_regular

SHOWN_TAGS = 30
CHUNK = 1 << 20


def hashes(path: Path, header_bytes: int = 0) -> dict[str, str]:
    """sha256 of the file, its first ten digits as model sites show it, and kohya's of the data behind the header."""
    whole, data = hashlib.sha256(), hashlib.sha256()
    with open_regular(path) as file:
        start = file.read(header_bytes)
        whole.update(start)
        while chunk := file.read(CHUNK):
            whole.update(chunk)
            data.update(chunk)
    found = {"sha256": whole.hexdigest(), "short": whole.hexdigest()[:10]}
    return found | ({"sshs_model_hash": data.hexdigest()} if header_bytes else {})


def tag_frequency(metadata: Mapping[str, str]) -> dict[str, int]:
    """The most frequent tags of all training folders, by what the metadata tells."""
    try:
        folders = json.loads(metadata.get("ss_tag_frequency", "{}"))
        total: Counter[str] = Counter()
        for tags in folders.values():
            total.update({str(tag)[:200]: int(count) for tag, count in tags.items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return dict(total.most_common(SHOWN_TAGS))
