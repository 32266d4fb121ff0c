"""Pretrained weights: located, verified, and one line where they are missing."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from t2i.checkpoints.pretrained import (
    CLIP,
    DINOV2,
    FID_INCEPTION,
    INCEPTION_V3,
    Weights,
    find_all,
    find_weights,
    load_weights,
)
from t2i.errors import InputError
from t2i.models.encoders.inception import InceptionImageEncoder


@pytest.fixture(autouse=True)
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


def published(folder: Path, state: object) -> Weights:
    """A file of the right shape, named as its publisher would."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / "raw")
    digest = hashlib.sha256((folder / "raw").read_bytes()).hexdigest()[:8]
    (folder / "raw").rename(folder / f"net-{digest}.pth")
    return Weights("the network", f"https://example.org/net-{digest}.pth", digest)


def test_addresses_are_those_of_the_libraries() -> None:
    from torch_fidelity.feature_extractor_clip import MODEL_METADATA, MODEL_URLS
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    from torchvision.models import Inception_V3_Weights

    assert Inception_V3_Weights.IMAGENET1K_V1.url == INCEPTION_V3.url
    assert URL_INCEPTION_V3 == FID_INCEPTION.url
    for known in (INCEPTION_V3, FID_INCEPTION):
        assert known.sha256 in known.name
    assert MODEL_URLS["clip-vit-b-32"] == CLIP.url and MODEL_METADATA["clip-vit-b-32"]["hash"] == CLIP.sha256
    assert len(CLIP.sha256) == 64
    assert DINOV2.url.startswith("https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/")


def test_a_classifier_s_weights_become_the_body_of_the_encoder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    donor, encoder = InceptionImageEncoder(4), InceptionImageEncoder(4)
    classifier = donor.body.state_dict() | {"fc.weight": torch.zeros(1000, 2048), "AuxLogits.fc.bias": torch.zeros(3)}
    assert not torch.equal(*(e.body.state_dict()["Mixed_6e.branch1x1.conv.weight"] for e in (donor, encoder)))
    encoder.load_body(load_weights(published(tmp_path, classifier), tmp_path))
    for name, value in donor.body.state_dict().items():
        assert torch.equal(value, encoder.body.state_dict()[name])


def test_torch_s_own_cache_is_looked_into(tmp_path: Path) -> None:
    known = published(tmp_path / "hub" / "checkpoints", {"a": torch.ones(1)})
    assert find_weights(known, tmp_path / "weights").parent == tmp_path / "hub" / "checkpoints"


def test_a_missing_file_says_which_where_from_and_where_to(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_weights(INCEPTION_V3, tmp_path / "weights")
    message = str(caught.value)
    assert INCEPTION_V3.url in message and str(tmp_path / "weights" / INCEPTION_V3.name) in message
    assert "\n" not in message and not list((tmp_path / "weights").iterdir())


def test_all_that_is_missing_is_named_in_one_line(tmp_path: Path) -> None:
    known = published(tmp_path / "weights", {"a": torch.ones(1)})
    other = published(tmp_path / "weights", {"a": torch.zeros(1)})
    (tmp_path / "weights" / other.name).write_bytes(b"something else")
    needed = [CLIP, known, DINOV2, other]
    with pytest.raises(InputError) as caught:
        find_all(needed, tmp_path / "weights")
    message = str(caught.value)
    for missing in (CLIP, DINOV2):
        assert missing.what in message and missing.url in message
        assert str(tmp_path / "weights" / missing.name) in message
    assert f"{other.name} is not the network: its SHA-256 begins with" in message
    assert known.url not in message and "\n" not in message and "; " in message
    assert find_all([known], tmp_path / "weights") == [tmp_path / "weights" / known.name]
    assert find_all([], tmp_path / "nowhere") == [] and not (tmp_path / "nowhere").exists()


def test_a_file_whose_publisher_gives_no_checksum_is_taken(tmp_path: Path) -> None:
    (tmp_path / DINOV2.name).write_bytes(b"as it is; the network that reads it checks names and shapes")
    assert find_weights(DINOV2, tmp_path) == tmp_path / DINOV2.name


def test_a_whole_checksum_is_checked_whole(tmp_path: Path) -> None:
    (tmp_path / CLIP.name).write_bytes(b"something else")
    with pytest.raises(InputError, match=r"ViT-B-32.pt is not OpenAI's CLIP .* and not 40d36571; get it again from"):
        find_weights(CLIP, tmp_path)
    known = published(tmp_path, {"a": torch.ones(1)})
    digest = hashlib.sha256((tmp_path / known.name).read_bytes()).hexdigest()
    assert find_weights(replace(known, sha256=digest), tmp_path) == tmp_path / known.name
    last = "0" if digest[-1] != "0" else "1"
    with pytest.raises(InputError, match="get it again"):
        find_weights(replace(known, sha256=digest[:-1] + last), tmp_path)


def test_a_file_with_another_checksum_is_refused(tmp_path: Path) -> None:
    known = published(tmp_path, {"a": torch.ones(1)})
    (tmp_path / known.name).write_bytes(b"something else")
    with pytest.raises(InputError, match=f"its SHA-256 begins with [0-9a-f]{{8}} and not {known.sha256}; get it again"):
        load_weights(known, tmp_path)


def test_a_file_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no weights"):
        load_weights(published(tmp_path, [1, 2]), tmp_path)


def test_downloads_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = published(tmp_path / "net", {"a": torch.ones(1)})
    content = (tmp_path / "net" / known.name).read_bytes()
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda _, path: Path(path).write_bytes(content))
    assert load_weights(known, tmp_path / "weights")["a"].item() == 1
    assert [path.name for path in (tmp_path / "weights").iterdir()] == [known.name]
