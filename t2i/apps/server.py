"""The web page of ``t2i demo``: captions in, images out. Nothing leaves the machine."""

import base64
import io
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from t2i.apps.demo_models import LoadedJudge, LoadedModel
from t2i.errors import InputError
from t2i.generation.text_to_image import GenerationResult
from t2i.runtime.device import current_device
from t2i.scores.features import encode_images

PAGE = Path(__file__).with_name("page.html")
MAX_BYTES = 70_000
"""Longest request: two captions of 5,000 letters, each of six bytes in JSON at most, and numbers."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Caption = Annotated[str, Field(max_length=5000)]


class GenerateRequest(BaseModel):
    """Images of a caption."""

    model_config = ConfigDict(extra="forbid")
    model: str
    caption: Caption
    number: Annotated[int, Field(ge=1, le=12)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    truncation: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0


class CompareRequest(BaseModel):
    """Images of two captions of one thing, from the same noise, by every model."""

    model_config = ConfigDict(extra="forbid")
    captions: Annotated[list[Caption], Field(min_length=2, max_length=2)]
    number: Annotated[int, Field(ge=1, le=6)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class Demo:
    """The models behind the page; requests are answered one after the other.

    Args:
        models: at least one; the first is preselected.
        judge: measures caption consistency.
        no_judge: why there is none.

    Raises:
        ValueError: two models have the same label.
    """

    def __init__(self, models: Sequence[LoadedModel], judge: LoadedJudge | None, no_judge: str = "no judge") -> None:
        if judge is not None:
            judge.judge.to(current_device())
        self.models = {loaded.label: loaded for loaded in models}
        if len(self.models) < len(models):
            raise ValueError(f"labels must differ, got {[loaded.label for loaded in models]}")
        self.judge = judge
        self._refusals = {
            loaded.label: no_judge if judge is None else judge.refusal(loaded) for loaded in self.models.values()
        }
        self._lock = threading.Lock()

    def warnings(self) -> list[str]:
        """A line for each model whose images the judge cannot compare."""
        return [f"no distances for {label}: {line}" for label, line in self._refusals.items() if line]

    def generate(self, request: GenerateRequest) -> dict[str, Any]:
        """Images, scales and attention of a caption."""
        if request.model not in self.models:
            raise InputError(f"no model {request.model!r}; there are {', '.join(self.models)}")
        model = self.models[request.model].model
        with self._lock:
            result = model.generate(request.caption, request.number, request.seed, request.truncation)
        return {
            "words": result.prompt.words,
            "unknown": result.prompt.unknown,
            "lost": result.prompt.lost_warnings(),
            "images": [_png(image) for image in result.images],
            "scales": [_png(image) for image in result.scales],
            "attention": [[_attention_overlay(weights) for weights in stage] for stage in result.attention],
        }

    def compare(self, request: CompareRequest) -> dict[str, Any]:
        """Images of two captions by each model, and their distance, or why there is none."""
        return {"rows": [{"model": label} | self._compared(loaded, request) for label, loaded in self.models.items()]}

    def _compared(self, loaded: LoadedModel, request: CompareRequest) -> dict[str, Any]:
        """A row of :meth:`compare`; captions that this model cannot read are no reason to hide what others make."""
        try:
            with self._lock:
                one, two = (loaded.model.generate(text, request.number, request.seed) for text in request.captions)
                refusal = self._refusals[loaded.label]
                distance = self._distance(one, two) if refusal is None else None
        except InputError as error:
            return {"error": str(error)}
        return {
            "pairs": [[_png(a), _png(b)] for a, b in zip(one.images, two.images, strict=True)],
            "distance": distance,
            "no_distance": refusal,
            "warnings": list(dict.fromkeys(one.prompt.warnings() + two.prompt.warnings())),
        }

    def _distance(self, one: GenerationResult, two: GenerationResult) -> float:
        """Mean cosine distance of the judge's features between images of the two captions with the same noise."""
        assert self.judge is not None
        batches = [torch.from_numpy(np.stack(result.images)).permute(0, 3, 1, 2) for result in (one, two)]
        first, second = (encode_images(self.judge.judge.image, [images], current_device()) for images in batches)
        return round(float(1 - torch.nn.functional.cosine_similarity(first, second).mean()), 3)


def create_app(demo: Demo) -> Starlette:
    """The page at /, its requests at /generate and /compare (POST, JSON)."""

    async def page(_: Request) -> Response:
        text = PAGE.read_text(encoding="utf-8").replace("@MODELS@", _json_in_html(list(demo.models)))
        return HTMLResponse(text, headers=_HEADERS)

    async def answer(request: Request, kind: type[BaseModel], respond: Callable[[Any], dict[str, Any]]) -> Response:
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BYTES:
                    return _error("the request is too long; shorten the caption", 413)
        except ClientDisconnect:
            return _error("the request broke off", 400)
        try:
            parsed = kind.model_validate_json(body)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
            return _error(f"{'.'.join(map(str, problem['loc'])) or 'request'}: {problem['msg']}", 400)
        try:
            return JSONResponse(await run_in_threadpool(respond, parsed), headers=_HEADERS)
        except InputError as error:
            return _error(str(error), 200)  # browsers log other codes as failures of the page

    async def generate(request: Request) -> Response:
        return await answer(request, GenerateRequest, demo.generate)

    async def compare(request: Request) -> Response:
        return await answer(request, CompareRequest, demo.compare)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/generate", generate, methods=["POST"]),
            Route("/compare", compare, methods=["POST"]),
        ]
    )


def _error(line: str, status: int) -> Response:
    return JSONResponse({"error": line}, status, headers=_HEADERS)


def _json_in_html(value: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(value).replace("<", "\\u003c")


def _png(pixels: NDArray[np.uint8]) -> str:
    """An image [H, W, 3] or [H, W, 4] as a data: address."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _attention_overlay(weights: NDArray[np.float32]) -> str:
    """Attention [h, w] as red of that opacity, scaled from its lowest to its highest value, to lay over an image."""
    low, high = float(weights.min()), float(weights.max())
    strength = (weights - low) / (high - low) if high > low else np.zeros_like(weights)
    pixels = np.empty((*weights.shape, 4), np.uint8)
    pixels[..., :3] = (215, 25, 28)
    pixels[..., 3] = (200 * strength).round()
    return _png(pixels)
