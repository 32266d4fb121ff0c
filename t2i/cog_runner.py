"""The model as a package for Cog (cog.yaml): an address that paints captions."""

import tempfile

from cog import BaseRunner, Input, Path
from PIL import Image

from t2i.cli import EXAMPLE, GAN
from t2i.errors import InputError
from t2i.generate import load, paint


class Runner(BaseRunner):  # type: ignore[misc]
    """Paints captions with models/gan.pt, as ``t2i generate`` does."""

    def setup(self) -> None:  # type: ignore[override]
        """Load the model once."""
        self.painter = load(GAN)

    def run(  # type: ignore[override]
        self,
        caption: str = Input(description="What to paint.", default=EXAMPLE),
        number: int = Input(description="Pictures.", default=4, ge=1, le=16),
        seed: int = Input(description="Of the noise: same seed, same pictures.", default=0, ge=0),
        truncation: float = Input(description="Of the noise: less of it, less variety.", default=1.0, ge=0, le=1),
    ) -> list[Path]:
        """Pictures of a caption, one a noise vector."""
        try:
            found = paint(self.painter, caption, number=number, seed=seed, truncation=truncation)
        except InputError as error:
            raise ValueError(str(error)) from error
        folder = Path(tempfile.mkdtemp())
        written = []
        for place, picture in enumerate(found.pictures, 1):
            written.append(folder / f"{place:02d}.png")
            Image.fromarray(picture).save(written[-1])
        return written
