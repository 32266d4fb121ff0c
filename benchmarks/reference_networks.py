"""Networks and losses arranged as in the published code, with the weights and results of those in t2i.

Images are doubled before they are convolved, sentences are tiled before the joint convolution, recurrences run over
packed sequences, and the word loss takes one caption at a time and forms every context.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from t2i.losses.damsm import matching_loss, sentence_scores
from t2i.models.blocks import DuplicatedInputConv3x3, UpConv3x3
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.text import TextEncoder

Network = TypeVar("Network", bound=nn.Module)


class Duplicate(nn.Module):
    """An image concatenated with itself."""

    def forward(self, image: Tensor) -> Tensor:
        """Shape: [N, C, H, W] -> [N, 2 C, H, W]."""
        return torch.cat((image, image), dim=1)


def unfuse(network: Network) -> Network:
    """Replace each convolution of a doubled or duplicated image by two layers, in place."""
    for name, child in network.named_children():
        if isinstance(child, UpConv3x3 | DuplicatedInputConv3x3):
            convolution = nn.Conv2d(child.in_channels, child.out_channels, 3, padding=1, bias=False)
            convolution.weight = child.weight
            doubling = Duplicate() if isinstance(child, DuplicatedInputConv3x3) else nn.Upsample(scale_factor=2)
            setattr(network, name, nn.Sequential(doubling, convolution))
        else:
            unfuse(child)
    return network


class PackedTextEncoder(nn.Module):
    """A text encoder over packed sequences, which shares the weights of one of t2i."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        forward, backward = encoder.forward_lstm, encoder.backward_lstm
        self.embedding, self.dropout = encoder.embedding, encoder.dropout
        self.pooling = encoder.config["sentence_pooling"]
        self.lstm = nn.LSTM(forward.input_size, forward.hidden_size, batch_first=True, bidirectional=True)
        for direction, suffix in ((forward, ""), (backward, "_reverse")):
            for name, value in direction.named_parameters():
                setattr(self.lstm, name + suffix, value)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """[N, L] -> words [N, D, L], sentence [N, D]; captions are sorted by length and put back in order."""
        lengths = (ids != 0).sum(dim=1)
        order = lengths.argsort(descending=True)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.embedding(ids[order])), lengths[order].cpu(), batch_first=True
        )
        output, (hidden, _) = self.lstm(packed)
        words, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True, total_length=ids.shape[1])
        back = order.argsort()
        words, sentence = words[back], torch.cat(tuple(hidden), dim=1)[back]
        if self.pooling == "max":
            sentence = torch.stack([states[:n].amax(dim=0) for states, n in zip(words, lengths, strict=True)])
        return words.transpose(1, 2), sentence


def word_scores(regions: Tensor, words: Tensor, padding: Tensor, gamma1: float, gamma2: float) -> Tensor:
    """Scores [N, N] as in :func:`t2i.losses.damsm.word_scores`, one caption after the other."""
    n, v = len(regions), regions.flatten(2)  # [N, D, R]
    columns = []
    for caption, padded in zip(words, padding, strict=True):
        e = caption[:, ~padded].expand(n, -1, -1)  # [N, D, L]
        attention = torch.softmax(v.transpose(1, 2) @ e, dim=2)  # [N, R, L]
        attention = torch.softmax(gamma1 * attention.transpose(1, 2), dim=2)  # [N, L, R]
        contexts = v @ attention.transpose(1, 2)  # [N, D, L]
        cosine = cosine_similarity(e, contexts, dim=1)  # [N, L]
        columns.append((gamma2 * cosine).exp().sum(dim=1, keepdim=True).log())
    return torch.cat(columns, dim=1)


def damsm_losses(
    regions: Tensor,
    codes: Tensor,
    words: Tensor,
    sentences: Tensor,
    padding: Tensor,
    classes: Tensor,
    *,
    gamma1: float,
    gamma2: float,
    gamma3: float,
) -> tuple[Tensor, Tensor]:
    """Word-level and sentence-level loss; arguments as of :func:`t2i.losses.damsm.damsm_losses`."""
    by_words = matching_loss(word_scores(regions, words, padding, gamma1, gamma2), classes, gamma3)
    by_sentence = matching_loss(sentence_scores(codes, sentences), classes, gamma3)
    return torch.stack(by_words).sum(), torch.stack(by_sentence).sum()


def unconditional(discriminator: Discriminator, features: Tensor) -> Tensor:
    """Unconditional logits [N]."""
    logits: Tensor = discriminator.unconditional_head(features)
    return logits.flatten()


def conditional(discriminator: Discriminator, features: Tensor, sentences: Tensor) -> Tensor:
    """Conditional logits [M] of the first M of the features [N, C, 4, 4], joined with tiled sentences [M, D]."""
    tiled = sentences[:, :, None, None].expand(-1, -1, 4, 4)
    joined = discriminator.joint(torch.cat((features[: len(sentences)], tiled), dim=1))
    logits: Tensor = discriminator.conditional_head(discriminator.after_joint(joined))
    return logits.flatten()
