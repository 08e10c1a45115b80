"""Cats and dogs, drawn in a few strokes.

What makes them hard for a small network is what makes photos hard: the animals share colours
and poses, and some cats have folded ears and some dogs pointed ones.
"""

from __future__ import annotations

import numpy as np

from tasks.synthetic.canvas import Canvas, Colour

COATS = np.array(
    [
        [236, 226, 208],  # cream
        [216, 152, 82],  # ginger
        [150, 98, 58],  # brown
        [98, 72, 54],  # dark brown
        [140, 138, 142],  # grey
        [62, 58, 62],  # black
        [196, 176, 148],  # fawn
        [242, 242, 240],  # white
    ],
    float,
)
DARK = np.array([28.0, 22, 24])
PINK = np.array([232.0, 138, 148])
WHITE = np.array([246.0, 244, 240])


def draw_cat(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw pointed ears or folded ones, slit pupils, a small muzzle and whiskers."""
    coat, second = _coat(rng)
    turned = rng.normal(0, 0.13)  # how far the face is turned aside
    _cat_body(canvas, rng, coat)
    folded = rng.random() < 0.25
    for side in (-1, 1):
        _folded_ear(canvas, side, coat) if folded else _pointed_ear(canvas, rng, side, coat, 0.8)
    canvas.oval((0, 0), (rng.uniform(0.95, 1.1), rng.uniform(0.78, 0.9)), coat)
    if rng.random() < 0.5:
        _tabby(canvas, second)
    _cat_eyes(canvas, rng, turned)
    _cat_muzzle(canvas, rng, turned, coat)


def _cat_body(canvas: Canvas, rng: np.random.Generator, coat: Colour) -> None:
    height = rng.uniform(1.0, 1.5)
    bend = np.linspace(-1.3, 1.3, 9)
    tail = np.stack([0.8 + 0.7 * np.cos(bend), height - 0.9 * np.sin(bend)], axis=1)
    canvas.line(tail, 0.24, 0.85 * coat)
    canvas.oval((0, 0.5 + height), (rng.uniform(0.7, 0.95), height), 0.92 * coat)


def _folded_ear(canvas: Canvas, side: int, coat: Colour) -> None:
    canvas.polygon([(side * 0.95, -0.2), (side * 0.95, -0.75), (side * 0.3, -0.85)], 0.8 * coat)


def _tabby(canvas: Canvas, colour: Colour) -> None:
    for x in (-0.22, 0, 0.22):
        canvas.line([(x, -0.82), (0.8 * x, -0.45)], 0.09, colour)
    for side in (-1, 1):
        for y in (0.0, 0.2):
            canvas.line([(side * 0.98, y), (side * 0.66, y + 0.04)], 0.09, colour)


def _cat_eyes(canvas: Canvas, rng: np.random.Generator, turned: float) -> None:
    iris = np.array([(196, 206, 66), (112, 190, 96), (226, 176, 52), (120, 180, 222)])
    colour = rng.choice(iris).astype(float)
    for side in (-1, 1):
        at = (side * 0.42 + turned, -0.1)
        canvas.oval(at, (0.26, 0.19), colour, side * -0.35)
        canvas.oval(at, (rng.uniform(0.05, 0.1), 0.18), DARK)


def _cat_muzzle(canvas: Canvas, rng: np.random.Generator, turned: float, coat: Colour) -> None:
    pale = 0.5 * coat + 0.5 * WHITE
    for side in (-1, 1):
        canvas.oval((side * 0.17 + turned, 0.42), (0.22, 0.17), pale)
    nose = [(turned - 0.12, 0.22), (turned + 0.12, 0.22), (turned, 0.36)]
    canvas.polygon(nose, 0.85 * PINK)
    whisker = WHITE if coat.mean() < 170 else DARK
    for side in (-1, 1):
        for lift in (-0.14, 0.02, 0.18):
            root, reach = turned + side * 0.28, side * rng.uniform(0.75, 1.0)
            tip = (root + reach, 0.42 + lift * 4 / 3)
            canvas.line([(root, 0.42 + lift / 3), tip], 0.03, whisker)


def draw_dog(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw hanging ears or pointed ones, round eyes, a long broad snout, often a tongue."""
    coat, second = _coat(rng)
    turned = rng.normal(0, 0.13)
    _dog_body(canvas, rng, coat)
    pointed = rng.random() < 0.35
    ears = second if rng.random() < 0.5 else 0.78 * coat
    if pointed:
        for side in (-1, 1):
            _pointed_ear(canvas, rng, side, coat, 0.6)
    canvas.oval((0, 0.05), (rng.uniform(0.74, 0.88), rng.uniform(0.9, 1.05)), coat)
    if rng.random() < 0.35:
        canvas.oval((0.32, -0.25), (0.32, 0.36), ears)
    if not pointed:
        length, lift = rng.uniform(0.5, 0.8), rng.uniform(0.1, 0.5)
        for side in (-1, 1):
            canvas.oval((side * 0.86, -0.45 + length * 0.7), (0.27, length), ears, -side * lift)
    _dog_eyes(canvas, turned)
    _snout(canvas, rng, turned, coat)


def _dog_body(canvas: Canvas, rng: np.random.Generator, coat: Colour) -> None:
    height = rng.uniform(1.0, 1.5)
    canvas.oval((0, 0.6 + height), (rng.uniform(0.8, 1.1), height), 0.92 * coat)
    if rng.random() < 0.4:
        collar = rng.uniform(20, 235, 3)
        canvas.line([(-0.62, 1.02), (0, 1.2), (0.62, 1.02)], 0.2, collar)


def _dog_eyes(canvas: Canvas, turned: float) -> None:
    for side in (-1, 1):
        canvas.oval((side * 0.34 + turned, -0.22), (0.14, 0.15), 2.2 * DARK)
        canvas.oval((side * 0.34 + turned, -0.22), (0.1, 0.11), DARK)
        canvas.oval((side * 0.34 + turned + 0.04, -0.26), (0.04, 0.04), WHITE)


def _snout(canvas: Canvas, rng: np.random.Generator, turned: float, coat: Colour) -> None:
    x = 1.6 * turned
    pale = coat + rng.uniform(0.1, 0.6) * (WHITE - coat)
    if rng.random() < 0.6:
        canvas.oval((x, 0.98), (0.2, rng.uniform(0.25, 0.45)), PINK * (1, 0.75, 0.75))
    canvas.oval((x, 0.5), (rng.uniform(0.42, 0.54), rng.uniform(0.42, 0.52)), pale)
    canvas.oval((x, 0.3), (0.24, 0.17), DARK)
    canvas.line([(x, 0.4), (x, 0.68)], 0.06, DARK)
    mouth = [(-0.28, 0.7), (-0.1, 0.76), (0, 0.68), (0.1, 0.76), (0.28, 0.7)]
    canvas.line([(x + along, down) for along, down in mouth], 0.06, DARK)


def _coat(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Choose the colours of the coat and of its markings."""
    first, second = rng.choice(COATS, 2, replace=False)
    return first + rng.normal(0, 12) + rng.normal(0, 5, 3), second + rng.normal(0, 12)


def _pointed_ear(
    canvas: Canvas, rng: np.random.Generator, side: int, coat: Colour, spread: float
) -> None:
    tip = np.array([side * (spread + rng.normal(0, 0.06)), rng.uniform(-1.5, -1.25)])
    outer, inner = np.array([side * 0.96, -0.2]), np.array([side * 0.14, -0.7])
    canvas.polygon([outer, tip, inner], 0.88 * coat)
    middle = (outer + tip + inner) / 3
    canvas.polygon([middle + 0.5 * (point - middle) for point in (outer, tip, inner)], PINK)
