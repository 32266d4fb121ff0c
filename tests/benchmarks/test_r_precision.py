"""Encoding the candidates of each image anew gives the results of encoding all captions once."""

from pathlib import Path

import pytest
import torch

from benchmarks import r_precision
from benchmarks.synthetic import synthetic_split, vocabulary_of
from t2i.data.batches import EncodedCaptions
from t2i.models.encoders.text import TextEncoder


def test_both_give_the_same_hits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(r_precision, "CANDIDATES", 12)
    split = synthetic_split(tmp_path / "prepared", images=60, image_size=8, captions_per_image=3)
    vocabulary = vocabulary_of(split.captions["text"])
    torch.manual_seed(0)
    encoder = TextEncoder(vocabulary, embedding_dim=8, word_dim=6).eval()
    ranking = r_precision.Ranking(encoder, EncodedCaptions(split, vocabulary), split, 40)
    hits = ranking.encoded_once()
    assert hits.tolist() == ranking.plain().tolist()
    assert 0.1 < hits.mean() < 0.9  # so that not all are equal anyway
