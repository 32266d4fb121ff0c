"""Vocabularies, and captions as word ids."""

import errno
import json
import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2i.data.text.tokenizer import Tokens, tokenize
from t2i.data.text.vocabulary import Vocabulary, encode_captions, shorten
from t2i.errors import InputError
from t2i.sources import cub
from tests.conftest import ROOT

GOLDEN = Path(os.environ.get("T2I_GOLDEN_DIR", ROOT / "tests" / "golden")) / "cub_slice_vocabulary.json"
SLICE = ROOT.parent / "shared" / "data" / "cub-slice"


def test_published_vocabulary_and_ids_of_the_cub_slice() -> None:
    if not SLICE.is_dir():
        pytest.skip(f"no slice of CUB-200-2011 at {SLICE}")
    golden = json.loads(GOLDEN.read_text())
    splits = cub.read(SLICE, captions_per_image=10)
    train, test = (
        [tokenize(caption.text) for record in splits[split] for caption in record.captions]
        for split in ("train", "test")
    )
    vocabulary = Vocabulary.build(train + test)
    assert vocabulary.words == golden["words"]
    assert (len(train), len(test)) == (golden["train_captions"], golden["test_captions"])
    first, last = len(golden["first_train"]), len(golden["last_test"])
    assert train[:first] == golden["first_train"]
    assert test[-last:] == golden["last_test"]
    assert [vocabulary.encode(tokens) for tokens in train[:first]] == golden["first_train_ids"]
    assert [vocabulary.encode(tokens) for tokens in test[-last:]] == golden["last_test_ids"]


def test_ids_follow_first_appearance_and_rare_words_are_left_out() -> None:
    captions = [["a", "red", "bird"], ["a", "blue", "bird"], ["blue"]]
    assert Vocabulary.build(captions).words == ["<end>", "a", "red", "bird", "blue"]
    common = Vocabulary.build(iter(captions), min_count=2)
    assert common.words == ["<end>", "a", "bird", "blue"]
    assert common.encode(["a", "red", "blue", "bird"]) == [1, 3, 2]
    assert common.unknown(["red", "a", "tail", "red"]) == ["red", "tail"]
    assert common.decode([1, 3, 0]) == ["a", "blue", "<end>"]
    assert len(common) == 4 and "blue" in common and "red" not in common


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), max_size=8))
def test_decode_undoes_encode(captions: list[list[str]]) -> None:
    vocabulary = Vocabulary.build(captions)
    for tokens in captions:
        ids = vocabulary.encode(tokens)
        assert vocabulary.decode(ids) == tokens
        assert vocabulary.unknown(tokens) == []
        assert 0 not in ids


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="min_count .* 0"):
        Vocabulary.build([], min_count=0)
    with pytest.raises(ValueError, match="first word"):
        Vocabulary(["bird"])
    with pytest.raises(ValueError, match="'bird' is there more than once"):
        Vocabulary(["<end>", "bird", "bird"])
    with pytest.raises(ValueError, match=r"\[0, 2\), got -1"):
        Vocabulary(["<end>", "bird"]).decode([-1])
    with pytest.raises(ValueError, match="max_words .* 0"):
        shorten([1, 2], 0, np.random.default_rng(0))


def test_saved_vocabulary_is_the_same_and_its_digest_depends_on_words_and_order(tmp_path: Path) -> None:
    vocabulary = Vocabulary(["<end>", "a", "caf\xe9"])
    vocabulary.save(tmp_path / "one.json")
    loaded = Vocabulary.load(tmp_path / "one.json")
    loaded.save(tmp_path / "two.json")
    assert loaded == vocabulary and loaded.digest == vocabulary.digest
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert vocabulary.digest != Vocabulary(["<end>", "caf\xe9", "a"]).digest
    assert Vocabulary(["<end>", "ab", "c"]).digest != Vocabulary(["<end>", "a", "bc"]).digest


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b'{"words": 3}', b'{"words": []}', b'{"words": ["<end>", 1]}', b'{"words": ["a"]}']
    + [
        b'{"words": ["<end>", "a", "a"]}',
        b'{"words": ["<end>"], "tokens": "latin"}',
        b'{"words": ["<end>"], "tokens": []}',
        b'\xff\xfe{"words": ["<end>"]}',
        b"[" * 100_000,
    ],
)
def test_malformed_vocabulary_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        Vocabulary.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_interrupted_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vocabulary.json"
    Vocabulary(["<end>", "old"]).save(path)

    def full_disk(part: Path, *_: object, **__: object) -> None:
        part.touch()
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="no space"):
        Vocabulary(["<end>", "new"]).save(path)
    assert Vocabulary.load(path).words == ["<end>", "old"] and list(tmp_path.iterdir()) == [path]


def test_missing_vocabulary_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vocabulary .*not readable"):
        Vocabulary.load(tmp_path / "none.json")


def test_captions_as_flat_arrays() -> None:
    vocabulary = Vocabulary(["<end>", "a", "red", "bird"])
    ids, offsets = encode_captions(["A red bird.", "...", "a blue bird"], vocabulary)
    assert ids.dtype == np.int32 and offsets.dtype == np.int64
    assert ids.tolist() == [1, 2, 3, 1, 3]
    assert offsets.tolist() == [0, 3, 3, 5]
    none, offsets = encode_captions([], vocabulary)
    assert none.shape == (0,) and none.dtype == np.int32 and offsets.tolist() == [0]


def test_short_captions_are_untouched_and_draw_nothing() -> None:
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    ids = [5, 3, 4]
    assert shorten(ids, 3, rng) is ids
    assert rng.bit_generator.state == state


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 5))
def test_long_captions_keep_an_ordered_subset(length: int, max_words: int, seed: int) -> None:
    ids = np.arange(100, 100 + length)
    kept = shorten(ids, max_words, np.random.default_rng(seed))
    assert isinstance(kept, np.ndarray) and len(kept) == min(length, max_words)
    assert (np.diff(kept) > 0).all() and set(kept) <= set(ids)
    assert shorten(ids.tolist(), max_words, np.random.default_rng(seed)) == kept.tolist()


def test_every_word_of_a_long_caption_has_the_same_chance() -> None:
    rng = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([shorten(np.arange(6), 2, rng) for _ in range(3000)]), minlength=6)
    np.testing.assert_allclose(counts, 1000, atol=130)  # five standard deviations


def test_the_rule_of_words_is_kept_with_them(tmp_path: Path) -> None:
    captions = ["ein schöner Vogel", "鸟 vogel"]
    both = {rule: Vocabulary.build([tokenize(c, rule) for c in captions], tokens=rule) for rule in get_args(Tokens)}
    assert both["unicode"].words == ["<end>", "ein", "schöner", "vogel", "鸟"]
    assert both["ascii"].words == ["<end>", "ein", "schner", "vogel"]
    for rule, vocabulary in both.items():
        vocabulary.save(tmp_path / "words.json")
        loaded = Vocabulary.load(tmp_path / "words.json")
        assert loaded == vocabulary == Vocabulary.from_checkpoint(vocabulary.to_checkpoint()) and loaded.tokens == rule
        assert loaded.tokenize("Schöner") == tokenize("Schöner", rule)
        ids, offsets = encode_captions(captions, loaded)
        assert offsets.tolist()[-1] == len(ids) == (5 if rule == "unicode" else 4)
    words = ["<end>", "vogel"]
    assert Vocabulary(words) == Vocabulary.from_checkpoint(words) != Vocabulary(words, "unicode")
    assert Vocabulary(words).digest != Vocabulary(words, "unicode").digest


def test_extended_keeps_ids_and_appends_what_is_new_once() -> None:
    words = Vocabulary(["<end>", "red", "bird"], "unicode")
    more = words.extended(["<end>", "café", "bird", "aviary", "café"])
    assert more == Vocabulary(["<end>", "red", "bird", "café", "aviary"], "unicode")
    assert words.extended(["red"]) == words and words.words == ["<end>", "red", "bird"]
