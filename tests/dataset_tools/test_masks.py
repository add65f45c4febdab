"""A mask is where training looks for it, and no mask is ever lost."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_tools.masks import MaskRules, find_mask, new_mask, remove_mask, write_mask
from kohya_like.data.options import DataOptions
from kohya_like.data.scan import scan
from kohya_like.schema.errors import UserError
from tests.dataset_tools.made_pictures import put, scene

pytestmark = pytest.mark.quick


def png(value: int = 255) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((64, 64), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def seen(folder: Path, rules: MaskRules) -> dict[str, Path | None]:
    """The masks that a training finds."""
    options = DataOptions(
        train_data_dir=str(folder), masked_loss=True, mask_dir=rules.mask_dir or None,
        mask_suffix=rules.mask_suffix or None,
    )  # fmt: skip
    return {record.path.name: record.mask_path for record in scan(options).images}


@pytest.mark.parametrize("kind", ["empty folder", "flat folder", "folder of the concept", "suffix"])
def test_training_finds_what_is_written(tmp_path: Path, kind: str) -> None:
    picture = put(tmp_path / "set" / "1_cat", "á b.png", scene(1, (64, 64)))
    other = put(tmp_path / "set" / "1_cat", "other.jpg", scene(2, (64, 64)))
    masks = tmp_path / "masks"
    rules = MaskRules(mask_suffix="-mask") if kind == "suffix" else MaskRules(str(masks))
    if kind == "flat folder":
        put(masks, "other.png", scene(3, (64, 64)))
    elif kind == "folder of the concept":
        put(masks / "1_cat", "other.webp", scene(3, (64, 64)))
    assert find_mask(picture, rules) is None
    write_mask(new_mask(picture, rules), png(), tmp_path / "backup")
    place = find_mask(picture, rules)
    assert place is not None and place.read_bytes() == png()
    found = seen(tmp_path / "set", rules)
    assert found["á b.png"] == place and set(found) == {"á b.png", "other.jpg"}
    assert (found["other.jpg"] is not None) == (kind in ("flat folder", "folder of the concept"))
    assert found["other.jpg"] == find_mask(other, rules)


def test_the_first_state_is_kept_and_a_removed_mask_too(tmp_path: Path) -> None:
    place, backup = tmp_path / "m" / "a.png", tmp_path / "backup"
    for value in (1, 2, 3):
        write_mask(place, png(value), backup)
    kept = backup.joinpath(*place.parts[1:])
    assert place.read_bytes() == png(3) and kept.read_bytes() == png(1)
    remove_mask(place, tmp_path / "other")
    assert not place.exists() and (tmp_path / "other").joinpath(*place.parts[1:]).read_bytes() == png(3)


def test_places_that_cannot_be(tmp_path: Path) -> None:
    picture = put(tmp_path / "1_cat", "a.png", scene(1, (64, 64)))
    with pytest.raises(UserError, match="names no place for masks"):
        new_mask(picture, MaskRules())
    with pytest.raises(UserError, match="is the folder of the pictures"):
        new_mask(picture, MaskRules(str(tmp_path)))
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        write_mask(tmp_path / "a.png", png(), tmp_path / "backup")
