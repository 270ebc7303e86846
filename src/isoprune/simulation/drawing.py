"""Simple pictures of five kinds of things, each picture different from every other."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

SIZE = 224  # pixels; what most ImageNet networks take
_BRIGHTNESS, _CONTRAST = 120.0, 45.0  # mean and standard deviation of luminance, of 255
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of red, green, blue (ITU-R BT.601)
_OVERSAMPLING = 2  # drawn larger and shrunk, so that edges are smooth

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]


class Pen:
    """Draws shapes given in the object's own frame, which is shifted, turned, scaled and mirrored.

    Parameters
    ----------
    picture : PIL.Image.Image
        The picture to draw on.
    centre : tuple of float
        Place of the frame's origin, in pixels from the upper left corner.
    scale : float
        Pixels a unit of the frame; objects fill about −1 … 1, y pointing down.
    turn : float
        Rotation of the frame in radians, clockwise.
    mirror : bool
        Whether left and right are exchanged.
    """

    def __init__(self, picture, centre: tuple[float, float], scale: float, turn: float, mirror: bool):
        from PIL import ImageDraw

        self._draw = ImageDraw.Draw(picture)
        self._centre, self._scale = np.asarray(centre), scale
        flip = -1.0 if mirror else 1.0
        cosine, sine = np.cos(turn), np.sin(turn)
        self._axes = np.array([[cosine * flip, -sine], [sine * flip, cosine]])

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill the polygon through ``points``."""
        pixels = self._centre + self._scale * np.asarray(points, dtype=float) @ self._axes.T
        self._draw.polygon([tuple(pixel) for pixel in pixels], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill an upright box."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill an ellipse of half axes ``width`` and ``height`` around (x, y)."""
        angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        points = np.column_stack([x + width * np.cos(angle), y + height * np.sin(angle)])
        self.polygon(points.tolist(), colour)

    def stroke(self, points: Points, width: float, colour: Colour) -> None:
        """Draw a line of the given width with round ends and joints."""
        for (x0, y0), (x1, y1) in pairwise(points):
            half = width / (2 * np.hypot(x1 - x0, y1 - y0))
            dx, dy = (y0 - y1) * half, (x1 - x0) * half
            self.polygon(
                [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)], colour
            )
        for x, y in points:
            self.ellipse(x, y, width / 2, width / 2, colour)


def colour(rng: np.random.Generator, hue=(0, 1), saturation=(0.25, 0.9), value=(0.3, 0.95)) -> Colour:
    """A random colour with hue, saturation and value (0 … 1) inside the given ranges."""
    red, green, blue = colorsys.hsv_to_rgb(
        rng.uniform(*hue) % 1, rng.uniform(*saturation), rng.uniform(*value)
    )
    return round(255 * red), round(255 * green), round(255 * blue)


def shade(base: Colour, factor: float) -> Colour:
    """A colour made darker (factor below 1) or lighter."""
    red, green, blue = (min(255, round(channel * factor)) for channel in base)
    return red, green, blue


def face(pen: Pen, rng: np.random.Generator) -> None:
    """A face from the front: head shape, skin, hair, eyes, nose, mouth and sometimes glasses vary."""
    skin = colour(rng, (0.03, 0.1), (0.25, 0.6), (0.4, 0.98))
    hair = colour(rng, (0.02, 0.13), (0.2, 0.8), (0.08, 0.8))
    width, length = rng.uniform(0.58, 0.75), rng.uniform(0.8, 0.95)
    if rng.random() < 0.5:
        pen.ellipse(0, rng.uniform(-0.05, 0.35), width * 1.3, length * rng.uniform(0.85, 1.05), hair)
    pen.ellipse(0, -0.25, width * 1.12, length * 0.85, hair)
    for side in (-1, 1):
        pen.ellipse(side * width, 0.05, 0.1, 0.18, shade(skin, 0.85))
    pen.ellipse(0, 0.08, width, length * 0.92, skin)
    fringe = rng.uniform(0.5, 0.8)
    pen.ellipse(rng.uniform(-0.15, 0.15), -fringe, width * 0.8, 0.28, hair)
    _eyes(pen, rng, hair, rng.uniform(0.24, 0.32))
    nose = rng.uniform(0.08, 0.16)
    pen.polygon([(0, -0.02), (nose, 0.3), (-nose, 0.3)], shade(skin, 0.75))
    smile, lips = rng.uniform(-0.1, 0.16), colour(rng, (0.96, 1.03), (0.5, 0.9), (0.4, 0.85))
    half = rng.uniform(0.16, 0.34)
    curve = [(x * half, 0.56 + smile * (1 - x**2)) for x in np.linspace(-1, 1, 9)]
    pen.stroke(curve, rng.uniform(0.05, 0.12), lips)


def _eyes(pen: Pen, rng: np.random.Generator, hair: Colour, apart: float) -> None:
    iris, size = colour(rng, (0.05, 0.65), (0.3, 0.8), (0.2, 0.6)), rng.uniform(0.1, 0.15)
    glasses, tilt = rng.random() < 0.35, rng.uniform(-0.06, 0.06)
    for side in (-1, 1):
        x = side * apart
        if glasses:
            pen.ellipse(x, -0.05, size + 0.12, size + 0.09, (25, 25, 30))
            pen.ellipse(x, -0.05, size + 0.08, size + 0.05, (215, 225, 230))
        pen.ellipse(x, -0.05, size, size * 0.62, (248, 248, 245))
        pen.ellipse(x, -0.05, size * 0.55, size * 0.55, iris)
        pen.ellipse(x, -0.05, size * 0.25, size * 0.25, (10, 10, 10))
        pen.stroke([(x - side * 0.12, -0.27 + tilt), (x + side * 0.14, -0.27 - tilt)], 0.06, shade(hair, 0.7))
    if glasses:
        pen.stroke([(-apart + size + 0.1, -0.06), (apart - size - 0.1, -0.06)], 0.045, (25, 25, 30))


def house(pen: Pen, rng: np.random.Generator) -> None:
    """A house front: proportions, roof, storeys, windows, door and chimney vary."""
    wall, roof = (
        colour(rng, value=(0.5, 0.98), saturation=(0.05, 0.6)),
        colour(rng, (-0.05, 0.12), value=(0.2, 0.65)),
    )
    pane, frame = colour(rng, (0.5, 0.62), (0.2, 0.6), (0.3, 0.95)), shade(wall, rng.choice([0.5, 1.4]))
    half, eaves, ridge = rng.uniform(0.55, 0.95), rng.uniform(-0.5, 0.0), rng.uniform(0.3, 0.55)
    if rng.random() < 0.6:
        x = rng.uniform(0.2, 0.6) * half
        pen.box(x, eaves - ridge, x + 0.16, eaves, shade(roof, 0.7))
    pen.box(-half, eaves, half, 0.9, wall)
    flat = rng.choice([0.0, rng.uniform(0.3, 0.8)])
    top = [(flat * half, eaves - ridge), (-flat * half, eaves - ridge)]
    pen.polygon([(-half - 0.1, eaves), *top[::-1], (half + 0.1, eaves)], roof)
    columns, storeys = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    door = int(rng.integers(columns))
    wide, high = 2 * half / columns, (0.9 - eaves) / storeys
    for storey in range(storeys):
        for column in range(columns):
            x, y = -half + (column + 0.5) * wide, eaves + (storey + 0.5) * high
            if storey == storeys - 1 and column == door:
                pen.box(
                    x - 0.28 * wide, y - 0.32 * high, x + 0.28 * wide, 0.9, colour(rng, value=(0.15, 0.6))
                )
                continue
            pen.box(x - 0.3 * wide, y - 0.3 * high, x + 0.3 * wide, y + 0.3 * high, frame)
            pen.box(x - 0.24 * wide, y - 0.25 * high, x + 0.24 * wide, y + 0.25 * high, pane)
            pen.stroke([(x, y - 0.25 * high), (x, y + 0.25 * high)], 0.03, frame)


def animal(pen: Pen, rng: np.random.Generator) -> None:
    """An animal from the side: a four-legged one, a bird or a fish, of varied build, coat and colour."""
    build: Callable[[Pen, np.random.Generator, Colour], None] = (_quadruped, _quadruped, _bird, _fish)[
        int(rng.integers(4))
    ]
    build(pen, rng, colour(rng, (0.0, 0.62), (0.2, 0.85), (0.15, 0.9)))


def _quadruped(pen: Pen, rng: np.random.Generator, coat: Colour) -> None:
    body, depth, leg = rng.uniform(0.45, 0.68), rng.uniform(0.2, 0.36), rng.uniform(0.35, 0.65)
    head, neck = rng.uniform(0.16, 0.26), rng.uniform(0.1, 0.6)
    for x, dim in ((-0.75, 0.75), (0.6, 0.75), (-0.6, 1.0), (0.75, 1.0)):
        pen.stroke(
            [(x * body, 0), (x * body + rng.uniform(-0.08, 0.08), leg)],
            rng.uniform(0.1, 0.16),
            shade(coat, dim),
        )
    tail = [(-body, -0.05), (-body - 0.22, rng.uniform(-0.45, 0.15)), (-body - 0.3, rng.uniform(-0.6, 0.35))]
    pen.stroke(tail, rng.uniform(0.05, 0.12), shade(coat, 0.85))
    nose = (body + 0.2, -depth * 0.6 - neck)
    pen.stroke([(body * 0.8, -0.05), nose], depth * 0.75, coat)
    pen.ellipse(0, 0, body, depth, coat)
    pen.ellipse(*nose, head * 1.25, head, coat)
    for shift in (-0.12, 0.0):
        tip = (nose[0] + shift - 0.08, nose[1] - head - rng.uniform(0.08, 0.4))
        pen.polygon(
            [
                (nose[0] + shift - 0.1, nose[1] - head * 0.5),
                tip,
                (nose[0] + shift + 0.06, nose[1] - head * 0.6),
            ],
            shade(coat, 0.7),
        )
    pen.ellipse(nose[0] + 0.06, nose[1] - 0.05, 0.04, 0.04, (10, 10, 10))
    marks = colour(rng, value=(0.05, 0.95))
    for _ in range(int(rng.choice([0, 5, 9]))):
        x, size = rng.uniform(-0.75, 0.75), rng.uniform(0.05, 0.11)
        pen.ellipse(x * body, rng.uniform(-0.5, 0.5) * depth * np.sqrt(1 - x**2), size, size * 0.8, marks)


def _bird(pen: Pen, rng: np.random.Generator, coat: Colour) -> None:
    body, depth = rng.uniform(0.42, 0.6), rng.uniform(0.26, 0.42)
    beak = colour(rng, (0.03, 0.15), (0.7, 1.0), (0.7, 1.0))
    for x in (-0.08, 0.1):
        pen.stroke([(x, 0.1), (x, rng.uniform(0.7, 0.85))], 0.05, beak)
    end = rng.uniform(-0.35, 0.3)
    pen.polygon(
        [(-body * 0.6, -0.12), (-body - 0.45, end - 0.12), (-body - 0.4, end + 0.12), (-body * 0.6, 0.15)],
        shade(coat, 0.7),
    )
    pen.ellipse(0, 0, body, depth, coat)
    head, x, y = rng.uniform(0.2, 0.28), body * 0.85, -depth - rng.uniform(0.02, 0.25)
    pen.stroke([(body * 0.4, -0.05), (x, y)], head * 1.4, coat)
    pen.ellipse(x, y, head, head, coat)
    pen.polygon(
        [(x + head * 0.8, y - 0.1), (x + head + rng.uniform(0.15, 0.4), y), (x + head * 0.8, y + 0.1)], beak
    )
    pen.ellipse(x + 0.07, y - 0.05, 0.05, 0.05, (250, 250, 250))
    pen.ellipse(x + 0.08, y - 0.05, 0.03, 0.03, (10, 10, 10))
    pen.ellipse(-0.12, 0.02, body * 0.6, depth * rng.uniform(0.4, 0.65), colour(rng, value=(0.2, 0.9)))


def _fish(pen: Pen, rng: np.random.Generator, coat: Colour) -> None:
    body, depth = rng.uniform(0.55, 0.75), rng.uniform(0.25, 0.5)
    fin = shade(colour(rng), 0.9)
    pen.polygon(
        [
            (-body * 0.8, 0),
            (-body - 0.35, -rng.uniform(0.2, 0.5)),
            (-body - 0.2, 0),
            (-body - 0.35, rng.uniform(0.2, 0.5)),
        ],
        fin,
    )
    pen.polygon([(0.3, -depth * 0.7), (-0.1, -depth - rng.uniform(0.1, 0.35)), (-0.45, -depth * 0.6)], fin)
    pen.polygon([(0.1, depth * 0.7), (-0.15, depth + rng.uniform(0.05, 0.3)), (-0.35, depth * 0.6)], fin)
    pen.ellipse(0, 0, body, depth, coat)
    stripe = colour(rng, value=(0.1, 0.98))
    for x in np.linspace(-0.6, 0.45, int(rng.choice([1, 3, 5])))[1:]:
        half = 0.85 * depth * np.sqrt(1 - x**2)
        pen.stroke([(x * body, -half), (x * body, half)], 0.09, stripe)
    pen.ellipse(body * 0.65, -depth * 0.25, 0.09, 0.09, (250, 250, 250))
    pen.ellipse(body * 0.67, -depth * 0.25, 0.05, 0.05, (10, 10, 10))


def tool(pen: Pen, rng: np.random.Generator) -> None:
    """A hand tool: hammer, screwdriver, spanner, saw or brush, of varied length, width and colour."""
    grip = colour(rng, saturation=(0.4, 1.0))
    steel = colour(rng, (0.5, 0.7), (0.0, 0.2), (0.35, 0.9))
    draw = (_hammer, _screwdriver, _spanner, _saw, _brush)[int(rng.integers(5))]
    draw(pen, rng, grip, steel)


def _hammer(pen: Pen, rng: np.random.Generator, grip: Colour, steel: Colour) -> None:
    pen.stroke([(0, -0.7), (0, 0.9)], rng.uniform(0.14, 0.26), grip)
    half, thick = rng.uniform(0.35, 0.6), rng.uniform(0.14, 0.24)
    pen.box(-half * 0.6, -0.7 - thick, half, -0.7 + thick, steel)
    pen.polygon(
        [(-half * 0.6, -0.7 - thick), (-half * 0.6, -0.7 + thick), (-half * 1.5, -0.7 + thick)],
        shade(steel, 0.8),
    )


def _screwdriver(pen: Pen, rng: np.random.Generator, grip: Colour, steel: Colour) -> None:
    split, thick = rng.uniform(-0.1, 0.3), rng.uniform(0.26, 0.42)
    pen.stroke([(0, split), (0, -0.9)], rng.uniform(0.08, 0.14), steel)
    pen.box(-0.09, -1.0, 0.09, -0.88, shade(steel, 0.8))
    pen.stroke([(0, split + 0.15), (0, 0.85)], thick, grip)
    for y in np.linspace(split + 0.2, 0.8, 4):
        pen.box(-thick / 2, y, thick / 2, y + 0.04, shade(grip, 0.6))


def _spanner(pen: Pen, rng: np.random.Generator, grip: Colour, steel: Colour) -> None:
    metal = steel if rng.random() < 0.6 else grip
    pen.stroke([(0, -0.6), (0, 0.6)], rng.uniform(0.16, 0.28), metal)
    for y, radius in ((-0.7, rng.uniform(0.24, 0.36)), (0.7, rng.uniform(0.18, 0.34))):
        sides = np.linspace(0, 2 * np.pi, 7)[:-1] + np.pi / 6
        pen.ellipse(0, y, radius, radius, metal)
        pen.polygon([(radius * 0.5 * np.cos(a), y + radius * 0.5 * np.sin(a)) for a in sides], (30, 30, 34))


def _saw(pen: Pen, rng: np.random.Generator, grip: Colour, steel: Colour) -> None:
    high, tip = rng.uniform(0.2, 0.35), rng.uniform(0.05, 0.18)
    pen.polygon([(-0.45, -high), (1.0, -tip), (1.0, tip), (-0.45, high)], steel)
    teeth = np.linspace(-0.4, 0.96, int(rng.integers(9, 20)))
    for left, right in pairwise(teeth):
        y = high + (tip - high) * (left + 0.45) / 1.45
        pen.polygon([(left, y - 0.02), (right, y - 0.02), ((left + right) / 2, y + 0.09)], steel)
    pen.ellipse(-0.65, 0, 0.32, rng.uniform(0.3, 0.42), grip)
    pen.ellipse(-0.65, 0, 0.13, 0.18, (40, 36, 34))


def _brush(pen: Pen, rng: np.random.Generator, grip: Colour, steel: Colour) -> None:
    half, end = rng.uniform(0.16, 0.42), rng.uniform(0.05, 0.3)
    pen.stroke([(0, end), (0, 0.9)], rng.uniform(0.1, 0.2), grip)
    pen.box(-half, end - 0.25, half, end + 0.05, steel)
    bristle = colour(rng, value=(0.15, 0.9))
    pen.polygon([(-half, end - 0.25), (half, end - 0.25), (half * 0.9, -0.9), (-half * 0.9, -0.9)], bristle)
    for x in np.linspace(-0.8, 0.8, 6):
        pen.stroke([(x * half, end - 0.3), (x * half * 0.9, -0.86)], 0.02, shade(bristle, 0.7))


def texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """A picture filled by a grating, plaid, checkerboard, rings, dots or clouds in two colours.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Height and width, pixels.

    Returns
    -------
    ndarray of shape (size, size, 3), float
        Red, green and blue, 0 … 255.
    """
    y, x = np.mgrid[:size, :size] / size - 0.5
    angle, cycles, phase = rng.uniform(0, np.pi), rng.uniform(3, 16), rng.uniform(0, 2 * np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wave, cross = np.sin(2 * np.pi * cycles * along + phase), np.sin(2 * np.pi * cycles * across)
    centre = rng.uniform(-0.3, 0.3, 2)
    rings = np.sin(2 * np.pi * cycles * np.hypot(x - centre[0], y - centre[1]) + phase)
    kinds = (
        wave,
        (wave + cross) / 2,
        np.sign(wave * cross),
        rings,
        np.sign(wave + cross - 1.2),
        clouds(rng, size, 8),
    )
    pattern = kinds[int(rng.integers(len(kinds)))]
    if rng.random() < 0.4:
        pattern = np.tanh(4 * pattern)
    first = np.array(colour(rng, value=(0.05, 0.45)))
    second = np.array(colour(rng, saturation=(0.1, 0.5), value=(0.65, 1.0)))
    mix = ((pattern + 1) / 2).clip(0, 1)[..., np.newaxis]
    return first * (1 - mix) + second * mix


def clouds(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Smooth random values in −1 … 1 with about ``cells`` blobs across, shape (size, size)."""
    from PIL import Image

    coarse = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=float).clip(-1, 1)


def background(rng: np.random.Generator, size: int) -> np.ndarray:
    """A shallow colour gradient with clouds, shape (size, size, 3), 0 … 255."""
    y, x = np.mgrid[:size, :size] / size
    angle = rng.uniform(0, 2 * np.pi)
    mix = ((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5).clip(0, 1)[..., np.newaxis]
    muted = {"saturation": (0.0, 0.5), "value": (0.25, 0.95)}
    first, second = np.array(colour(rng, **muted)), np.array(colour(rng, **muted))
    mottle = rng.uniform(5, 45) * clouds(rng, size, int(rng.integers(3, 24)))[..., np.newaxis]
    return (first * (1 - mix) + second * mix + mottle).clip(0, 255)


OBJECTS = {"face": face, "house": house, "animal": animal, "tool": tool}


def draw_picture(category: str, rng: np.random.Generator):
    """A new picture of a category: one of ``OBJECTS``, or ``texture``.

    Parameters
    ----------
    category : str
        What to draw.
    rng : numpy.random.Generator
        Decides size, place, turn, colours, background and the details of the object.

    Returns
    -------
    PIL.Image.Image
        RGB, 224 × 224 pixels.
    """
    from PIL import Image

    size = _OVERSAMPLING * SIZE
    if category == "texture":
        picture = Image.fromarray(np.round(texture(rng, size)).astype(np.uint8))
    else:
        picture = Image.fromarray(np.round(background(rng, SIZE)).astype(np.uint8)).resize((size, size))
        place = size * (0.5 + rng.uniform(-0.1, 0.1, 2))
        upright = category in ("face", "house")
        turn = (
            rng.normal(0, 0.08)
            if upright
            else rng.normal(0, 0.2)
            if category == "animal"
            else rng.uniform(-3, 3)
        )
        pen = Pen(picture, tuple(place), size * rng.uniform(0.26, 0.42), turn, bool(rng.random() < 0.5))
        OBJECTS[category](pen, rng)
    return equalised(picture.resize((SIZE, SIZE), Image.Resampling.BOX))


def equalised(picture):
    """A picture with the same mean luminance and contrast as all others, as vision experiments do.

    Brightness and contrast scale all features of a network alike: left free, they are most of what tells
    the pictures apart, and hardly any set of features differs from any other.
    """
    from PIL import Image

    pixels = np.asarray(picture, dtype=np.float32)
    luminance = pixels @ _LUMINANCE
    wanted = (luminance - luminance.mean()) * (_CONTRAST / luminance.std()) + _BRIGHTNESS
    pixels = pixels + (wanted - luminance)[..., np.newaxis]
    return Image.fromarray(np.round(pixels.clip(0, 255)).astype(np.uint8))
