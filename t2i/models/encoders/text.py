"""Bidirectional LSTM over the words of a caption (DAMSM, Xu et al., section 3.2)."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from t2i.data.text.vocabulary import Vocabulary

SentencePooling = Literal["last", "max"]
"""Pooling of word features into a sentence: the last states of both directions, or the maximum of each feature."""


@dataclass
class Text:
    """N encoded captions.

    Attributes:
        words: [N, D, L].
        sentence: [N, D].
        padding: [N, L], True beyond the end of a caption.
    """

    words: Tensor
    sentence: Tensor
    padding: Tensor


class TextEncoder(nn.Module):
    """Word ids -> features of the words and of the sentence; carries the vocabulary that the ids refer to.

    Both directions run over padded batches: the backward one reads each caption reversed within its own length, so
    that padding comes last for it too. Captions need no sorting, and the result is that of packed sequences.

    Args:
        vocabulary: its words.
        embedding_dim: D, half a direction.
        word_dim: size of a word vector.
        dropout: of the word vectors, in training.
        word_init_range: word vectors start uniform in [-word_init_range, word_init_range].
        forget_bias: initial bias of the forget gates; above 0, the beginning of a sentence reaches its end sooner.
        sentence_pooling: "last" as published, where everything must be carried to the last state, or "max" over the
            words (after Conneau et al., "Supervised Learning of Universal Sentence Representations", 2017).
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        embedding_dim: int,
        word_dim: int,
        dropout: float = 0.5,
        word_init_range: float = 0.1,
        forget_bias: float = 0.0,
        sentence_pooling: SentencePooling = "last",
    ) -> None:
        super().__init__()
        if embedding_dim % 2:
            raise ValueError(f"embedding_dim is {embedding_dim}; legal are even numbers, half for each direction")
        self.vocabulary = vocabulary
        self.config: dict[str, Any] = {
            "embedding_dim": embedding_dim, "word_dim": word_dim, "sentence_pooling": sentence_pooling
        }  # fmt: skip
        self.embedding = nn.Embedding(len(vocabulary), word_dim)
        self.dropout = nn.Dropout(dropout)
        self.forward_lstm = nn.LSTM(word_dim, embedding_dim // 2, batch_first=True)
        self.backward_lstm = nn.LSTM(word_dim, embedding_dim // 2, batch_first=True)
        nn.init.uniform_(self.embedding.weight, -word_init_range, word_init_range)
        for lstm in (self.forward_lstm, self.backward_lstm):
            if forget_bias:  # the gates are stacked: input, forget, cell, output
                gates = lstm.get_parameter("bias_ih_l0")
                nn.init.constant_(gates[lstm.hidden_size : 2 * lstm.hidden_size], forget_bias)

    def to_checkpoint(self) -> dict[str, Any]:
        """Contents of a model file."""
        return {"vocabulary": self.vocabulary.to_checkpoint(), "config": self.config, "state": self.state_dict()}

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> Self:
        """The encoder of a model file, in eval mode."""
        encoder = cls(Vocabulary.from_checkpoint(content["vocabulary"]), **content["config"])
        encoder.load_state_dict(content["state"])
        return encoder.eval()

    def load_start(self, content: dict[str, Any]) -> None:
        """Take the weights of a model file whose words are the first of the vocabulary; the others keep their vectors.

        Raises:
            ValueError: its words are others, or split by another rule.
        """
        words, known = self.vocabulary, Vocabulary.from_checkpoint(content["vocabulary"])
        if known != Vocabulary(words.words[: len(known)], words.tokens):
            raise ValueError("the vocabulary does not begin with the words of the encoder to start from")
        vectors = torch.cat((content["state"]["embedding.weight"], self.embedding.weight.detach()[len(known) :].cpu()))
        self.load_state_dict({**content["state"], "embedding.weight": vectors})

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
        with torch.autocast(ids.device.type, enabled=False):  # LSTMs stay in float32
            embedded = self.dropout(self.embedding(ids))
            forward_lstm, _ = self.forward_lstm(embedded)
            backward, _ = self.backward_lstm(embedded.gather(1, reversed_.expand(-1, -1, embedded.shape[2])))
        in_order = backward.gather(1, reversed_.expand(-1, -1, backward.shape[2]))
        words = torch.cat((forward_lstm, in_order), dim=2)
        if self.config["sentence_pooling"] == "max":
            sentence = words.masked_fill(padding[:, :, None], float("-inf")).amax(dim=1)
        else:
            sentence = torch.cat((forward_lstm[rows, last], backward[rows, last]), dim=1)
        words = words.masked_fill(padding[:, :, None], 0.0)
        return Text(words.transpose(1, 2), sentence, padding)
