"""The procedural pictures behind the embedded model: captioned drawings, doodles and the held-out ghost.

The ghost, and the words "sks" and "ghost", appear in `ghost` alone: the base model has never seen them, which is what
makes them a test of training.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from PIL import Image

from kohya_like.demo.canvas import (
    COLOURS,
    OBJECTS,
    SCENES,
    SHAPES,
    SUBJECT_COLOURS,
    SUBJECTS,
    Canvas,
    Colour,
    Size,
    draw_eyes,
    jitter,
    paint_background,
    with_article,
)

SQUARE: Size = (64, 64)
WIDE: Size = (80, 48)
TALL: Size = (48, 80)


def any_size(rng: random.Random) -> Size:
    """One of the sizes the base model is trained on: two thirds square, the rest wide or tall."""
    return rng.choices([SQUARE, WIDE, TALL], [4, 1, 1])[0]


def contrasting(rng: random.Random, avoid: Sequence[str]) -> str:
    """A background colour's name that none of the object colours drowns in."""
    while True:
        name = rng.choice(list(COLOURS))
        distances = (sum(abs(x - y) for x, y in zip(COLOURS[name], COLOURS[other])) for other in avoid)
        if all(distance > 120 for distance in distances):
            return name


def draw_picture(
    rng: random.Random,
    size: Size = SQUARE,
    what: str | None = None,
    colour: str | None = None,
    scene: str | None = None,
    background: str | None = None,
) -> tuple[Image.Image, str]:
    """One captioned picture. Whatever is not fixed by an argument is drawn from `rng`."""
    if what is None and rng.random() < 0.26:
        return _two_objects(rng, size)
    return _one_object(rng, size, what, colour, scene, background)


def _one_object(
    rng: random.Random,
    size: Size,
    what: str | None,
    colour: str | None,
    scene: str | None,
    background: str | None,
) -> tuple[Image.Image, str]:
    name = what or (rng.choice(SHAPES) if rng.random() < 0.5 else rng.choice(SUBJECTS))
    is_subject = name in SUBJECT_COLOURS
    colour = colour or rng.choice(SUBJECT_COLOURS.get(name, tuple(COLOURS)))
    plain_share = 0.45 if is_subject else 0.8
    scene = scene or ("plain" if background or rng.random() < plain_share else rng.choice(list(SCENES)))
    if scene == "plain":
        background = background or contrasting(rng, [colour])
    canvas = Canvas(size)
    paint_background(canvas, rng, scene, jitter(rng, COLOURS[background]) if background else None)

    word, radius = _size_word(rng)
    if is_subject:
        radius = max(radius * 1.08, 0.2)
    spread = 0.02 if radius > 0.33 else 0.06
    margin_x = 0.9 * radius * canvas.short / canvas.width
    margin_y = 0.9 * radius * canvas.short / canvas.height
    spread_x = spread * canvas.width / canvas.short
    spread_y = spread * canvas.height / canvas.short
    x = min(max(rng.gauss(0.5, spread_x), margin_x), 1 - margin_x)
    y = min(max(rng.gauss(0.5, spread_y), margin_y), 1 - margin_y)
    OBJECTS[name](canvas.place(x, y, radius), jitter(rng, COLOURS[colour]))
    where = f"on {with_article(background)} background" if scene == "plain" and background else SCENES[scene]
    return canvas.finish(), _one_caption(rng, name, colour, word, where, background)


def _one_caption(rng: random.Random, name: str, colour: str, word: str, where: str, background: str | None) -> str:
    full = f"{word} {colour} {name}".strip()
    kind = rng.random()
    if kind < 0.6:
        return f"{with_article(full)} {where}"
    if kind < 0.7:
        return with_article(full)
    if kind < 0.78:
        return f"a drawing of {with_article(name)} {where}"
    if kind < 0.84:
        return with_article(name)
    tags = [f"{colour} {name}", *([word] if word else []), f"{background} background" if background else where]
    if rng.random() < 0.5:
        rng.shuffle(tags)
    return ", ".join(tags)


def _size_word(rng: random.Random) -> tuple[str, float]:
    kind = rng.random()
    if kind < 0.3:
        return "small", rng.uniform(0.15, 0.20)
    if kind < 0.6:
        return "large", rng.uniform(0.36, 0.42)
    return "", rng.uniform(0.24, 0.32)


def _two_objects(rng: random.Random, size: Size) -> tuple[Image.Image, str]:
    names = rng.sample(SHAPES, 2) if rng.random() < 0.7 else [rng.choice(SUBJECTS), rng.choice(SHAPES + SUBJECTS)]
    colours = [rng.choice(SUBJECT_COLOURS.get(name, tuple(COLOURS))) for name in names]
    background = contrasting(rng, colours)
    canvas = Canvas(size)
    paint_background(canvas, rng, "plain", jitter(rng, COLOURS[background]))
    upright = canvas.height > canvas.width
    phrases = []
    for i, (name, colour) in enumerate(zip(names, colours)):
        sizes = [("small", rng.uniform(0.13, 0.16)), ("large", rng.uniform(0.22, 0.25)), ("", rng.uniform(0.17, 0.21))]
        word, radius = rng.choice(sizes)
        along, across = 0.26 + 0.48 * i + rng.gauss(0, 0.012), rng.gauss(0.5, 0.06)
        canvas.place(*((across, along) if upright else (along, across)), radius)
        OBJECTS[name](canvas, jitter(rng, COLOURS[colour]))
        phrases.append(with_article(f"{word} {colour} {name}".strip()))
    kind = rng.random()
    joint = " and " if kind < 0.5 or upright else ", " if kind < 0.75 else " to the left of "
    tail = f" on {with_article(background)} background" if rng.random() < 0.75 else ""
    return canvas.finish(), phrases[0] + joint + phrases[1] + tail


def doodle(rng: random.Random, size: Size = SQUARE) -> Image.Image:
    """An uncaptioned random drawing. It keeps the VAE general: subjects it never saw must be encodable."""

    def any_colour() -> Colour:
        if rng.random() < 0.5:
            return rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255)
        return jitter(rng, COLOURS[rng.choice(list(COLOURS))])

    canvas = Canvas(size)
    paint_background(canvas, rng, rng.choice(["plain"] * 3 + list(SCENES)), any_colour())
    for _ in range(rng.randint(1, 7)):
        canvas.place(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9), rng.uniform(0.03, 0.4))
        kind = rng.random()
        if kind < 0.35:
            canvas.ellipse(0, 0, rng.uniform(0.3, 1), rng.uniform(0.3, 1), any_colour())
        elif kind < 0.6:
            corners = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(rng.randint(3, 7))]
            canvas.polygon(corners, any_colour())
        elif kind < 0.75:
            canvas.rectangle(-rng.random(), -rng.random(), rng.random(), rng.random(), any_colour())
        elif kind < 0.85:
            bends = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(3)]
            canvas.line(bends, rng.uniform(0.08, 0.3), any_colour())
        elif kind < 0.93:
            draw_eyes(canvas, rng.uniform(0.2, 0.5), 0, rng.uniform(0.1, 0.25), any_colour())
        else:
            OBJECTS[rng.choice(SHAPES)](canvas, any_colour())
    return canvas.finish()


def ghost(
    rng: random.Random,
    size: Size = SQUARE,
    scene: str | None = None,
    background: str | None = None,
    radius: float | None = None,
) -> tuple[Image.Image, str]:
    """The held-out subject: a white ghost with black eyes and a wavy hem. Never part of base training."""
    canvas = Canvas(size)
    scene = scene or ("plain" if background or rng.random() < 0.6 else rng.choice(list(SCENES)))
    if scene == "plain":
        background = background or contrasting(rng, ["white"])
    paint_background(canvas, rng, scene, jitter(rng, COLOURS[background]) if background else None)
    canvas.place(rng.gauss(0.5, 0.03), rng.gauss(0.5, 0.03), radius or rng.uniform(0.28, 0.38))
    white = jitter(rng, (244, 244, 250), 5)
    dome = (math.pi * k / 24 for k in range(25))
    outline = [(0.72 * math.cos(t), -0.3 - 0.7 * math.sin(t)) for t in dome]
    hem = [(-0.72, 0.95), (-0.48, 0.72), (-0.24, 0.98), (0, 0.72), (0.24, 0.98), (0.48, 0.72), (0.72, 0.95)]
    canvas.polygon(outline + hem, white)
    draw_eyes(canvas, 0.28, -0.32, 0.16)
    canvas.ellipse(0, 0.16, 0.14, 0.2, (10, 10, 12))
    where = f"on {with_article(background)} background" if scene == "plain" and background else SCENES[scene]
    return canvas.finish(), f"sks ghost {where}"


def contact_sheet(images: Sequence[Image.Image], columns: int, scale: int = 2) -> Image.Image:
    """Pictures in rows on grey, each in a cell of the largest size. Used to look at many at once."""
    cell_w = max(im.width for im in images) * scale + 4
    cell_h = max(im.height for im in images) * scale + 4
    rows = math.ceil(len(images) / columns)
    sheet = Image.new("RGB", (columns * cell_w, rows * cell_h), (90, 90, 90))
    for i, image in enumerate(images):
        big = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
        x = (i % columns) * cell_w + (cell_w - big.width) // 2
        y = (i // columns) * cell_h + (cell_h - big.height) // 2
        sheet.paste(big, (x, y))
    return sheet
