"""Sentences of the latest batches, for images to be told from."""

from typing import Any

import torch
from torch import Tensor

from t2i.losses.damsm import Candidates


class Memory:
    """The latest sentences of a frozen text encoder, which stay true however long they are kept.

    (cf. Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020, whose embeddings do not.)

    Args:
        size: how many to keep; 0: none.
        embedding_dim: D.
    """

    def __init__(self, size: int, embedding_dim: int, device: torch.device) -> None:
        self.size = size
        nothing = torch.zeros(0, embedding_dim, device=device)
        self._kept = Candidates(nothing, nothing.new_zeros(0, dtype=torch.long))

    @property
    def candidates(self) -> Candidates | None:
        """What is kept, oldest first; None: nothing."""
        return self._kept if len(self._kept.classes) else None

    def add(self, sentences: Tensor, classes: Tensor) -> None:
        """Keep the sentences of a batch, [M, D], and the classes of their images, [M]; the oldest ones go."""
        if self.size:
            self._kept = Candidates(
                torch.cat((self._kept.sentences, sentences))[-self.size :],
                torch.cat((self._kept.classes, classes))[-self.size :],
            )

    def state_dict(self) -> dict[str, Any]:
        """What is kept."""
        return {"sentences": self._kept.sentences, "classes": self._kept.classes}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from there."""
        device = self._kept.classes.device
        self._kept = Candidates(**{name: kept.to(device) for name, kept in state_dict.items()})
