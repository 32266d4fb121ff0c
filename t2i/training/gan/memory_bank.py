"""Queue of recent sentence embeddings used as extra negatives."""

from typing import Any

import torch
from torch import Tensor

from t2i.losses.damsm import Negatives


class MemoryBank:
    """The latest sentence embeddings; the text encoder is frozen, so they never go stale.

    (cf. Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020, where they do.)

    Args:
        size: how many to keep; 0: none.
        embedding_dim: D.
    """

    def __init__(self, size: int, embedding_dim: int, device: torch.device) -> None:
        self.size = size
        nothing = torch.zeros(0, embedding_dim, device=device)
        self._kept = Negatives(nothing, nothing.new_zeros(0, dtype=torch.long))

    @property
    def negatives(self) -> Negatives | None:
        """The embeddings kept, oldest first; None if there are none."""
        return self._kept if len(self._kept.classes) else None

    def add(self, sentences: Tensor, classes: Tensor) -> None:
        """Add the sentences of a batch, [M, D], and the classes of their images, [M]; the oldest are dropped."""
        if self.size:
            self._kept = Negatives(
                torch.cat((self._kept.sentences, sentences))[-self.size :],
                torch.cat((self._kept.classes, classes))[-self.size :],
            )

    def state_dict(self) -> dict[str, Any]:
        """The embeddings kept and their classes."""
        return {"sentences": self._kept.sentences, "classes": self._kept.classes}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from a state."""
        device = self._kept.classes.device
        self._kept = Negatives(**{name: kept.to(device) for name, kept in state_dict.items()})
