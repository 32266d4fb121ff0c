"""Bidirectional LSTM over the words of a caption (DAMSM, Xu et al., section 3.2)."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from t2i.data.captions import Vocabulary

Sentence = Literal["last", "max"]
"""What stands for a whole caption: the last states of both directions, or the largest value of each feature."""


@dataclass
class Text:
    """N encoded captions.

    Attributes:
        words: [N, D, L].
        sentence: [N, D].
        padding: [N, L], True where a caption has no word any more.
    """

    words: Tensor
    sentence: Tensor
    padding: Tensor


class TextEncoder(nn.Module):
    """Word ids -> features of the words and of the sentence; carries the vocabulary that gives the ids their meaning.

    Both directions run over padded batches: the backward one reads each caption reversed within its own length, so
    that padding comes last for it too. Captions need no sorting, and the result is that of packed sequences.

    Args:
        vocabulary: the words it knows.
        embedding_dim: D, half a direction.
        word_dim: size of a word vector.
        dropout: of the word vectors, in training.
        word_range: word vectors start uniform in [-word_range, word_range].
        forget_bias: what the forget gates start with; above 0, the beginning of a sentence reaches its end sooner.
        sentence: "last" as published, where all that is said has to survive the way to the last word, or "max" over the
            words (after Conneau et al., "Supervised Learning of Universal Sentence Representations", 2017).
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        embedding_dim: int,
        word_dim: int,
        dropout: float = 0.5,
        word_range: float = 0.1,
        forget_bias: float = 0.0,
        sentence: Sentence = "last",
    ) -> None:
        super().__init__()
        if embedding_dim % 2:
            raise ValueError(f"embedding_dim is {embedding_dim}; legal are even numbers, half for each direction")
        self.vocabulary = vocabulary
        self.config: dict[str, Any] = {"embedding_dim": embedding_dim, "word_dim": word_dim, "sentence": sentence}
        self.embedding = nn.Embedding(len(vocabulary), word_dim)
        self.dropout = nn.Dropout(dropout)
        self.onward = nn.LSTM(word_dim, embedding_dim // 2, batch_first=True)
        self.backward_ = nn.LSTM(word_dim, embedding_dim // 2, batch_first=True)
        nn.init.uniform_(self.embedding.weight, -word_range, word_range)
        for lstm in (self.onward, self.backward_):
            if forget_bias:  # the gates are stacked: input, forget, cell, output
                gates = lstm.get_parameter("bias_ih_l0")
                nn.init.constant_(gates[lstm.hidden_size : 2 * lstm.hidden_size], forget_bias)

    def content(self) -> dict[str, Any]:
        """What a model file holds of it."""
        return {"vocabulary": self.vocabulary.words, "config": self.config, "state": self.state_dict()}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """The encoder of a model file, in eval mode."""
        encoder = cls(Vocabulary(content["vocabulary"]), **content["config"])
        encoder.load_state_dict(content["state"])
        return encoder.eval()

    def forward(self, ids: Tensor) -> Text:
        """Encode captions.

        Args:
            ids: [N, L] integers, padded with 0 at the end; no caption empty.
        """
        padding = ids == 0
        lengths = (~padding).sum(dim=1)
        last = lengths - 1
        positions = torch.arange(ids.shape[1], device=ids.device)
        # position t of a caption of n words is n-1-t read backwards; padding stays where it is
        reversed_ = torch.where(padding, positions, last[:, None] - positions)[:, :, None]
        rows = torch.arange(len(ids), device=ids.device)
        with torch.autocast(ids.device.type, enabled=False):  # recurrences do not bear bf16 well
            embedded = self.dropout(self.embedding(ids))
            onward, _ = self.onward(embedded)
            backward, _ = self.backward_(embedded.gather(1, reversed_.expand(-1, -1, embedded.shape[2])))
        in_order = backward.gather(1, reversed_.expand(-1, -1, backward.shape[2]))
        words = torch.cat((onward, in_order), dim=2)
        if self.config["sentence"] == "max":
            sentence = words.masked_fill(padding[:, :, None], float("-inf")).amax(dim=1)
        else:
            sentence = torch.cat((onward[rows, last], backward[rows, last]), dim=1)
        words = words.masked_fill(padding[:, :, None], 0.0)
        return Text(words.transpose(1, 2), sentence, padding)
