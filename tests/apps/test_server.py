"""The server of the page, with good and with bad requests."""

import asyncio
import base64
import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from t2i.apps.demo_models import LoadedJudge, LoadedModel
from t2i.apps.server import MAX_BYTES, Demo, GenerateRequest, _attention_overlay, create_app
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.text_to_image import GenerationResult, TextToImage
from t2i.models.encoders.text import TextEncoder
from t2i.models.judge import Judge
from tests.helpers import make_generator


@pytest.fixture(scope="module")
def models(vocabulary: Vocabulary) -> list[LoadedModel]:
    torch.manual_seed(0)
    text = TextEncoder(vocabulary, embedding_dim=6, word_dim=5)
    return [
        LoadedModel(f"{model} <1>", TextToImage(make_generator(model=model), text, "fp32"), data="1")
        for model in ("attngan", "dmgan")
    ]


@pytest.fixture(scope="module")
def client(vocabulary: Vocabulary, models: list[LoadedModel]) -> TestClient:
    judge = Judge(
        vocabulary, classes=[], attributes={}, embedding_dim=8, image_encoder={"kind": "small", "width": 8}
    ).eval()
    return TestClient(create_app(Demo(models, LoadedJudge(judge, data="1"))))


def generate(client: TestClient, **changes: Any) -> Any:
    return client.post("/generate", json={"model": "attngan <1>", "caption": "the top is red", "number": 2} | changes)


def size(address: str) -> tuple[int, int]:
    kind, _, content = address.partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        return image.size


def test_images_scales_attention_and_unknown_words(client: TestClient) -> None:
    result = generate(client, caption="The gren top is red!").json()
    assert result["words"] == ["the", "top", "is", "red"] and result["unknown"]["gren"][0] == "green"
    assert [size(image) for image in result["images"]] == [(32, 32)] * 2
    assert [size(image) for image in result["scales"]] == [(8, 8), (16, 16), (32, 32)]
    assert [[size(word) for word in stage] for stage in result["attention"]] == [[(8, 8)] * 4, [(16, 16)] * 4]
    assert result["images"] == generate(client, caption="the top is red").json()["images"]
    assert result["images"] != generate(client, seed=1).json()["images"]
    assert len(set(generate(client, truncation=0).json()["images"])) == 1


def test_overlays_are_the_attention_of_each_word(client: TestClient, models: list[LoadedModel]) -> None:
    generated = models[0].model.generate("the top is red", 2, 0, 1.0)
    overlays = [stage[3] for stage in generate(client).json()["attention"]]
    for weights, overlay in zip((stage[3] for stage in generated.attention), overlays, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(overlay.partition(",")[2]))) as image:
            pixels = np.asarray(image)
        assert np.unique(pixels[..., :3].reshape(-1, 3), axis=0).tolist() == [[215, 25, 28]]
        expected = 200 * (weights - weights.min()) / (weights.max() - weights.min())
        assert pixels[..., 3].min() == 0 and pixels[..., 3].max() == 200
        assert abs(pixels[..., 3] - expected).max() <= 0.51


def test_an_even_attention_hides_nothing() -> None:
    overlay = _attention_overlay(np.full((4, 4), 0.25, np.float32))
    with Image.open(io.BytesIO(base64.b64decode(overlay.partition(",")[2]))) as image:
        assert np.asarray(image)[..., 3].max() == 0


def test_two_captions_by_each_model(client: TestClient) -> None:
    rows = client.post("/compare", json={"captions": ["the top is red", "blue below"], "number": 3}).json()["rows"]
    assert [row["model"] for row in rows] == ["attngan <1>", "dmgan <1>"]
    assert all(len(row["pairs"]) == 3 and 0 <= row["distance"] <= 2 for row in rows)
    same = client.post("/compare", json={"captions": ["blue below"] * 2}).json()["rows"]
    assert all(row["distance"] == 0 and all(one == two for one, two in row["pairs"]) for row in same)


def test_words_that_are_left_out_or_shortened_are_said(client: TestClient) -> None:
    result = generate(client, caption="鸟 the töp is red").json()
    assert result["words"] == ["the", "is", "red"] and list(result["unknown"]) == ["tp"]
    assert result["lost"] == [
        "'töp' is read as 'tp': the model's words are ASCII",
        "'鸟' is left out: the model's words are ASCII",
    ]
    assert generate(client).json()["lost"] == []
    rows = client.post("/compare", json={"captions": ["red 鸟", "the gren top 鸟"]}).json()["rows"]
    for row in rows:
        lost, unknown = row["warnings"]
        assert lost == "'鸟' is left out: the model's words are ASCII"
        assert unknown.startswith("'gren' is not in the model's vocabulary")


def test_a_caption_that_one_model_cannot_read_hides_no_other_model(vocabulary: Vocabulary) -> None:
    models = [
        LoadedModel(str(number), TextToImage(make_generator(), TextEncoder(words, embedding_dim=6, word_dim=5), "fp32"))
        for number, words in enumerate([vocabulary, Vocabulary(["<end>", "鸟"], "unicode")])
    ]
    client = TestClient(create_app(Demo(models, None, "models/judge.pt is not there")))
    first, second = client.post("/compare", json={"captions": ["red", "blue"]}).json()["rows"]
    assert len(first["pairs"]) == 4 and first["distance"] is None
    assert first["no_distance"] == "models/judge.pt is not there"
    assert second == {"model": "1", "error": "the caption 'red' has no word that the model knows; e.g., 鸟"}
    assert generate(client, model="1", caption="鸟!").json()["words"] == ["鸟"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"caption": ""}, "the caption '' has no word; describe an image"),
        ({"caption": "xyzzy"}, "the caption 'xyzzy' has no word that the model knows; e.g., the, top, is,"),
        ({"caption": "red " * 200}, "has 200 words; at most 100 are allowed"),
        ({"caption": "x" * 5001}, "caption: String should have at most 5000 characters"),
        ({"caption": None}, "caption: Input should be a valid string"),
        ({"number": 13}, "number: Input should be less than or equal to 12"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"truncation": 2}, "truncation: Input should be less than or equal to 1"),
        ({"model": "../../etc"}, "no model '../../etc'; there are attngan <1>, dmgan <1>"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_bad_requests_are_answered_in_one_line(client: TestClient, changes: dict[str, Any], line: str) -> None:
    answer = generate(client, **changes)
    assert answer.status_code == (200 if "caption '" in line or "no model" in line or "has 200" in line else 400)
    assert line in answer.json()["error"] and "\n" not in answer.json()["error"]


def test_no_json_too_much_and_other_addresses(client: TestClient) -> None:
    assert client.post("/generate", content=b"{").status_code == 400
    assert client.post("/generate", content=b" " * (MAX_BYTES + 1)).status_code == 413
    assert client.get("/generate").status_code == 405 and client.get("/../t2i/apps/cli.py").status_code == 404


def test_a_page_that_is_closed_while_it_asks_is_no_error(client: TestClient) -> None:
    sent: list[Any] = []
    parts = iter(("http.request", "http.disconnect"))

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": next(parts), "body": b"{", "more_body": True}

    scope = {"type": "http", "method": "POST", "path": "/generate", "headers": [], "query_string": b""}
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 400


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_any_caption_gets_images_or_a_line(client: TestClient, caption: str) -> None:
    answer = generate(client, caption=caption)
    assert answer.status_code == 200 and ("images" in answer.json()) != ("error" in answer.json())


def test_the_page_names_models_safely_and_allows_no_other_host(client: TestClient) -> None:
    answer = client.get("/")
    assert 'const MODELS = ["attngan \\u003c1>", "dmgan \\u003c1>"];' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    assert "http://" not in answer.text and "https://" not in answer.text


def test_two_people_at_once_get_their_own(client: TestClient) -> None:
    captions = ["the top is red", "blue below", "a green ground", "white above"] * 4
    alone = {caption: generate(client, caption=caption).json() for caption in set(captions)}
    with ThreadPoolExecutor(8) as pool:
        for caption, result in zip(
            captions, pool.map(lambda c: generate(client, caption=c).json(), captions), strict=True
        ):
            assert result == alone[caption]


def test_requests_are_answered_one_after_the_other(models: list[LoadedModel], monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0
    generated = models[0].model.generate("red", 1)

    def slow(*_: object) -> GenerationResult:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.05)
        running -= 1
        return generated

    monkeypatch.setattr(TextToImage, "generate", slow)
    demo = Demo(models, None)
    request = GenerateRequest(model=models[0].label, caption="red")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(demo.generate, [request] * 4))
    assert most == 1
