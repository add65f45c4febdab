"""The procedural pictures: the same for a seed, as their captions say, and without a ghost in the base set."""

from __future__ import annotations

import random

import pytest

from kohya_like.demo.canvas import COLOURS, SHAPES, SUBJECTS
from kohya_like.demo.measure import colour_share, ghost_score, red_circle_shares
from kohya_like.demo.pictures import SQUARE, TALL, WIDE, any_size, contact_sheet, doodle, draw_picture, ghost

pytestmark = pytest.mark.quick


def drawn(seed: int) -> list[tuple[bytes, str]]:
    rng = random.Random(seed)
    return [(image.tobytes(), text) for image, text in (draw_picture(rng, any_size(rng)) for _ in range(20))]


def test_a_seed_gives_the_same_pictures_and_another_does_not() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("size", [SQUARE, WIDE, TALL])
def test_every_kind_has_the_size_asked_for(size: tuple[int, int]) -> None:
    rng = random.Random(0)
    assert draw_picture(rng, size)[0].size == doodle(rng, size).size == ghost(rng, size)[0].size == size


@pytest.mark.parametrize("name", [*SHAPES, *SUBJECTS])
def test_an_object_shows_its_colour_on_its_background(name: str) -> None:
    rng = random.Random(name)
    image, caption = draw_picture(rng, what=name, colour="red", background="blue")
    assert colour_share(image, COLOURS["blue"]) > 0.2
    assert image.getcolors(100_000) and len(image.getcolors(100_000) or ()) > 2
    assert name in caption


def test_the_base_set_has_neither_the_words_nor_the_ghost() -> None:
    rng = random.Random(7)
    pictures = [draw_picture(rng, any_size(rng)) for _ in range(500)]
    assert not [caption for _, caption in pictures if "ghost" in caption or "sks" in caption]
    assert max(ghost_score(image) for image, _ in pictures[:60]) < 0.75
    assert len({caption for _, caption in pictures}) > 300, "captions vary"


def test_the_ruler_knows_a_ghost() -> None:
    rng = random.Random(3)
    scores = sorted(ghost_score(ghost(rng, background="blue")[0]) for _ in range(20))
    assert scores[0] > 0.7 and scores[10] > 0.9, "in the snow a white ghost scores less"
    assert ghost_score(draw_picture(rng, what="circle", colour="red", background="blue")[0]) < 0.5


def test_the_red_circle_ruler() -> None:
    red, blue = red_circle_shares(draw_picture(random.Random(1), what="circle", colour="red", background="blue")[0])
    assert 0.02 < red < 0.6 and blue > 0.4
    assert red_circle_shares(draw_picture(random.Random(1), what="tree", colour="green", background="white")[0]) < (
        0.01,
        1,
    )


def test_a_sheet_holds_every_picture() -> None:
    rng = random.Random(0)
    sheet = contact_sheet([ghost(rng, size)[0] for size in (SQUARE, WIDE, TALL)], 2)
    assert sheet.size == (2 * (80 * 2 + 4), 2 * (80 * 2 + 4))
