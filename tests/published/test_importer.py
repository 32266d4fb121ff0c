"""Published checkpoints: round trips of every network, wrappings, mismatches, and files that would run code."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import file_digest
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.generation.text_to_image import TextToImage
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.inception import InceptionImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.published import files, networks
from t2i.published.importer import PublishedFiles, import_checkpoints
from tests.published.small_models import WORDS, small_generator, small_text_encoder, to_published, write_captions


def assert_same(a: torch.nn.Module, b: torch.nn.Module) -> None:
    assert list(a.state_dict()) == list(b.state_dict())
    for name, value in a.state_dict().items():
        torch.testing.assert_close(value, b.state_dict()[name], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("model", "refinements", "residual_blocks"),
    [("attngan", 1, 1), ("attngan", 2, 3), ("dmgan", 0, 1), ("dmgan", 1, 1), ("dmgan", 2, 3)],
)
def test_a_generator_comes_back_from_the_published_names(model: str, refinements: int, residual_blocks: int) -> None:
    ours = small_generator(model, refinements, residual_blocks)
    state = to_published(ours)
    back = networks.generator(state)
    assert back.config == ours.config
    assert_same(ours, back)
    again = to_published(back)
    assert list(again) == list(state) and all(torch.equal(again[name], state[name]) for name in state)


def test_the_encoders_come_back_from_the_published_names() -> None:
    text, image = small_text_encoder(), InceptionImageEncoder(6)
    assert_same(text, networks.text_encoder(to_published(text), Vocabulary(WORDS)))
    for align_corners in (False, True):
        back = networks.image_encoder(to_published(image), align_corners=align_corners)
        assert_same(image, back)
        assert back.config["align_corners"] is align_corners


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_a_discriminator_comes_back_from_the_published_names(norm: str, size: int) -> None:
    ours = Discriminator(size, 2, 6, norm)  # type: ignore[arg-type]
    back = networks.discriminator(to_published(ours))
    assert_same(ours, back)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_vocabulary_of_a_captions_pickle(tmp_path: Path, protocol: int) -> None:
    assert files.vocabulary(write_captions(tmp_path / "captions.pickle", WORDS, protocol)).words == WORDS


@pytest.mark.parametrize("content", [[1, 2], [[], [], {0: "<end>", 2: "x"}, {}], [[], [], {}, {}], {"a": 1}])
def test_other_pickles_are_no_vocabulary(tmp_path: Path, content: Any) -> None:
    (tmp_path / "captions.pickle").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=r"holds no vocabulary of the published models; it must be their captions"):
        files.vocabulary(tmp_path / "captions.pickle")


def test_batch_norm_of_old_torch_did_not_count_batches() -> None:  # before 0.4.1
    ours = small_generator("attngan")
    state = {name: v for name, v in to_published(ours).items() if not name.endswith("num_batches_tracked")}
    assert_same(ours, networks.generator(state))


def test_a_rebuilt_vocabulary_is_named_with_both_sizes() -> None:
    state = to_published(small_text_encoder())
    with pytest.raises(InputError, match=r"has 5 words and the vocabulary 6; .* give the captions.pickle"):
        networks.text_encoder(state, Vocabulary([*WORDS, "blue"]))


def test_damaged_states_are_named() -> None:
    state = to_published(small_generator("dmgan"))
    lacking = {name: value for name, value in state.items() if "h_net3.key" not in name}
    with pytest.raises(InputError, match=r"the generator lacks 2 tensors \(h_net3.key.0.weight, h_net3.key.0.bias\)"):
        networks.generator(lacking)
    with pytest.raises(InputError, match=r"the generator has, besides, 1 tensors \(optimizer\)"):
        networks.generator(state | {"optimizer": torch.zeros(1)})
    with pytest.raises(InputError, match=r"h_net2.A.weight of shape \[1, 7\] where \[1, 6\]"):
        networks.generator(state | {"h_net2.A.weight": torch.zeros(1, 7)})
    with pytest.raises(InputError, match="no generator of the published models: it has no ca_net.fc.weight"):
        networks.generator(to_published(small_text_encoder()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["attngan", "dmgan"])
def test_imported_models_generate_images(tmp_path: Path, kind: str) -> None:
    text, image, generator = small_text_encoder(), InceptionImageEncoder(6), small_generator(kind, 1)
    for name, network in (("text_encoder200", text), ("image_encoder200", image), ("netG_epoch_600", generator)):
        torch.save(to_published(network), tmp_path / f"{name}.pth")
    captions = write_captions(tmp_path / "captions.pickle", WORDS)
    out = tmp_path / "models"
    names = {"generator": "netG_epoch_600", "text_encoder": "text_encoder200", "image_encoder": "image_encoder200"}
    paths: Any = {part: tmp_path / f"{name}.pth" for part, name in names.items()}
    line = import_checkpoints(PublishedFiles(**paths, captions=captions), out)
    assert line == (
        f"{out}/gan.pt: {kind}, 128 px, ngf 3, 2 residual blocks, 5 words; "
        f"{out}/damsm.pt: encoders of 6 dimensions, the image encoder as in {kind}, 5 words"
    )
    record = model_file.load(out / "gan.pt", "gan")["provenance"]
    assert record["inputs"]["models/damsm.pt"] == file_digest(out / "damsm.pt")
    damsm = model_file.load(out / "damsm.pt", "damsm")
    assert_same(Damsm.from_checkpoint(damsm), Damsm(text, image))
    assert damsm["image"]["config"]["align_corners"] is (kind == "dmgan")  # as its tree resizes
    assert set(damsm["provenance"]["inputs"]) == {"text_encoder200.pth", "image_encoder200.pth", "captions.pickle"}
    model = TextToImage.load(out / "gan.pt", "fp32")
    noise, epsilon = model.generator.draw_noise(1, np.random.default_rng(0))
    generated, _ = model.forward(torch.tensor([[1, 2, 3, 4]]), noise, epsilon)
    assert [image.shape[-1] for image in generated.images] == [64, 128]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    ("file", "name", "what"),
    [
        ("netG.pth", "h_net2.att.conv_context.weight", "generator"),
        ("netG.pth", "h_net1.fc.1.running_var", "generator"),
        ("text.pth", "encoder.weight", "text encoder"),
    ],
)
def test_numbers_that_are_not_finite_are_refused_with_the_tensor(
    tmp_path: Path, file: str, name: str, what: str, number: float
) -> None:
    states = {"netG.pth": to_published(small_generator("attngan")), "text.pth": to_published(small_text_encoder())}
    states[file][name].view(-1)[-1] = number
    for path, state in states.items():
        torch.save(state, tmp_path / path)
    captions = write_captions(tmp_path / "captions.pickle", WORDS)
    with pytest.raises(InputError) as caught:
        import_checkpoints(
            PublishedFiles(tmp_path / "netG.pth", tmp_path / "text.pth", None, captions), tmp_path / "models"
        )
    reason = f"the {what} has numbers in {name} that are NaN or infinite; it is damaged"
    assert str(caught.value) == f"{tmp_path / file}: {reason}"
    assert not (tmp_path / "models").exists()


def test_swapped_files_are_named(tmp_path: Path) -> None:
    torch.save(to_published(small_generator("attngan")), tmp_path / "netG.pth")
    torch.save(to_published(small_text_encoder()), tmp_path / "text.pth")
    captions = write_captions(tmp_path / "captions.pickle", WORDS)
    with pytest.raises(InputError) as caught:
        import_checkpoints(
            PublishedFiles(tmp_path / "text.pth", tmp_path / "netG.pth", None, captions), tmp_path / "models"
        )
    assert str(caught.value).startswith(f"{tmp_path / 'netG.pth'}: no text encoder of the published models: ")
    torch.save(to_published(small_text_encoder()), tmp_path / "netG.pth")
    with pytest.raises(InputError) as caught:
        import_checkpoints(
            PublishedFiles(tmp_path / "netG.pth", tmp_path / "text.pth", None, captions), tmp_path / "models"
        )
    assert str(caught.value).startswith(f"{tmp_path / 'netG.pth'}: no generator of the published models: ")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precisions_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    state = to_published(small_generator("attngan"))
    torch.save({name: v.to(dtype) if v.is_floating_point() else v for name, v in state.items()}, tmp_path / "netG.pth")
    torch.save(to_published(small_text_encoder()), tmp_path / "text.pth")
    captions = write_captions(tmp_path / "captions.pickle", WORDS)
    import_checkpoints(
        PublishedFiles(tmp_path / "netG.pth", tmp_path / "text.pth", None, captions), tmp_path / "models"
    )
    model = TextToImage.load(tmp_path / "models" / "gan.pt", "fp32")
    assert {weight.dtype for weight in model.generator.parameters()} == {torch.float32}
    assert model.generate("red bird").images[0].std() > 0
    for name, weight in to_published(model.generator).items():
        torch.testing.assert_close(weight, state[name].to(dtype).to(weight.dtype), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weight: weight.double() * 1e300, "has numbers in h_net1.fc.0.weight that are NaN or infinite"),
        (lambda weight: weight.to(torch.int8), "of type torch.int8, torch.strided; dense floating-point numbers"),
        (lambda weight: weight.to(torch.complex64), "of type torch.complex64, torch.strided; dense floating-point"),
        (lambda weight: weight.to_sparse(), "of type torch.float32, torch.sparse_coo; dense floating-point numbers"),
        (lambda weight: weight.to("meta"), "of type torch.float32, torch.strided; dense floating-point numbers"),
    ],
)
def test_weights_that_float32_cannot_hold_are_refused(change: Callable[[torch.Tensor], Any], message: str) -> None:
    state = to_published(small_generator("attngan"))
    state["h_net1.fc.0.weight"] = change(state["h_net1.fc.0.weight"] + 1)
    with pytest.raises(InputError) as caught:
        networks.generator(state)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_files_of_equal_names_are_recorded_with_their_folders(tmp_path: Path) -> None:
    for folder, network in (("a", small_generator("attngan")), ("b", small_text_encoder())):
        (tmp_path / folder).mkdir()
        torch.save(to_published(network), tmp_path / folder / "model.pth")
    captions = write_captions(tmp_path / "captions.pickle", WORDS)
    paths = tmp_path / "a" / "model.pth", tmp_path / "b" / "model.pth"
    import_checkpoints(PublishedFiles(*paths, None, captions), tmp_path / "models")
    record = model_file.load(tmp_path / "models" / "gan.pt", "gan")["provenance"]
    assert set(record["inputs"]) == {"a/model.pth", "b/model.pth", "captions.pickle"}


def test_without_an_image_encoder_there_is_no_damsm(tmp_path: Path) -> None:
    torch.save(to_published(small_generator("attngan")), tmp_path / "netG.pth")
    torch.save(to_published(small_text_encoder()), tmp_path / "text.pth")
    captions = write_captions(tmp_path / "captions.pickle", WORDS)
    import_checkpoints(
        PublishedFiles(tmp_path / "netG.pth", tmp_path / "text.pth", None, captions), tmp_path / "models"
    )
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["gan.pt"]


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    torch.save(to_published(small_generator("attngan")), tmp_path / "netG.pth")
    for dim in (6, 8):
        text = TextEncoder(Vocabulary(WORDS), embedding_dim=dim, word_dim=7)
        torch.save(to_published(text), tmp_path / f"text{dim}.pth")
    torch.save(to_published(InceptionImageEncoder(8)), tmp_path / "image.pth")
    captions, out = write_captions(tmp_path / "captions.pickle", WORDS), tmp_path / "models"
    with pytest.raises(InputError, match="the text encoder gives sentences of 8 dimensions and the generator takes 6"):
        import_checkpoints(PublishedFiles(tmp_path / "netG.pth", tmp_path / "text8.pth", None, captions), out)
    with pytest.raises(InputError, match="image.pth does not fit .*text6.pth"):
        encoders = tmp_path / "text6.pth", tmp_path / "image.pth"
        import_checkpoints(PublishedFiles(tmp_path / "netG.pth", *encoders, captions), out)
    assert not out.exists()
