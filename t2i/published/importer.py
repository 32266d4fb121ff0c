"""Checkpoints and vocabularies of the published AttnGAN and DM-GAN models -> model files of this repository."""

from pathlib import Path

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import file_digest, provenance
from t2i.errors import InputError
from t2i.files import short_names
from t2i.models.encoders.damsm import Damsm
from t2i.published import networks
from t2i.published.files import read_state, vocabulary


def import_checkpoints(
    generator: Path, text_encoder: Path, captions: Path, out: Path, image_encoder: Path | None = None
) -> str:
    """Write gan.pt, and damsm.pt if an image encoder is given.

    Args:
        generator: netG_epoch_*.pth, bird_AttnGAN2.pth, bird_DMGAN.pth or the like.
        text_encoder: text_encoder*.pth.
        captions: captions.pickle, for the vocabulary.
        out: folder of the model files.
        image_encoder: image_encoder*.pth.

    Returns:
        A line that describes the model.

    Raises:
        InputError: a file is missing, damaged or of another model, or two do not belong together.
    """
    text = networks.text_encoder(read_state(text_encoder), vocabulary(captions))
    network = networks.generator(read_state(generator))
    config, embedding_dim = network.config, text.config["embedding_dim"]
    if config["embedding_dim"] != embedding_dim:
        raise InputError(
            f"the generator takes sentences of {config['embedding_dim']} dimensions and the text encoder gives "
            f"{embedding_dim}; they were not trained together"
        )
    inputs = _digests(generator, text_encoder, captions)
    if image_encoder is not None:
        try:
            of_dmgan = config["model"] == "dmgan"
            damsm = Damsm(text, networks.image_encoder(read_state(image_encoder), align_corners=of_dmgan))
        except ValueError as error:  # they have different sizes
            raise InputError(f"{image_encoder} does not fit {text_encoder}: {error}") from error
        record = provenance({}, _digests(text_encoder, image_encoder, captions))
        path = out / "damsm.pt"
        model_file.save(path, "damsm", {**damsm.to_checkpoint(), "provenance": record})
        inputs[path] = file_digest(path)
    content = {
        "generator": network.to_checkpoint(),
        "text": text.to_checkpoint(),
        "provenance": provenance({}, inputs),
    }
    model_file.save(out / "gan.pt", "gan", content)
    return (
        f"{out / 'gan.pt'}: {config['model']}, {config['image_size']} px, ngf {config['ngf']}, "
        f"{config['residual_blocks']} residual blocks, {len(text.vocabulary)} words"
    )


def _digests(*paths: Path) -> dict[Path, str]:
    """Digests of files by their names, which tell them apart."""
    return {Path(name): file_digest(path) for name, path in zip(short_names(paths), paths, strict=True)}
