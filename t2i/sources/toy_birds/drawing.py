"""Draws one bird, facing right, and mirrors it if needed.

Coordinates are fractions of the image side, x to the right and y down, (0, 0) in the middle.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]

BEAK_SHAPES = ("short", "long", "curved")
FACINGS = ("left", "right")
POSES = ("perched", "standing", "flying", "swimming")
BACKGROUNDS = ("sky", "leaves", "meadow", "water", "dusk")
OVERSAMPLING = 4
INK: Colour = (46, 38, 42)
WOOD: Colour = (150, 134, 124)
LEG: Colour = (108, 92, 84)
EARTH: Colour = (206, 196, 180)


def _ellipse(x: float, y: float, rx: float, ry: float, tilt: float = 0.0) -> np.ndarray:
    """Outline [40, 2] of an ellipse around (x, y), its right end tilted up by ``tilt`` degrees."""
    angle, turn = np.linspace(0, 2 * np.pi, 40, endpoint=False), np.deg2rad(-tilt)
    u, v = rx * np.cos(angle), ry * np.sin(angle)
    return np.stack([x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)], 1)


def _smooth(*corners: tuple[float, float]) -> np.ndarray:
    """Closed Catmull-Rom curve [8 * corners, 2] through the corners."""
    p1 = np.array(corners)[:, None]
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    curve = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return np.asarray(curve).reshape(-1, 2)


def _mix(a: Sequence[int], b: Sequence[int], share: float) -> Colour:
    """Interpolate between two colours: a at ``share`` 0, b at 1."""
    red, green, blue = (round(x + share * (y - x)) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _detail(colour: Colour) -> Colour:
    """A shade that is visible on the colour, for feather lines."""
    return _mix(colour, (255, 255, 255), 0.3) if sum(colour) < 200 else _mix(colour, INK, 0.35)


class _Pen:
    """Draws shapes given in the coordinates of the bird, which a matrix and an offset map to the image."""

    def __init__(self, image: Image.Image, matrix: np.ndarray, offset: np.ndarray) -> None:
        self.image, self.matrix, self.offset = image, matrix, offset
        self.draw = ImageDraw.Draw(image)
        self.unit = image.width  # in pixels

    def to_pixels(self, points: np.ndarray) -> list[tuple[float, float]]:
        pixels = ((points @ self.matrix.T + self.offset + 0.5) * self.unit).tolist()
        return [(x, y) for x, y in pixels]

    def line(self, points: Sequence[tuple[float, float]] | np.ndarray, colour: Colour, width: float = 0.012) -> None:
        self.draw.line(self.to_pixels(np.asarray(points)), colour, max(1, round(width * self.unit)))

    def shape(self, points: np.ndarray, colour: Colour, outline: float = 0.014) -> None:
        outline_points = self.to_pixels(points)
        self.draw.polygon(outline_points, fill=colour)
        self.draw.line([*outline_points, *outline_points[:2]], INK, max(1, round(outline * self.unit)))

    def union(self, shapes: Sequence[np.ndarray], colour: Colour) -> None:
        """Several shapes with one common outline."""
        for points in shapes:
            self.shape(points, INK, outline=0.028)
        for points in shapes:
            self.draw.polygon(self.to_pixels(points), fill=colour)

    def patch(self, points: np.ndarray, inside: Sequence[np.ndarray], colour: Colour) -> None:
        """The part of a shape that lies inside other shapes."""
        masks = Image.new("L", self.image.size), Image.new("L", self.image.size)
        for mask, shapes in zip(masks, ([points], inside), strict=True):
            pen = ImageDraw.Draw(mask)
            for shape in shapes:
                pen.polygon(self.to_pixels(shape), fill=255)
        self.image.paste(colour, mask=ImageChops.darker(*masks))


def draw(
    attributes: Mapping[str, str],
    *,
    colours: Mapping[str, Colour],
    background_colours: tuple[Colour, Colour, Colour],
    scale: float,
    seed: Sequence[int],
    image_size: int,
) -> Image.Image:
    """Draw a bird at `OVERSAMPLING` times the size and reduce the image.

    Args:
        attributes: "pose", "background", "beak_shape" and "facing", each with a value of `POSES`, `BACKGROUNDS`,
            `BEAK_SHAPES` and `FACINGS`.
        colours: part ("body", "belly", "wing", "crown", "beak") -> its colour, 0..255.
        background_colours: of top, bottom and ornament.
        scale: of the bird; at 1 it fills most of the image.
        seed: of position, rotation, shades, ornaments and noise.
        image_size: side of the square image in pixels.
    """
    rng = np.random.default_rng(seed)
    colours = {part: _shade(colour, rng) for part, colour in sorted(colours.items())}
    pose, size = attributes["pose"], image_size * OVERSAMPLING
    image = _background(attributes["background"], background_colours, size, rng)
    angle = np.deg2rad(rng.uniform(-6, 6))
    zoom = (
        scale * rng.uniform(0.95, 1.03) * (0.95 if pose == "flying" else 1.0)
    )  # the tail of a flying bird reaches further
    mirror = -1 if attributes["facing"] == "left" else 1
    matrix = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * [[mirror], [1]]
    middle = matrix @ [-0.03, -0.04] if pose == "flying" else matrix @ [-0.02, 0.0]  # of the bird with its beak
    pen = _Pen(image, matrix, middle + rng.uniform(-0.02, 0.02, 2))
    if pose == "standing":
        _ground(image, float(pen.offset[1] + zoom * 0.4))
    if pose == "flying":
        _flying(pen, colours, attributes["beak_shape"])
    else:
        _upright(pen, colours, attributes["beak_shape"], pose)
    if pose == "swimming":
        _surface(image, background_colours, float(pen.offset[1] + zoom * 0.25), rng)
    noise = rng.normal(0, 1.5, (image_size, image_size, 1))
    return Image.fromarray(np.clip(np.asarray(image.reduce(OVERSAMPLING)) + noise, 0, 255).astype(np.uint8))


def _shade(colour: Colour, rng: np.random.Generator) -> Colour:
    """The colour, slightly lighter or darker at random."""
    red, green, blue = np.clip(np.array(colour) * rng.uniform(0.9, 1.06) + rng.uniform(-5, 5, 3), 0, 255).round()
    return int(red), int(green), int(blue)


def _upright(pen: _Pen, colours: Mapping[str, Colour], beak: str, pose: str) -> None:
    if pose == "perched":
        branch = [(-0.75, 0.47), (-0.2, 0.41), (0.25, 0.43), (0.75, 0.37)]
        pen.line(branch, INK, 0.075)
        pen.line(branch, WOOD, 0.05)
    if pose != "swimming":
        for x in (-0.01, 0.08):
            pen.line([(x, 0.27), (x + 0.01, 0.41)], LEG, 0.025)
            pen.line([(x - 0.03, 0.415), (x + 0.05, 0.415)], LEG, 0.025)
    body, head = _ellipse(-0.03, 0.1, 0.26, 0.21, 28), _ellipse(0.13, -0.2, 0.19, 0.18)
    lift = 0.13 if pose == "swimming" else 0.0  # keeps the tail above the water
    tail = _smooth((-0.16, 0.06), (-0.43, 0.18 - lift), (-0.47, 0.27 - lift), (-0.37, 0.31 - lift / 2), (-0.14, 0.26))
    _beak(pen, colours["beak"], beak, 0.295, -0.17)
    pen.union([tail, body, head], colours["body"])
    pen.line([(-0.24, 0.2 - lift / 2), (-0.42, 0.25 - lift)], _detail(colours["body"]))
    pen.patch(_ellipse(0.11, 0.16, 0.18, 0.22, -10), [body], colours["belly"])
    wing = _smooth(
        (0.0, -0.04), (0.05, 0.06), (-0.03, 0.18), (-0.19, 0.22), (-0.38, 0.2 - lift / 2), (-0.22, 0.05), (-0.11, -0.04)
    )  # fmt: skip
    pen.shape(wing, colours["wing"])
    for y in (0.07, 0.12, 0.165):
        pen.line([(-0.02 - y / 3, y), (-0.14 - y / 2, y + 0.045)], _detail(colours["wing"]))
    _face(pen, colours["crown"], 0.13, -0.2)


def _flying(pen: _Pen, colours: Mapping[str, Colour], beak: str) -> None:
    body, head = _ellipse(-0.06, 0.16, 0.27, 0.165, 12), _ellipse(0.19, 0.02, 0.175, 0.17)
    tail = _smooth((-0.2, 0.14), (-0.44, 0.12), (-0.49, 0.18), (-0.45, 0.23), (-0.48, 0.29), (-0.4, 0.33), (-0.2, 0.28))
    far = _smooth((0.08, 0.02), (0.13, -0.2), (0.08, -0.41), (0.01, -0.37), (-0.04, -0.3), (-0.1, -0.06))
    near = _smooth(
        (0.03, 0.1), (-0.01, -0.14), (-0.15, -0.42), (-0.22, -0.42), (-0.25, -0.36), (-0.31, -0.35), (-0.33, -0.28),
        (-0.38, -0.25), (-0.38, -0.17), (-0.41, -0.12), (-0.37, -0.04), (-0.27, 0.05), (-0.13, 0.17),
    )  # fmt: skip
    pen.shape(far, _mix(colours["wing"], INK, 0.15))
    _beak(pen, colours["beak"], beak, 0.34, 0.05)
    pen.union([tail, body, head], colours["body"])
    pen.line([(-0.32, 0.2), (-0.44, 0.22)], _detail(colours["body"]))
    pen.patch(_ellipse(0.02, 0.285, 0.27, 0.145, 12), [body], colours["belly"])
    pen.shape(near, colours["wing"])
    for x, y in ((-0.24, -0.34), (-0.31, -0.25), (-0.36, -0.14)):
        pen.line([(x, y), (0.45 * x - 0.02, 0.45 * y + 0.02)], _detail(colours["wing"]))
    _face(pen, colours["crown"], 0.19, 0.02)


def _face(pen: _Pen, crown: Colour, x: float, y: float) -> None:
    """Crown, with a small crest at the back, and eye of a head around (x, y)."""
    cap = _smooth(
        (x + 0.165, y - 0.07), (x + 0.11, y - 0.15), (x + 0.02, y - 0.19), (x - 0.09, y - 0.19), (x - 0.22, y - 0.2),
        (x - 0.19, y - 0.1), (x - 0.16, y - 0.03), (x - 0.05, y - 0.065), (x + 0.06, y - 0.085),
    )  # fmt: skip
    pen.shape(cap, crown)
    pen.shape(_ellipse(x + 0.06, y - 0.005, 0.038, 0.038), (252, 252, 252), 0.008)
    pen.shape(_ellipse(x + 0.066, y - 0.005, 0.02, 0.02), INK, 0.004)


def _beak(pen: _Pen, colour: Colour, shape: str, x: float, y: float) -> None:
    """A beak at (x, y), its base hidden by the head."""
    if shape == "short":
        points = np.array([(-0.05, -0.12), (0.04, -0.11), (0.155, 0.02), (0.04, 0.11), (-0.05, 0.12)])
    elif shape == "long":
        points = np.array([(-0.05, -0.085), (0.02, -0.08), (0.25, 0.01), (0.02, 0.08), (-0.05, 0.085)])
    else:
        points = _smooth((-0.05, -0.09), (0.04, -0.1), (0.14, -0.04), (0.16, 0.13), (0.09, 0.08), (-0.05, 0.1))
    pen.shape(points + [x, y], colour, 0.012)
    pen.line([(x, y + 0.01), (x + 0.09, y + 0.015)], _detail(colour), 0.01)


def _background(name: str, colours: tuple[Colour, Colour, Colour], size: int, rng: np.random.Generator) -> Image.Image:
    top, bottom, ornament = (_shade(colour, rng) for colour in colours)
    height = np.linspace(0, 1, size)[:, None]
    if name in ("meadow", "water"):  # a horizon
        height = np.clip((height - rng.uniform(0.45, 0.6)) * 40, 0, 1)
    rows = (top + height * np.subtract(bottom, top)).round().astype(np.uint8)
    image = Image.fromarray(rows[:, None]).resize((size, size), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    if name in ("sky", "dusk"):
        for x, y in rng.uniform(0, size, (2, 2)):
            for dx, dy, r in ((-0.12, 0.02, 0.08), (0, 0, 0.12), (0.13, 0.02, 0.09)):
                cx, cy, rx, ry = x + dx * size, y + dy * size, 1.6 * r * size, 0.6 * r * size
                pen.ellipse([cx - rx, cy - ry, cx + rx, cy + ry], fill=ornament)
    elif name == "leaves":
        for x, y, tilt in rng.uniform(0, 1, (14, 3)):
            leaf = (_ellipse(x, y, 0.11, 0.045, 360 * tilt) * size).tolist()
            pen.polygon([(u, v) for u, v in leaf], fill=_mix(ornament, (255, 255, 255), 0.5 * (tilt > 0.6)))
    elif name == "meadow":
        for x, y, lean in rng.uniform(0, 1, (26, 3)):
            blade = [x, 0.62 + 0.4 * y, x + 0.08 * lean - 0.04, 0.5 + 0.4 * y]
            pen.line([size * coordinate for coordinate in blade], fill=ornament, width=size // 64 + 1)
    else:
        _waves(pen, ornament, size, 0.62, rng)
    return image


def _waves(pen: ImageDraw.ImageDraw, colour: Colour, size: int, top: float, rng: np.random.Generator) -> None:
    for x, y in rng.uniform(0, 1, (9, 2)):
        x, y = x * size, (top + (1 - top) * y) * size
        pen.line([x - 0.09 * size, y, x + 0.09 * size, y], fill=colour, width=size // 90 + 1)


def _ground(image: Image.Image, top: float) -> None:
    """A low hill to stand on, its top at height ``top`` (0 in the middle of the image)."""
    size = image.width
    box = [-0.6 * size, (top + 0.5) * size, 1.6 * size, (top + 1.5) * size]
    ImageDraw.Draw(image).ellipse(box, fill=EARTH, outline=_mix(EARTH, INK, 0.3), width=size // 90 + 1)


def _surface(image: Image.Image, colours: tuple[Colour, Colour, Colour], top: float, rng: np.random.Generator) -> None:
    """Water in front of a swimming bird, below height ``top`` (0 in the middle of the image)."""
    size = image.width
    pen, level = ImageDraw.Draw(image), round((top + 0.5) * size)
    pen.rectangle([0, level, size, size], fill=colours[1])
    for share, below in ((0.5, 0), (0.34, 0.05), (0.2, 0.1)):  # ripples
        y = level + below * size
        pen.line([(0.5 - share) * size, y, (0.5 + share) * size, y], fill=colours[2], width=size // 60 + 1)
    _waves(pen, colours[2], size, top + 0.64, rng)
