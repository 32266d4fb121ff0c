"""The web page: captions in, pictures out. Nothing leaves the machine."""

import base64
import io
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from t2i import checkpoints, runtime
from t2i.errors import InputError
from t2i.generate import Painted, paint
from t2i.models.damsm import encode_images
from t2i.models.generator import Generator
from t2i.models.judge import Judge
from t2i.models.text_encoder import TextEncoder
from t2i.painter import Painter

PAGE = Path(__file__).with_name("page.html")
MOST_BYTES = 20_000  # of a request: a caption and three numbers
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Caption = Annotated[str, Field(max_length=5000)]


class PaintRequest(BaseModel):
    """What the page asks for: pictures of a caption."""

    model_config = ConfigDict(extra="forbid")
    model: str
    caption: Caption
    number: Annotated[int, Field(ge=1, le=12)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    truncation: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0


class CompareRequest(BaseModel):
    """What the page asks for: two captions of one thing, from the same noise, by every model."""

    model_config = ConfigDict(extra="forbid")
    captions: Annotated[list[Caption], Field(min_length=2, max_length=2)]
    number: Annotated[int, Field(ge=1, le=6)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


@dataclass(frozen=True)
class Shown:
    """A model on the page.

    Attributes:
        label: what people read: file, model and weight of the contrastive loss.
    """

    label: str
    painter: Painter

    @classmethod
    def load(cls, path: Path) -> "Shown":
        """From a gan.pt; InputError if it is none."""
        content = checkpoints.load(path, "gan")
        painter = Painter(
            Generator.from_content(content["generator"]), TextEncoder.from_content(content["text"]), "auto"
        )
        weight = content.get("origin", {}).get("settings", {}).get("contrastive_weight")
        known = [content["generator"]["config"]["model"], *([] if weight is None else [f"lambda {weight:g}"])]
        return cls(f"{path.stem} ({', '.join(known)})", painter)


class Demo:
    """The models, and one painter at a time: two people get their own pictures, one after the other.

    Args:
        models: at least one; the first is what the page starts with.
        judge: measures caption consistency; None: pictures are shown without it.
    """

    def __init__(self, models: list[Shown], judge: Judge | None) -> None:
        if judge is not None:
            judge.to(runtime.device())
        self.models = {shown.label: shown for shown in models}
        self.judge = judge
        self._turn = threading.Lock()

    def paint(self, asked: PaintRequest) -> dict[str, Any]:
        """Pictures, scales and attention of a caption."""
        if asked.model not in self.models:
            raise InputError(f"no model {asked.model!r}; there are {', '.join(self.models)}")
        with self._turn:
            found = paint(
                self.models[asked.model].painter, asked.caption,
                number=asked.number, seed=asked.seed, truncation=asked.truncation,
            )  # fmt: skip
        return {
            "words": found.reading.words,
            "unknown": found.reading.unknown,
            "pictures": [_png(picture) for picture in found.pictures],
            "scales": [_png(picture) for picture in found.scales],
            "attention": [[_heat(word) for word in stage] for stage in found.attention],
        }

    def compare(self, asked: CompareRequest) -> dict[str, Any]:
        """Pictures of two captions by each model, and how far apart they are."""
        rows = []
        for label, shown in self.models.items():
            with self._turn:
                one, two = (
                    paint(shown.painter, caption, number=asked.number, seed=asked.seed) for caption in asked.captions
                )
                distance = self._distance(one, two)
            pairs = [[_png(a), _png(b)] for a, b in zip(one.pictures, two.pictures, strict=True)]
            rows.append({"model": label, "pairs": pairs, "distance": distance})
        return {"rows": rows}

    def _distance(self, one: Painted, two: Painted) -> float | None:
        """Mean cosine distance of the judge's codes between pictures of the two captions with one noise."""
        if self.judge is None:
            return None
        both = [torch.from_numpy(np.stack(found.pictures)).permute(0, 3, 1, 2) for found in (one, two)]
        first, second = (encode_images(self.judge.image, pictures, runtime.device()) for pictures in both)
        return round(float(1 - torch.nn.functional.cosine_similarity(first, second).mean()), 3)


def create_app(demo: Demo) -> Starlette:
    """The page at /, pictures at /paint and /compare (POST, JSON)."""

    async def page(_: Request) -> Response:
        text = PAGE.read_text(encoding="utf-8").replace("@MODELS@", _json_in_html(list(demo.models)))
        return HTMLResponse(text, headers=_HEADERS)

    async def asked(request: Request, kind: type[BaseModel], answer: Any) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return _refusal("the request is too long; shorten the caption", 413)
        try:
            given = kind.model_validate_json(body)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
            return _refusal(f"{'.'.join(map(str, problem['loc'])) or 'request'}: {problem['msg']}", 400)
        try:
            return JSONResponse(await run_in_threadpool(answer, given), headers=_HEADERS)
        except InputError as error:
            return _refusal(str(error), 200)  # an answer like others; browsers report the rest as failures

    async def paint_(request: Request) -> Response:
        return await asked(request, PaintRequest, demo.paint)

    async def compare(request: Request) -> Response:
        return await asked(request, CompareRequest, demo.compare)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/paint", paint_, methods=["POST"]),
            Route("/compare", compare, methods=["POST"]),
        ]
    )


def _refusal(line: str, status: int) -> Response:
    return JSONResponse({"error": line}, status, headers=_HEADERS)


def _json_in_html(value: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(value).replace("<", "\\u003c")


def _png(pixels: NDArray[np.uint8]) -> str:
    """A picture [H, W, 3] or [H, W, 4] as a data: address."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _heat(weights: NDArray[np.float32]) -> str:
    """Attention [h, w] as red of that opacity, to be laid over a picture; from its lowest to its highest value."""
    low, high = float(weights.min()), float(weights.max())
    strength = (weights - low) / (high - low) if high > low else np.zeros_like(weights)
    pixels = np.empty((*weights.shape, 4), np.uint8)
    pixels[..., :3] = (215, 25, 28)
    pixels[..., 3] = (200 * strength).round()
    return _png(pixels)
