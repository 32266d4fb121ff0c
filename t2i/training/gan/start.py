"""Weights that a GAN training starts from: those of another one, instead of initial ones."""

from dataclasses import dataclass
from typing import Any

from t2i.models.generators.generator import Generator
from t2i.training.gan.discriminators import MultiScaleDiscriminator


@dataclass(frozen=True)
class GanStart:
    """Contents of model files with networks of the sizes of the training.

    Attributes:
        generator: of a gan.pt.
        discriminators: of a discriminators.pt; None: they start with initial weights.
    """

    generator: dict[str, Any]
    discriminators: dict[str, Any] | None = None

    def load_into(self, generator: Generator, discriminators: MultiScaleDiscriminator) -> None:
        """Replace the initial weights. A model file holds the averaged generator, and here both start as that."""
        generator.load_state_dict(self.generator["state"])
        if self.discriminators is not None:
            discriminators.load_start(self.discriminators)
