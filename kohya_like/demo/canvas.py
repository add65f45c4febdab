"""The canvas and the things on it: colours, backgrounds and objects of the procedural pictures.

Everything is drawn from a `random.Random`, so that a seed gives the same pixels on every machine (but for the
rasteriser of Pillow). Pictures are RGB, `size = (width, height)` in pixels, four times supersampled. Object radii are
fractions of the shorter side, so that a wide picture shows more background and never a stretched object.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
Size = tuple[int, int]

SUPERSAMPLING = 4

COLOURS: dict[str, Colour] = {
    "red": (215, 35, 35),
    "green": (45, 160, 60),
    "blue": (40, 75, 210),
    "yellow": (245, 215, 40),
    "orange": (245, 140, 25),
    "purple": (130, 50, 170),
    "pink": (250, 150, 190),
    "brown": (130, 80, 40),
    "black": (22, 22, 24),
    "white": (246, 246, 246),
    "gray": (135, 135, 140),
    "cyan": (60, 205, 220),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond", "ring", "cross")
SUBJECT_COLOURS: dict[str, tuple[str, ...]] = {
    "cat": ("orange", "black", "gray", "white", "brown"),
    "dog": ("brown", "white", "yellow", "gray", "black"),
    "house": ("red", "yellow", "white", "blue", "pink"),
    "tree": ("green", "orange", "yellow", "pink"),
    "fish": ("orange", "blue", "yellow", "purple", "red"),
    "car": ("red", "blue", "yellow", "green", "white", "purple"),
    "flower": ("red", "pink", "purple", "yellow", "white", "orange"),
    "mushroom": ("red", "brown", "purple", "white"),
}
SUBJECTS = tuple(SUBJECT_COLOURS)
SCENES = {"field": "in a field", "night": "at night", "beach": "on the beach", "snow": "in the snow"}


class Canvas:
    """A supersampled picture with coordinates relative to one object's centre and radius."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.width, self.height = size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING
        self.short = min(self.width, self.height)
        self.image = Image.new("RGB", (self.width, self.height))
        self.draw = ImageDraw.Draw(self.image)
        self.place(0.5, 0.5, 0.5)

    def place(self, x: float, y: float, radius: float) -> Canvas:
        """Move the object frame: x and y as fractions of width and height, radius of the shorter side."""
        self.x, self.y, self.radius = x * self.width, y * self.height, radius * self.short
        return self

    def point(self, x: float, y: float) -> Point:
        return (self.x + x * self.radius, self.y + y * self.radius)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon([self.point(*p) for p in points], fill=colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        self.draw.ellipse([self.point(x - rx, y - ry), self.point(x + rx, y + ry)], fill=colour)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        left, right = sorted((x0, x1))
        top, bottom = sorted((y0, y1))
        self.draw.rectangle([self.point(left, top), self.point(right, bottom)], fill=colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        self.draw.line([self.point(*p) for p in points], fill=colour, width=max(1, int(width * self.radius)))

    def finish(self) -> Image.Image:
        return self.image.resize(self.size, Image.Resampling.BOX)


def jitter(rng: random.Random, colour: Colour, amount: int = 10) -> Colour:
    r, g, b = (max(0, min(255, v + rng.randint(-amount, amount))) for v in colour)
    return r, g, b


def scaled(colour: Colour, factor: float) -> Colour:
    r, g, b = (max(0, min(255, int(v * factor))) for v in colour)
    return r, g, b


def with_article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def paint_background(canvas: Canvas, rng: random.Random, scene: str, colour: Colour | None = None) -> None:
    w, h, fill = canvas.width, canvas.height, canvas.draw.rectangle
    if scene == "plain":
        fill([0, 0, w, h], fill=colour)
    elif scene == "field":
        horizon = int(h * rng.uniform(0.55, 0.7))
        fill([0, 0, w, horizon], fill=jitter(rng, (140, 200, 245)))
        fill([0, horizon, w, h], fill=jitter(rng, (95, 185, 75)))
    elif scene == "night":
        fill([0, 0, w, h], fill=jitter(rng, (18, 22, 70), 6))
        for _ in range(rng.randint(6, 10)):
            x, y, r = rng.random() * w, rng.random() * h, rng.uniform(0.012, 0.022) * canvas.short
            canvas.draw.ellipse([x - r, y - r, x + r, y + r], fill=(250, 245, 190))
    elif scene == "beach":
        horizon = int(h * rng.uniform(0.3, 0.4))
        fill([0, 0, w, horizon], fill=jitter(rng, (150, 215, 250)))
        fill([0, horizon, w, int(horizon + 0.25 * h)], fill=jitter(rng, (40, 120, 200)))
        fill([0, int(horizon + 0.25 * h), w, h], fill=jitter(rng, (240, 215, 150)))
    elif scene == "snow":
        horizon = int(h * rng.uniform(0.5, 0.65))
        fill([0, 0, w, horizon], fill=jitter(rng, (175, 195, 215)))
        fill([0, horizon, w, h], fill=jitter(rng, (238, 243, 250), 5))


def _star(n: int = 5, outer: float = 1.05, inner: float = 0.44) -> list[Point]:
    radii = [(outer if k % 2 == 0 else inner) for k in range(2 * n)]
    return [(r * math.sin(k * math.pi / n), -r * math.cos(k * math.pi / n)) for k, r in enumerate(radii)]


def _heart() -> list[Point]:
    def y(t: float) -> float:
        return -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16

    return [(math.sin(t) ** 3 * 0.98, y(t)) for t in (k * math.pi / 30 for k in range(60))]


def _ring(canvas: Canvas, colour: Colour) -> None:
    box = [canvas.point(-0.97, -0.97), canvas.point(0.97, 0.97)]
    canvas.draw.ellipse(box, outline=colour, width=int(0.34 * canvas.radius))


def _cross(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(-0.3, -0.95, 0.3, 0.95, colour)
    canvas.rectangle(-0.95, -0.3, 0.95, 0.3, colour)


def draw_eyes(canvas: Canvas, x: float, y: float, r: float, colour: Colour = (10, 10, 12)) -> None:
    for side in (-1, 1):
        canvas.ellipse(side * x, y, r, r * 1.25, colour)


def _eye_colour(fur: Colour) -> Colour:
    return (10, 10, 12) if sum(fur) > 150 else (240, 230, 90)


def _cat(canvas: Canvas, c: Colour) -> None:
    for side in (-1, 1):
        canvas.polygon([(side * 0.92, -1.05), (side * 0.15, -0.62), (side * 0.88, -0.1)], c)
        canvas.polygon([(side * 0.78, -0.8), (side * 0.42, -0.56), (side * 0.76, -0.3)], (250, 170, 180))
    canvas.ellipse(0, 0.12, 0.95, 0.82, c)
    draw_eyes(canvas, 0.38, -0.02, 0.13, _eye_colour(c))
    canvas.polygon([(-0.13, 0.28), (0.13, 0.28), (0, 0.44)], (240, 120, 140))
    whiskers = scaled(c, 0.6) if sum(c) > 200 else (200, 200, 200)
    for side in (-1, 1):
        for k in (-0.12, 0.12):
            canvas.line([(side * 0.35, 0.4 + k * 0.5), (side * 1.05, 0.38 + k * 1.6)], 0.06, whiskers)


def _dog(canvas: Canvas, c: Colour) -> None:
    canvas.ellipse(0, 0, 0.78, 0.9, c)
    for side in (-1, 1):
        canvas.ellipse(side * 0.85, 0.05, 0.27, 0.68, scaled(c, 0.6))
    canvas.ellipse(0, 0.42, 0.46, 0.4, scaled(c, 1.25) if sum(c) < 500 else (215, 205, 190))
    canvas.ellipse(0, 0.25, 0.19, 0.14, (12, 12, 12))
    canvas.ellipse(0, 0.68, 0.13, 0.18, (235, 70, 90))
    draw_eyes(canvas, 0.34, -0.2, 0.12, _eye_colour(c))


def _house(canvas: Canvas, c: Colour) -> None:
    canvas.rectangle(-0.78, -0.1, 0.78, 0.95, c)
    canvas.polygon([(0, -1.0), (1.05, -0.08), (-1.05, -0.08)], scaled(c, 0.6))
    canvas.rectangle(-0.17, 0.38, 0.2, 0.95, scaled(c, 0.35))
    for side in (-1, 1):
        canvas.rectangle(side * 0.5 - 0.17, 0.08, side * 0.5 + 0.17, 0.4, (255, 240, 150))


def _tree(canvas: Canvas, c: Colour) -> None:
    canvas.rectangle(-0.18, 0.3, 0.18, 1.0, (115, 72, 38))
    canvas.ellipse(0, -0.32, 0.8, 0.68, c)
    canvas.ellipse(-0.45, 0.08, 0.5, 0.42, c)
    canvas.ellipse(0.45, 0.08, 0.5, 0.42, scaled(c, 0.88))


def _fish(canvas: Canvas, c: Colour) -> None:
    canvas.ellipse(-0.15, 0, 0.82, 0.52, c)
    canvas.polygon([(0.45, 0), (1.05, -0.52), (1.05, 0.52)], scaled(c, 0.6))
    canvas.polygon([(-0.25, -0.45), (0.2, -0.85), (0.3, -0.35)], scaled(c, 0.6))
    canvas.ellipse(-0.58, -0.12, 0.17, 0.17, (250, 250, 250))
    canvas.ellipse(-0.6, -0.12, 0.09, 0.09, (10, 10, 10))


def _car(canvas: Canvas, c: Colour) -> None:
    glass = (190, 230, 250)
    canvas.polygon([(-0.6, -0.05), (-0.4, -0.55), (0.38, -0.55), (0.62, -0.05)], scaled(c, 0.6))
    canvas.polygon([(-0.45, -0.08), (-0.32, -0.44), (-0.04, -0.44), (-0.04, -0.08)], glass)
    canvas.polygon([(0.05, -0.08), (0.05, -0.44), (0.3, -0.44), (0.45, -0.08)], glass)
    canvas.rectangle(-1.02, -0.08, 1.02, 0.42, c)
    for side in (-1, 1):
        canvas.ellipse(side * 0.55, 0.45, 0.27, 0.27, (18, 18, 18))
        canvas.ellipse(side * 0.55, 0.45, 0.12, 0.12, (200, 200, 205))


def _flower(canvas: Canvas, c: Colour) -> None:
    canvas.rectangle(-0.06, 0.0, 0.06, 1.05, (40, 130, 50))
    canvas.ellipse(0.28, 0.68, 0.25, 0.12, (50, 150, 60))
    for k in range(6):
        angle = k * math.pi / 3 + 0.5
        canvas.ellipse(0.48 * math.cos(angle), -0.3 + 0.48 * math.sin(angle), 0.31, 0.31, c)
    canvas.ellipse(0, -0.3, 0.28, 0.28, (250, 215, 60) if c[0] < 230 or c[1] < 190 else (150, 90, 40))


def _mushroom(canvas: Canvas, c: Colour) -> None:
    canvas.rectangle(-0.3, -0.05, 0.3, 0.92, (245, 232, 205))
    arc = (math.pi * k / 24 for k in range(25))
    canvas.polygon([(math.cos(t), 0.08 - 0.98 * math.sin(t)) for t in arc], c)
    for x, y, r in ((-0.45, -0.25, 0.15), (0.05, -0.55, 0.17), (0.5, -0.2, 0.14)):
        canvas.ellipse(x, y, r, r, (250, 250, 250) if sum(c) < 650 else (220, 60, 60))


OBJECTS: dict[str, Callable[[Canvas, Colour], None]] = {
    "circle": lambda canvas, c: canvas.ellipse(0, 0, 0.95, 0.95, c),
    "square": lambda canvas, c: canvas.rectangle(-0.82, -0.82, 0.82, 0.82, c),
    "triangle": lambda canvas, c: canvas.polygon([(0, -0.98), (0.98, 0.8), (-0.98, 0.8)], c),
    "star": lambda canvas, c: canvas.polygon(_star(), c),
    "heart": lambda canvas, c: canvas.polygon(_heart(), c),
    "diamond": lambda canvas, c: canvas.polygon([(0, -1.05), (0.72, 0), (0, 1.05), (-0.72, 0)], c),
    "ring": _ring,
    "cross": _cross,
    "cat": _cat,
    "dog": _dog,
    "house": _house,
    "tree": _tree,
    "fish": _fish,
    "car": _car,
    "flower": _flower,
    "mushroom": _mushroom,
}
