"""Checkpoints and vocabularies of the published AttnGAN and DM-GAN models -> ours."""

import argparse
import sys
from pathlib import Path

from t2i import checkpoints
from t2i.errors import InputError
from t2i.models.damsm import Damsm
from t2i.provenance import file_digest, origin
from t2i.published.files import read_state, vocabulary
from t2i.published.networks import generator, image_encoder, text_encoder


def main(arguments: list[str] | None = None) -> None:
    """``python -m t2i.published``: write models/gan.pt, and models/damsm.pt if an image encoder is given."""
    parser = argparse.ArgumentParser(prog="python -m t2i.published", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generator", type=Path, required=True, help="netG_epoch_*.pth, bird_AttnGAN2.pth, ...")
    parser.add_argument("--text-encoder", type=Path, required=True, help="text_encoder*.pth")
    parser.add_argument("--image-encoder", type=Path, help="image_encoder*.pth; R-precision needs it")
    parser.add_argument("--captions", type=Path, required=True, help="captions.pickle: the vocabulary")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of gan.pt and damsm.pt (models)")
    given = parser.parse_args(arguments)
    try:
        text = text_encoder(read_state(given.text_encoder), vocabulary(given.captions))
        painter = generator(read_state(given.generator))
        if painter.config["embedding_dim"] != text.config["embedding_dim"]:
            raise InputError(
                f"the generator reads sentences of {painter.config['embedding_dim']} dimensions and the text encoder "
                f"makes {text.config['embedding_dim']}; they were not trained together"
            )
        encoders = Damsm(text, image_encoder(read_state(given.image_encoder))) if given.image_encoder else None
        gan, damsm = given.out / "gan.pt", given.out / "damsm.pt"
        inputs = _digests(given.generator, given.text_encoder, given.captions)
        if encoders is not None:
            described = origin({}, _digests(given.text_encoder, given.image_encoder, given.captions))
            checkpoints.save(damsm, "damsm", {**encoders.content(), "origin": described})
            inputs[damsm] = file_digest(damsm)
        content = {"generator": painter.content(), "text": text.content(), "origin": origin({}, inputs)}
        checkpoints.save(gan, "gan", content)
    except (InputError, ValueError) as error:
        sys.exit(f"published: {error}")
    sizes = painter.config
    sys.stdout.write(
        f"{given.out / 'gan.pt'}: {sizes['model']}, {sizes['image_size']} px, ngf {sizes['ngf']}, "
        f"{sizes['residual_blocks']} residual blocks, {len(text.vocabulary)} words\n"
    )


def _digests(*paths: Path) -> dict[Path, str]:
    """Digests of files by their names."""
    return {Path(path.name): file_digest(path) for path in paths}


if __name__ == "__main__":
    main()
