"""Encoding candidates anew for each image finds what encoding all captions once finds."""

from pathlib import Path

import pytest
import torch

from benchmarks import r_precision
from benchmarks.synthetic import made_pack, vocabulary_of
from t2i.data.batches import EncodedCaptions
from t2i.models.encoders.text import TextEncoder


def test_both_ways_find_the_same_hits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(r_precision, "CANDIDATES", 12)
    pack = made_pack(tmp_path / "prepared", images=60, image_size=8, captions_per_image=3)
    vocabulary = vocabulary_of(pack.captions["text"])
    torch.manual_seed(0)
    encoder = TextEncoder(vocabulary, embedding_dim=8, word_dim=6).eval()
    case = r_precision.Case(encoder, EncodedCaptions(pack, vocabulary, 18), pack, 40)
    ours, plain = case.ours(), case.plain()
    assert ours.tolist() == plain.tolist()
    assert 0.1 < ours.mean() < 0.9  # or there would be nothing to agree on
