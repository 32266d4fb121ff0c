"""The padded two-way recurrence against packed sequences and golden values."""

import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from t2i.models.text_encoder import TextEncoder

GOLDEN = Path(__file__).parents[1] / "golden"


def published_names(encoder: TextEncoder) -> dict[str, Tensor]:
    """The parameters under the names of the published checkpoints."""
    names = {"encoder.weight": encoder.embedding.weight}
    for part, lstm, suffix in (("rnn", encoder.onward, ""), ("rnn", encoder.backward_, "_reverse")):
        names |= {f"{part}.{name}{suffix}": value for name, value in lstm.named_parameters()}
    return names


def test_agrees_with_golden_values() -> None:
    golden = np.load(GOLDEN / "text_encoder.npz")
    vocabulary_size, dim = int(golden["vocab_size"]), int(golden["embedding_dim"])
    encoder = TextEncoder(vocabulary_size, dim, 300).eval()
    for key, parameter in published_names(encoder).items():
        values = np.random.default_rng([0, zlib.crc32(key.encode())]).standard_normal(tuple(parameter.shape))
        scale = np.sqrt(2 / np.prod(parameter.shape[1:])) if parameter.ndim >= 2 else 0.1
        parameter.data = torch.from_numpy((values.astype(np.float32) * scale).astype(np.float32))
    text = encoder(torch.from_numpy(golden["captions"]).long())
    longest = golden["words"].shape[2]
    torch.testing.assert_close(text.words[:, :, :longest], torch.from_numpy(golden["words"]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(text.sentence, torch.from_numpy(golden["sentence"]), rtol=1e-4, atol=1e-5)


def test_agrees_with_packed_sequences_in_any_order_of_lengths() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(20, 8, 5).eval()
    both = nn.LSTM(5, 4, batch_first=True, bidirectional=True)
    for lstm, suffix in ((encoder.onward, ""), (encoder.backward_, "_reverse")):
        for name, value in lstm.named_parameters():
            getattr(both, name + suffix).data = value.data
    lengths = torch.tensor([2, 6, 1, 4])
    ids = torch.randint(1, 20, (4, 6)) * (torch.arange(6)[None] < lengths[:, None])
    packed = nn.utils.rnn.pack_padded_sequence(encoder.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
    output, (hidden, _) = both(packed)
    words, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
    text = encoder(ids)
    torch.testing.assert_close(text.words, words.transpose(1, 2))
    torch.testing.assert_close(text.sentence, torch.cat(tuple(hidden), dim=1))
    assert torch.equal(text.padding, ids == 0)


def test_padding_does_not_change_a_caption() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(20, 8, 5).eval()
    ids = torch.tensor([[3, 7, 1]])
    longer = torch.tensor([[3, 7, 1, 0, 0]])
    torch.testing.assert_close(encoder(ids).sentence, encoder(longer).sentence)
    torch.testing.assert_close(encoder(ids).words, encoder(longer).words[:, :, :3])
