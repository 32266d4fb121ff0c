"""Published weights of pretrained networks: locate, download, verify."""

import hashlib
import pickle
import urllib.error
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from t2i.errors import InputError
from t2i.files import replacing


@dataclass(frozen=True)
class Weights:
    """A published file.

    Attributes:
        what: description for messages.
        url: where it is published; ends with the file's name.
        sha256: its SHA-256 or the first digits of it, hexadecimal, as its publisher gives them; empty if none does.
    """

    what: str
    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rsplit("/", 1)[1]


INCEPTION_V3 = Weights(
    "torchvision's Inception-v3 (ImageNet)",
    "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
    "0cc3c7bd",
)
FID_INCEPTION = Weights(
    "torch-fidelity's Inception for FID",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    "6726825d",
)
DINOV2 = Weights(
    "DINOv2 (ViT-B/14)",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
    "",
)
CLIP = Weights(
    "OpenAI's CLIP (ViT-B/32)",
    "https://openaipublic.azureedge.net/clip/models/"
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
)
EXTRACTORS = {
    "inception-v3-compat": FID_INCEPTION,
    "inception-v3-torchvision": INCEPTION_V3,
    "dinov2-vit-b-14": DINOV2,
    "clip-vit-b-32": CLIP,
}
"""Weights of the networks that `evaluate.extractors` may name beside the judge."""


def find_all(needed: Iterable[Weights], folder: Path) -> list[Path]:
    """The files, each as :func:`find_weights` finds it.

    Raises:
        InputError: one is missing or another file; the message is one line that names all such.
    """
    paths, problems = [], []
    for weights in needed:
        try:
            paths.append(find_weights(weights, folder))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(problems))
    return paths


def find_weights(weights: Weights, folder: Path) -> Path:
    """The file in ``folder``, in torch's own cache, or downloaded into ``folder``.

    Raises:
        InputError: it is nowhere and cannot be downloaded, or its checksum is another.
    """
    path = locate_weights(weights, folder)
    if path is None:
        path = folder / weights.name
        _download(weights, path)
    verify(weights, path)
    return path


def verify(weights: Weights, path: Path) -> None:
    """Compare the checksum of a file that was found.

    Raises:
        InputError: it is another.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); get it again from {weights.url}") from error
    if not found.startswith(weights.sha256):
        raise InputError(
            f"{path} is not {weights.what}: its SHA-256 begins with {found[:8]} and not {weights.sha256[:8]}; "
            f"get it again from {weights.url}"
        )


def locate_weights(weights: Weights, folder: Path) -> Path | None:
    """The file in ``folder`` or in torch's own cache, whatever it holds; None if it is in neither."""
    places = (folder / weights.name, Path(torch.hub.get_dir()) / "checkpoints" / weights.name)
    return next((place for place in places if place.is_file()), None)


def load_weights(weights: Weights, folder: Path) -> dict[str, Any]:
    """The tensors of the file, by name; see :func:`find_weights`."""
    return read_weights(weights, find_weights(weights, folder))


def read_weights(weights: Weights, path: Path) -> dict[str, Any]:
    """The tensors of a file that was found, by name.

    Raises:
        InputError: it holds something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} holds no weights ({type(error).__name__}); get it again from {weights.url}"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no weights ({type(content).__name__}); get it again from {weights.url}")
    return content


def _download(weights: Weights, path: Path) -> None:
    try:
        with replacing(path) as part:
            torch.hub.download_url_to_file(weights.url, str(part))
    except (OSError, urllib.error.URLError) as error:
        raise InputError(
            f"{weights.what} is needed and cannot be downloaded ({error}); get {weights.url} where there is a network "
            f"and put it at {path}"
        ) from error
