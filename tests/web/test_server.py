"""What the page's addresses answer, to well-meant and to odd requests."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from t2i.data.captions import Vocabulary
from t2i.models.judge import Judge
from t2i.models.text_encoder import TextEncoder
from t2i.painter import Painter
from t2i.web.server import MOST_BYTES, Demo, Shown, create_app
from tests.models.test_generator import make


@pytest.fixture(scope="module")
def client(vocabulary: Vocabulary) -> TestClient:
    torch.manual_seed(0)
    models = [
        Shown(f"{model} <1>", Painter(make(model=model), TextEncoder(vocabulary, embedding_dim=6, word_dim=5), "fp32"))
        for model in ("attngan", "dmgan")
    ]
    judge = Judge(vocabulary, classes=[], attributes={}, embedding_dim=8, width=8).eval()
    return TestClient(create_app(Demo(models, judge)))


def ask(client: TestClient, **changed: Any) -> Any:
    return client.post("/paint", json={"model": "attngan <1>", "caption": "the top is red", "number": 2} | changed)


def size(address: str) -> tuple[int, int]:
    kind, _, content = address.partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        return image.size


def test_pictures_scales_attention_and_unknown_words(client: TestClient) -> None:
    found = ask(client, caption="The gren top is red!").json()
    assert found["words"] == ["the", "top", "is", "red"] and found["unknown"]["gren"][0] == "green"
    assert [size(picture) for picture in found["pictures"]] == [(32, 32)] * 2
    assert [size(picture) for picture in found["scales"]] == [(8, 8), (16, 16), (32, 32)]
    assert [[size(word) for word in stage] for stage in found["attention"]] == [[(8, 8)] * 4, [(16, 16)] * 4]
    assert found["pictures"] == ask(client, caption="the top is red").json()["pictures"]
    assert found["pictures"] != ask(client, seed=1).json()["pictures"]
    assert len(set(ask(client, truncation=0).json()["pictures"])) == 1


def test_two_captions_by_each_model(client: TestClient) -> None:
    found = client.post("/compare", json={"captions": ["the top is red", "blue below"], "number": 3}).json()["rows"]
    assert [row["model"] for row in found] == ["attngan <1>", "dmgan <1>"]
    assert all(len(row["pairs"]) == 3 and 0 <= row["distance"] <= 2 for row in found)
    same = client.post("/compare", json={"captions": ["blue below"] * 2}).json()["rows"]
    assert all(row["distance"] == 0 and all(one == two for one, two in row["pairs"]) for row in same)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"caption": ""}, "the caption '' has no word; type what the picture shall show"),
        ({"caption": "xyzzy"}, "the caption 'xyzzy' has no word that the model knows; it knows, e.g., the, top, is,"),
        ({"caption": "red " * 200}, "has 200 words; at most 100 are read"),
        ({"caption": "x" * 5001}, "caption: String should have at most 5000 characters"),
        ({"caption": None}, "caption: Input should be a valid string"),
        ({"number": 13}, "number: Input should be less than or equal to 12"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"truncation": 2}, "truncation: Input should be less than or equal to 1"),
        ({"model": "../../etc"}, "no model '../../etc'; there are attngan <1>, dmgan <1>"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_odd_requests_are_answered_in_one_line(client: TestClient, changed: dict[str, Any], line: str) -> None:
    answer = ask(client, **changed)
    assert answer.status_code == (200 if "caption '" in line or "no model" in line or "has 200" in line else 400)
    assert line in answer.json()["error"] and "\n" not in answer.json()["error"]


def test_no_json_too_much_and_other_addresses(client: TestClient) -> None:
    assert client.post("/paint", content=b"{").status_code == 400
    assert client.post("/paint", content=b" " * (MOST_BYTES + 1)).status_code == 413
    assert client.get("/paint").status_code == 405 and client.get("/../t2i/cli.py").status_code == 404


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_any_caption_gets_pictures_or_a_line(client: TestClient, caption: str) -> None:
    answer = ask(client, caption=caption)
    assert answer.status_code == 200 and ("pictures" in answer.json()) != ("error" in answer.json())


def test_the_page_names_models_safely_and_allows_no_other_host(client: TestClient) -> None:
    answer = client.get("/")
    assert 'const MODELS = ["attngan \\u003c1>", "dmgan \\u003c1>"];' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    assert "http://" not in answer.text and "https://" not in answer.text


def test_two_people_at_once_get_their_own(client: TestClient) -> None:
    captions = ["the top is red", "blue below", "a green ground", "white above"] * 4
    alone = {caption: ask(client, caption=caption).json() for caption in set(captions)}
    with ThreadPoolExecutor(8) as pool:
        for caption, found in zip(captions, pool.map(lambda c: ask(client, caption=c).json(), captions), strict=True):
            assert found == alone[caption]
