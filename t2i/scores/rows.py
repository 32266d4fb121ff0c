"""Results of a network for many images, batch by batch in one growing buffer."""

import torch
from torch import Tensor


class Rows:
    """What torch.cat gives of a list of batches [n, D], without the list.

    Small tensors that are kept lie between large ones that are freed, and the C library then cannot return the memory
    of these: a process that scores images of 256 pixels grows by 10 KB an image.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._shape: torch.Size = torch.Size()

    def append(self, batch: Tensor) -> None:
        """Add rows [n, D], which are copied, as float32 on the CPU."""
        self._buffer += batch.detach().float().cpu().numpy().tobytes()
        self._shape = batch.shape[1:]

    def tensor(self) -> Tensor:
        """All rows: float32 [N, D].

        Raises:
            ValueError: there are none.
        """
        if not self._buffer:
            raise ValueError("there are 0 images; at least 1 is needed")
        return torch.frombuffer(self._buffer, dtype=torch.float32).view(-1, *self._shape)
