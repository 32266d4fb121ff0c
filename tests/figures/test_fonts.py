"""Fonts of figures: letters that DejaVu Sans lacks are drawn with another font, or named."""

import logging
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest

from t2i.figures import fonts
from t2i.figures.page import text_block

FOLDER = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
IN_STIX_ALONE = "\u1d84"  # a letter k with a hook


@pytest.fixture(autouse=True)
def chosen_anew() -> Iterator[None]:
    fonts._best.cache_clear()
    yield
    fonts._best.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(fonts, "_installed", lambda: tuple(FOLDER / name for name in names))
    monkeypatch.setattr(fonts, "_NAMED", set())


def name_of(text: str) -> str:
    return Path(str(fonts.font_for(text, 17).path)).name


def test_texts_in_dejavu_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_installed", lambda: pytest.fail("looked for fonts"))
    for text in ("a red bird\n", "ein schöner Vogel", "красная птица", "κόκκινο πουλί", "طائر أحمر"):
        assert name_of(text) == "DejaVuSans.ttf"


def test_the_font_that_lacks_the_fewest_letters_is_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch, "STIXNonUni.ttf", "STIXGeneral.ttf")
    assert name_of(f"a bird {IN_STIX_ALONE}") == "STIXGeneral.ttf"
    assert name_of("\ue000" * 3) == "STIXNonUni.ttf" and caplog.messages == []
    assert name_of("a red bird \ue000") == "DejaVuSans.ttf"  # the other one has no letters of words
    assert len(caplog.messages) == 1


def test_letters_of_no_font_are_named_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    install(monkeypatch)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert text_block("a 鸟, 红色", 300).width == 300
        fonts.font_for("a 鸟", 12)
    assert caplog.messages == ["no installed font has 红色鸟: drawn as boxes in figures; images do not change"]


def test_fonts_of_this_machine_can_be_drawn_with() -> None:
    installed = fonts._installed()
    assert any(path.name == "DejaVuSans.ttf" for path in installed)
    assert not any("LastResort" in path.name for path in installed)
    for path in installed:
        assert fonts._load(path, 15).getlength("bird") > 0
