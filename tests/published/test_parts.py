"""Which published files make which model files, alone and together, and combinations that make none."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.image import SmallImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.published import networks
from t2i.published.importer import PublishedFiles, import_checkpoints
from tests.published.small_models import WORDS, small_generator, small_text_encoder, to_published, write_captions

PARTS = ("generator", "text_encoder", "image_encoder", "captions", "discriminators")
MODELS = {
    "gan": {"generator", "text_encoder", "captions"},
    "damsm": {"image_encoder", "text_encoder", "captions"},
    "discriminators": {"discriminators"},
}
"""What each model file is made of."""
Files = Callable[..., PublishedFiles]


@pytest.fixture(autouse=True)
def code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing all code for each record takes longer than all the rest."""
    monkeypatch.setattr("t2i.checkpoints.provenance.code_digest", lambda: "")


@pytest.fixture
def resized(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each image encoder was told of its resizing; a small network stands in for the Inception of 90 MB."""
    told: list[bool] = []

    def image_encoder(_: Any, *, align_corners: bool) -> SmallImageEncoder:
        told.append(align_corners)
        return SmallImageEncoder(6, 4)

    monkeypatch.setattr(networks, "image_encoder", image_encoder)
    return told


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small published files of both models."""
    folder = tmp_path_factory.mktemp("published")
    states = {"text": to_published(small_text_encoder()), "image": {"a.weight": torch.zeros(2)}}
    for model, norm in (("attngan", "batch"), ("dmgan", "spectral")):
        states[f"{model}-G"] = to_published(small_generator(model))
        for number, size in enumerate((64, 128, 256)):
            torch.manual_seed(number)
            states[f"{model}-netD{number}"] = to_published(Discriminator(size, 2, 6, norm))  # type: ignore[arg-type]
    states["wide-netD1"] = to_published(Discriminator(128, 3, 6, "batch"))
    states["other-netD0"] = to_published(Discriminator(64, 2, 8, "batch"))
    states["text8"] = to_published(TextEncoder(Vocabulary(WORDS), embedding_dim=8, word_dim=7))
    states["small-G"] = to_published(small_generator("attngan", 1))
    states["first-G"] = to_published(small_generator("attngan", 0))
    for name, state in states.items():
        torch.save(state, folder / f"{name}.pth")
    torch.save({"state": {0: {}}, "param_groups": [{"lr": 2e-4}]}, folder / "optimizer.pth")
    write_captions(folder / "captions.pickle", WORDS)
    return folder


@pytest.fixture
def files(saved: Path) -> Files:
    def some(*parts: str, model: str = "attngan", numbers: str = "012", **others: Any) -> PublishedFiles:
        every: dict[str, Any] = {
            "generator": saved / f"{model}-G.pth", "text_encoder": saved / "text.pth",
            "image_encoder": saved / "image.pth", "captions": saved / "captions.pickle",
            "discriminators": [saved / f"{model}-netD{number}.pth" for number in numbers],
        }  # fmt: skip
        return PublishedFiles(**{part: every[part] for part in parts} | others)

    return some


@pytest.mark.usefixtures("resized")
@pytest.mark.parametrize("count", range(len(PARTS) + 1))
def test_every_combination_writes_what_it_can_or_says_what_is_missing(files: Files, tmp_path: Path, count: int) -> None:
    for number, parts in enumerate(itertools.combinations(PARTS, count)):
        out, given = tmp_path / str(number), set(parts)
        expected = {f"{kind}.pt" for kind, parts_of in MODELS.items() if parts_of <= given}
        if expected and given == set().union(*(MODELS[Path(name).stem] for name in expected)):
            line = import_checkpoints(files(*parts), out, "attngan")
            assert {path.name for path in out.iterdir()} == expected
            assert {Path(part.split(": ")[0]).name for part in line.split("; ")} == expected and "\n" not in line
        else:
            with pytest.raises(InputError, match=r"is missing|add|nothing to import") as caught:
                import_checkpoints(files(*parts), out, "attngan")
            assert "\n" not in str(caught.value) and not out.exists()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "nothing to import: --text-encoder and --captions with --generator give gan.pt, with --image-encoder "
         "damsm.pt; each --discriminator goes into discriminators.pt"),
        (("generator",), "gan.pt holds the text encoder beside the generator: add --text-encoder and --captions"),
        (("image_encoder", "captions"),
         "damsm.pt holds the text encoder beside the image encoder: add --text-encoder and --captions"),
        (("text_encoder", "image_encoder"),
         "--captions is missing: the captions.pickle that the text encoder was trained with numbers its words"),
        (("text_encoder", "captions", "discriminators"),
         "a text encoder alone is no model: add --image-encoder for damsm.pt, or --generator for gan.pt"),
        (("captions", "discriminators"),
         "--captions is the vocabulary of a text encoder: add --text-encoder, or leave it out"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(files: Files, tmp_path: Path, parts: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        import_checkpoints(files(*parts), tmp_path / "models")
    assert str(caught.value) == message and not (tmp_path / "models").exists()


ENCODERS = ("text_encoder", "image_encoder", "captions")


def test_encoders_alone_need_to_be_told_whose_they_are(
    files: Files, saved: Path, resized: list[bool], tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        import_checkpoints(files(*ENCODERS), tmp_path / "models")
    assert str(caught.value) == (
        f"{saved}/image.pth does not tell whose it is, and DM-GAN's resizes images in another way than AttnGAN's: "
        "add --model attngan or --model dmgan"
    )
    assert not resized and not (tmp_path / "models").exists()
    for model in ("attngan", "dmgan"):
        line = import_checkpoints(files(*ENCODERS), tmp_path / model, model)  # type: ignore[arg-type]
        expected = f"encoders of 6 dimensions, the image encoder as in {model}, 5 words"
        assert line == f"{tmp_path / model}/damsm.pt: {expected}"
    assert resized == [False, True]


@pytest.mark.parametrize("part", ["generator", "discriminators"])
def test_generator_and_discriminators_tell_whose_the_encoders_are(
    files: Files, resized: list[bool], tmp_path: Path, part: str
) -> None:
    for model in ("attngan", "dmgan"):
        import_checkpoints(files(*ENCODERS, part, model=model), tmp_path / model)
        other = "dmgan" if model == "attngan" else "attngan"
        with pytest.raises(InputError, match=rf"--model is {other}, and the {part}.* is of {model}: leave --model out"):
            import_checkpoints(files(*ENCODERS, part, model=model), tmp_path / "x", other)  # type: ignore[arg-type]
    assert resized == [False, True] and not (tmp_path / "x").exists()


def test_a_generator_of_one_scale_does_not_tell(files: Files, saved: Path, resized: list[bool], tmp_path: Path) -> None:
    given = files(*ENCODERS, generator=saved / "first-G.pth")
    with pytest.raises(InputError, match="does not tell whose it is"):
        import_checkpoints(given, tmp_path / "models")
    import_checkpoints(given, tmp_path / "models", "dmgan")
    assert resized == [True]


@pytest.mark.parametrize(
    ("model", "numbers"), [("attngan", "0"), ("attngan", "210"), ("dmgan", "10"), ("dmgan", "012")]
)
def test_discriminators_come_back_whatever_their_order(files: Files, tmp_path: Path, model: str, numbers: str) -> None:
    line = import_checkpoints(files("discriminators", model=model, numbers=numbers), tmp_path)
    sizes = [64, 128, 256][: len(numbers)]
    norm = {"attngan": "batch", "dmgan": "spectral"}[model]
    assert line == f"{tmp_path}/discriminators.pt: {', '.join(map(str, sizes))} px, ndf 2, {norm} norm"
    content = model_file.load(tmp_path / "discriminators.pt", "discriminators")
    assert list(content["scales"]) == list(map(str, sizes))
    assert set(content["provenance"]["inputs"]) == {f"{model}-netD{number}.pth" for number in numbers}
    for number, size in enumerate(sizes):
        torch.manual_seed(number)
        ours, back = Discriminator(size, 2, 6, norm), Discriminator.from_checkpoint(content["scales"][str(size)])  # type: ignore[arg-type]
        assert all(torch.equal(value, back.state_dict()[name]) for name, value in ours.state_dict().items())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("attngan-netD0", "attngan-netD0"),
         "{0} and {1} are both discriminators of 64 pixels: give one a size"),
        (("attngan-netD0", "attngan-netD2"),
         "the discriminators are of 64, 256 pixels, and trainings have discriminators of 64, 128, 256: give one "
         "--discriminator for each (netD0.pth, netD1.pth, ...)"),
        (("attngan-netD0", "dmgan-netD1"),
         "{0} has norm batch and {1} has spectral: they were not trained together"),
        (("attngan-netD0", "wide-netD1"), "{0} has ndf 2 and {1} has 3: they were not trained together"),
        (("attngan-netD1", "other-netD0"), "{0} has embedding_dim 6 and {1} has 8: they were not trained together"),
        (("attngan-netD0", "attngan-G"),
         "{1}: no discriminator of the published models: it has no img_code_s16.0.weight with 4 axes"),
        (("optimizer",), "{0} holds the state of an optimizer and no network: save model.state_dict()"),
    ],
)  # fmt: skip
def test_discriminators_that_are_no_set_are_refused(
    saved: Path, tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    paths = [saved / f"{name}.pth" for name in names]
    with pytest.raises(InputError) as caught:
        import_checkpoints(PublishedFiles(discriminators=paths), tmp_path / "models")
    assert str(caught.value) == message.format(*paths) and not (tmp_path / "models").exists()


def test_discriminators_belong_to_the_generator(files: Files, saved: Path, tmp_path: Path) -> None:
    gan = ("generator", "text_encoder", "captions")

    def refused(given: PublishedFiles) -> str:
        with pytest.raises(InputError) as caught:
            import_checkpoints(given, tmp_path / "models")
        assert not (tmp_path / "models").exists()
        return str(caught.value)

    assert refused(files(*gan, "discriminators", numbers="01")).startswith(
        "the discriminators are of 64, 128 pixels, and the generator makes 64, 128, 256: give one --discriminator for "
    )
    small = {"generator": saved / "small-G.pth"}
    assert "are of 64, 128, 256 pixels, and the generator makes 64, 128:" in refused(
        files(*gan, "discriminators", **small)
    )
    dmgan = {"discriminators": files("discriminators", model="dmgan").discriminators}
    assert refused(files(*gan, **dmgan)) == (
        "the generator is of attngan and the discriminators, which have spectral norm, of dmgan; they were not trained "
        "together"
    )
    wide = {"text_encoder": saved / "text8.pth"}
    assert refused(files(*gan, **wide)) == (
        "the text encoder gives sentences of 8 dimensions and the generator takes 6; they were not trained together"
    )
    others = {"discriminators": [saved / "other-netD0.pth"], "generator": saved / "first-G.pth"}
    assert refused(files(*gan, **others)).endswith(
        "sentences of 6 dimensions and the discriminators take 8; they were not trained together"
    )


@pytest.mark.usefixtures("resized")
def test_encoders_that_stay_in_the_folder_are_those_of_the_generator(files: Files, tmp_path: Path) -> None:
    torch.manual_seed(1)  # another training
    torch.save(to_published(TextEncoder(Vocabulary(WORDS), embedding_dim=6, word_dim=7)), tmp_path / "other.pth")
    generator, encoders, other = ("generator", "text_encoder", "captions"), ENCODERS, tmp_path / "other.pth"
    for first, second, message in ((encoders, generator, "--image-encoder"), (generator, encoders, "--generator")):
        out = tmp_path / second[0]
        import_checkpoints(files(*first), out, "attngan")
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        with pytest.raises(InputError, match=f"has another text encoder than {other}: add {message}, or choose"):
            import_checkpoints(files(*second, text_encoder=other), out, "attngan")
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
        import_checkpoints(files(*second), out, "attngan")
