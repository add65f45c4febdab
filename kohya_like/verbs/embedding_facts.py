"""What `inspect` says of an embedding: its word, vectors, family, and how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kohya_like.formats.embeddings import read_embedding


def embedding_facts(path: Path) -> dict[str, Any]:
    """Raises FormatError where the file holds no embedding, or a damaged one."""
    found = read_embedding(path)
    widths = list(found.widths)
    return {
        "kind": "textual-inversion",
        "family": found.family,
        "name": found.name,
        "name_inside": found.inner_name if found.inner_name != found.name else "",
        "vectors": len(found),
        "width": widths[0] if len(widths) == 1 else widths,
        "step": found.step,
        "trained_on": " ".join(word for word in (found.model, found.model_hash) if word),
        "checksum": found.checksum,
    }
