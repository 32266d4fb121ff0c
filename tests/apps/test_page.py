"""The page in a real browser, served by the real command."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

import pytest
import torch
from playwright.sync_api import Page, sync_playwright

from t2i.checkpoints import model_file
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.text import TextEncoder
from t2i.models.judge import Judge
from tests.conftest import ROOT
from tests.helpers import make_generator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH; on Debian: apt-get install chromium"),
]
EXAMPLE = "this bird has wings that are red and has a yellow belly"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`t2i demo` with two untrained models and a judge."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("demo")
    vocabulary = Vocabulary.build([tokenize(EXAMPLE), tokenize("a small blue bird with a white breast and body")])
    for weight in (0.0, 0.2):
        text = TextEncoder(vocabulary, embedding_dim=6, word_dim=5)
        record = {"settings": {"losses": {"lambda_": weight}}, "inputs": {"prepared": str(weight)}}
        content = {"generator": make_generator().to_checkpoint(), "text": text.to_checkpoint(), "provenance": record}
        model_file.save(folder / f"lambda{weight}" / "gan.pt", "gan", content)
    judge = Judge(vocabulary, classes=[], attributes={}, embedding_dim=8, image_encoder={"kind": "small", "width": 8})
    record = {"inputs": {"prepared": "0.2"}}
    model_file.save(folder / "judge.pt", "judge", {**judge.to_checkpoint(), "provenance": record})
    models = ["lambda0.0/gan.pt", "lambda0.2/gan.pt", "./lambda0.2/gan.pt"]
    options = ["--judge", "judge.pt", "--port", "0", "--host", "localhost"]
    command = [sys.executable, "-m", "t2i", "demo", *models, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        match = re.match(r"http://(127\.0\.0\.1|\[::1\]):\d+/", process.stdout.readline())
        assert match is not None
        yield match[0]
        process.terminate()


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """The page; no error in its console, no request to another host, whatever the test does."""
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 1400})
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith((address, "data:")) else problems.append(request.url),
        )
        page.goto(address)
        yield page
        browser.close()
    assert problems == []


def test_the_example_gives_images_scales_and_attention(page: Page) -> None:
    page.get_by_label("Caption", exact=True).fill(EXAMPLE)
    page.get_by_label("Images").fill("3")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_selector("#images img")
    assert page.locator("#images img").count() == 3
    assert page.get_by_text("scale 3").is_visible()
    words = tokenize(EXAMPLE)
    assert page.locator(".attention").count() == 2
    assert page.locator(".attention").first.locator("figcaption").all_inner_texts() == words
    loaded = page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert loaded and page.locator(".warning").count() == 0


def test_an_unknown_word_is_marked_and_nonsense_is_refused(page: Page) -> None:
    page.get_by_label("Caption", exact=True).fill("a purpel bird with yelow <b>belly</b>")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_selector("#images img")
    assert page.locator(".unknown").all_inner_texts() == ["purpel", "yelow", "b"]
    assert "similar: yellow" in page.locator(".warning").nth(1).inner_text()
    page.get_by_label("Caption", exact=True).fill("xyzzy")
    page.get_by_role("button", name="Generate").click()
    assert "has no word that the model knows" in page.get_by_role("alert").inner_text()


def test_a_second_request_waits_for_the_first_answer(page: Page) -> None:
    page.evaluate(
        "() => { calls = 0; answer = fetch; fetch = (...request) => new Promise(done => { "
        "calls++; setTimeout(() => done(answer(...request)), 500); }); }"
    )
    first, second = (page.locator("#examples button").nth(n) for n in (1, 2))
    first.click()
    second.click()
    page.wait_for_selector("#images img")
    assert page.evaluate("calls") == 1
    assert page.get_by_label("Caption", exact=True).input_value() == first.inner_text()
    page.locator("#generate [type=submit]:not([disabled])").wait_for()
    second.click()
    assert page.evaluate("calls") == 2


def test_a_failure_of_the_server_is_said(page: Page) -> None:
    page.evaluate("() => { fetch = async () => new Response('Internal Server Error', {status: 500}); }")
    page.get_by_role("button", name="Generate").click()
    assert page.get_by_role("alert").inner_text() == "The command failed; its terminal says why."
    page.evaluate("() => { fetch = async () => { throw new TypeError('no network'); }; }")
    page.get_by_role("button", name="Generate").click()
    assert page.get_by_text("No answer; is the command still running?").is_visible()


def test_letters_that_the_model_does_not_have_are_said(page: Page) -> None:
    page.get_by_label("Caption", exact=True).fill("ein schöner red bird 鸟")
    page.get_by_role("button", name="Generate").click()
    page.wait_for_selector("#images img")
    assert page.locator(".warning").all_inner_texts()[:2] == [
        "'schöner' is read as 'schner': the model's words are ASCII",
        "'鸟' is left out: the model's words are ASCII",
    ]


def test_two_captions_are_compared_for_both_models(page: Page) -> None:
    page.get_by_label("Second caption").fill("a blue bird 鸟")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector("#compared td.distance")
    rows = page.locator("#compared tr")
    assert rows.count() == 2 and rows.first.locator("img").count() == 8
    names = ["lambda0.0/gan (attngan, lambda 0)", "lambda0.2/gan (attngan, lambda 0.2)"]
    assert rows.locator("th").all_inner_texts() == names
    assert page.locator("#model option").all_inner_texts() == names
    no_distance = rows.first.locator(".no-distance").inner_text()
    assert no_distance == "no distance: the judge was trained on other data than the model"
    assert re.fullmatch(r"distance \d\.\d{3}", rows.last.locator(".distance").inner_text())
    assert rows.last.locator(".warning").all_inner_texts() == ["'鸟' is left out: the model's words are ASCII"]
    page.get_by_label("Second caption").fill("xyzzy")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector("#compared .error")
    assert rows.count() == 2 and "'xyzzy' has no word that the model knows" in rows.first.inner_text()


SLOWLY = "() => { answer = fetch; fetch = (...r) => new Promise(done => setTimeout(() => done(answer(...r)), 700)); }"


def test_what_runs_and_what_an_answer_is_of_are_shown(page: Page) -> None:
    page.evaluate(SLOWLY)
    two = ["1: a small red bird with a yellow belly", "2: this bird has a yellow breast and a red body"]
    for button, place, captions in (("Generate", "#generated", [EXAMPLE]), ("Compare", "#compared", two)):
        page.get_by_role("button", name=button).click()
        assert page.locator(f"{place}[aria-busy=true] .status").inner_text() == "Generating images ..."
        page.wait_for_selector(f"{place}:not([aria-busy]) img")
        assert page.locator(f"{place} .status").count() == 0
        assert page.locator(f"{place} .caption").all_inner_texts() == captions


@pytest.mark.parametrize("width", [320, 1000])
def test_long_words_do_not_widen_the_page(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for label, button, place in (("Caption", "Generate", "#generated"), ("Second caption", "Compare", "#compared")):
        page.get_by_label(label, exact=True).fill("red " + "y" * 300)
        page.get_by_role("button", name=button).click()
        page.wait_for_selector(f"{place} .warning")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_buttons_can_be_read(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    style = page.evaluate("(({color, backgroundColor}) => [color, backgroundColor])"
                          "(getComputedStyle(document.querySelector('[type=submit]')))")  # fmt: skip
    text, ground = (luminance(*map(int, re.findall(r"\d+", colour)[:3])) for colour in style)
    assert (text + 0.05) / (ground + 0.05) > 4.5  # WCAG 2, contrast of text


def luminance(*channels: int) -> float:
    """Relative luminance of sRGB, 0 to 1 (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in channels)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_comparison_needs_a_seed(page: Page) -> None:
    page.get_by_label("Seed").fill("")
    page.evaluate("() => { calls = 0; fetch = () => { calls++; }; }")
    page.get_by_role("button", name="Compare").click()
    assert page.evaluate("[calls, document.activeElement.id]") == [0, "seed"]
