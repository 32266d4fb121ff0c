"""The padded two-way recurrence against packed sequences."""

import torch
from torch import nn

from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.text import TextEncoder


def make() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(Vocabulary(["<end>", *map(str, range(1, 20))]), embedding_dim=8, word_dim=5).eval()


def test_agrees_with_packed_sequences_in_any_order_of_lengths() -> None:
    encoder = make()
    both = nn.LSTM(5, 4, batch_first=True, bidirectional=True)
    for lstm, suffix in ((encoder.forward_lstm, ""), (encoder.backward_lstm, "_reverse")):
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
    encoder = make()
    ids = torch.tensor([[3, 7, 1]])
    longer = torch.tensor([[3, 7, 1, 0, 0]])
    torch.testing.assert_close(encoder(ids).sentence, encoder(longer).sentence)
    torch.testing.assert_close(encoder(ids).words, encoder(longer).words[:, :, :3])


def test_largest_value_of_each_feature_over_the_words() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(
        Vocabulary(["<end>", "a", "b", "c"]), embedding_dim=8, word_dim=5, sentence_pooling="max"
    ).eval()
    with torch.no_grad():  # features below 0, where a padded word, which counts as 0, must not win
        for lstm in (encoder.forward_lstm, encoder.backward_lstm):
            lstm.get_parameter("bias_ih_l0")[8:12] = -5.0
    ids = torch.tensor([[1, 2, 3, 1], [3, 1, 0, 0]])
    text = encoder(ids)
    by_hand = torch.stack([text.words[0].amax(dim=1), text.words[1, :, :2].amax(dim=1)])
    torch.testing.assert_close(text.sentence, by_hand)
    assert (text.sentence < 0).all()
    again = TextEncoder.from_checkpoint(encoder.to_checkpoint())
    torch.testing.assert_close(again(ids).sentence, text.sentence)
