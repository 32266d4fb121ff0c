"""params.yaml: what is legal, and one line for what is not."""

import re
from pathlib import Path

import pytest
import yaml

from t2i.errors import InputError
from t2i.params.reader import load
from t2i.params.renamed import BLOCKS
from tests.conftest import ROOT

TEXT = (ROOT / "params.yaml").read_text()
NOISE = "shared_noise: {quick: all, paper: none, photo: all}"
PROTOCOL = "protocol: {quick: paired, paper: published, photo: paired}"


def load_changed(tmp_path: Path, old: str, new: str) -> object:
    assert old in TEXT, old
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace(old, new, 1))
    return load(path)


def test_the_repository_s_own_file_is_legal() -> None:
    params = load(ROOT / "params.yaml")
    selected = (params.data, params.model, params.recipe, params.budget)
    assert selected == ("toy_birds", "attngan", "quick", "demo")
    assert params.loss.lambda_ == 0.2 and set(params.budgets) == {"smoke", "demo", "study", "small", "photo", "paper"}


def test_numbers_as_dvc_writes_them_are_numbers(tmp_path: Path) -> None:
    params = load_changed(tmp_path, "lambda: 0.2", "lambda: 2e-05")  # a string to PyYAML
    assert params.loss.lambda_ == 2e-05  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lambda: 0.2", "lamda: 0.2", "loss.lamda: unknown key; did you mean lambda?"),
        ("max_words: 18", "zebra: 18", "datasets.toy_birds.zebra: unknown key; legal are"),
        ("lambda: 0.2", "lambda: much", "loss.lambda = 'much': must be a valid number"),
        ("lambda: 0.2", "lambda: -1", "loss.lambda = -1: must be greater than or equal to 0"),
        ("lambda: 0.2", "lambda: .inf", "loss.lambda = inf: must be a finite number"),
        ("lambda: 0.2", "lambda: yes", "loss.lambda = True: expected a number, not true or false"),
        ("lambda: 0.2", "lambda: [1, 2]", "loss.lambda = [1, 2]: must be a valid number"),
        (NOISE, "shared_noise: 7", "loss.shared_noise = 7: must be 'none', 'z' or 'all'"),
        (NOISE, "shared_noise:", "loss.shared_noise = None: must be 'none', 'z' or 'all'"),
        (NOISE, "shared_noise: Z", "loss.shared_noise = 'Z': must be 'none', 'z' or 'all'"),
        (NOISE, "shared_noise: true", "loss.shared_noise = True: true is all now and false is none; z shares"),
        (NOISE, "shared_noise: no", "loss.shared_noise = False: true is all now and false is none; z shares"),
        (NOISE, "shared_noise: {paper: z}", "loss.shared_noise: nothing for recipe quick; there are paper"),
        (NOISE, "shared_noise: {quick: false, paper: z}", "loss.shared_noise = False: true is all now and false is"),
        ("reset: never", "reset: step", "pretrain_damsm.optimizer.reset = 'step': must be 'epoch' or 'never'"),
        ("reset: never", "reset: 3", "pretrain_damsm.optimizer.reset = 3: must be 'epoch' or 'never'"),
        ("captions_per_image: 4", "captions_per_image: 0", "pretrain_damsm.captions_per_image = 0: must be greater"),
        (
            "align_corners: true",
            "align_corners: maybe",
            "models.dmgan.align_corners = 'maybe': must be a valid boolean",
        ),
        (
            "image_size: 32",
            "image_size: {attngan: 32, dmgan: 64}",
            "budgets.smoke.preprocess.image_size: may not be given by model: every model shares its result",
        ),
        (
            "train_judge: {steps: 30,",
            "train_judge: {steps: {quick: 30, paper: 60},",
            "budgets.smoke.train_judge.steps: may not be given by recipe: every recipe shares its result",
        ),
        (
            "train_judge: {steps: 30,",
            "train_judge: {steps: {attngan: 30, dmgan: 60},",
            "budgets.smoke.train_judge.steps: may not be given by model: every model shares its result",
        ),
        (
            "gamma3: 10.0",
            "gamma3: {quick: 10.0, paper: 5.0, photo: 4.0}",
            "loss.gamma3: may not be given by recipe: every recipe shares its result",
        ),
        (PROTOCOL, "protocol: random", "sample.protocol = 'random': must be 'published' or 'paired'"),
        (PROTOCOL, "protocol: {quick: pairs}", "sample.protocol = 'pairs': must be 'published' or 'paired'"),
        (PROTOCOL, "protocol: {paper: published}", "sample.protocol: nothing for recipe quick; there are paper"),
        (PROTOCOL, "protokol: paired", "sample.protokol: unknown key; did you mean protocol?"),
        ("pictures: 240", "pictures: 0", "budgets.smoke.sample.pictures = 0: must be greater than or equal to 1"),
        ("sample_max_words: 18", "sample_max_words: 0", "datasets.toy_birds.sample_max_words = 0: must be greater"),
        ("seed: 0 ", "seed: 1.5 ", "seed = 1.5: must be a valid integer"),
        ("model: attngan", "model: stackgan", "model = 'stackgan': legal are attngan, dmgan"),
        ("data: toy_birds", "data: toy", "data = 'toy': legal are toy_birds, cub, coco, custom"),
        ("recipe: quick", "recipe: slow", "recipe = 'slow': legal are quick, paper, photo"),
        (
            "binary_noise_dims: 4",
            "binary_noise_dims: 101",
            "recipes.quick.train_gan.generator.binary_noise_dims = 101: legal are 0 to noise_dim of attngan, 100",
        ),
        ("budget: demo", "budget: large", "budget = 'large': legal are smoke, demo, study, small, photo, paper"),
        ("image_size: 32", "image_size: 33", "budgets.smoke.preprocess.image_size = 33: must be 32, 64, 128 or 256"),
        ("filter: bicubic", "filter: lanczos", "recipes.quick.preprocess.filter = 'lanczos': must be 'bicubic' or 'bi"),
        ("sides: rounded", "sides: up", "recipes.quick.preprocess.sides = 'up': must be 'rounded' or 'truncated'"),
        ("sides: rounded", "side: rounded", "recipes.quick.preprocess.side: unknown key; did you mean sides?"),
        ("damsm_image_size: 299", "damsm_image_size: 16", "damsm_image_size = 16: must be greater than or equal to 32"),
        ("damsm_image_size: 299", "damsm_image_size: true", "damsm_image_size = True: expected a number, not true"),
        (
            "damsm_image_size: null",
            "damsm_image_size: 48",
            "budgets.smoke: preprocess.damsm_image_size 48 is for pretrained kinds of image_encoder, which resize what "
            "they read; the small one would be trained on that size and then see images of 32: set it null",
        ),
        ("base_size: 16", "base_size: 64", "train_gan.generator.base_size 64 is larger than preprocess.image_size 32"),
        ("  temperature: 0.5", "  temperature: 0", "loss.temperature = 0: must be greater than 0"),
        ("adversarial: hinge", "adversarial: lsgan", "adversarial = 'lsgan': must be 'bce' or 'hinge'"),
        ("training_processes: 1", "training_processes: 0", "runtime.training_processes = 0: must be greater than"),
        ("kind: small, width: 16", "kind: small", "width belongs to kind small, which needs one, and to no other"),
        (
            "kind: small, width: 16}  ",
            "kind: efficientnet_lite0}  ",
            "side, the pixels that a network sees, belongs to efficientnet_lite0, efficientnet_lite1, "
            "efficientnet_lite2 and timm/<name>, which need one, and to no other kind",
        ),
        (
            "kind: small, width: 16}  ",
            "kind: efficientnet_lite0, side: 100}  ",
            "budgets.smoke.pretrain_damsm.image_encoder.side = 100: must be a multiple of 32",
        ),
        (
            "kind: small, width: 16}  ",
            "kind: resnet18, side: 64}  ",
            "budgets.smoke.pretrain_damsm.image_encoder.kind = 'resnet18': legal are small, inception_v3, "
            "efficientnet_lite0, efficientnet_lite1, efficientnet_lite2 and timm/<name of a network of timm>",
        ),
        (
            "{kind: small, width: 16}}",
            "{kind: inception_v3}}",
            "budgets.smoke.train_judge.image_encoder.kind = 'inception_v3': legal are small, efficientnet_lite0, ",
        ),
        (
            "image_encoder: {kind: small, width: 16}}",
            "width: 16}",
            "budgets.smoke.train_judge.width is budgets.<name>.train_judge.image_encoder.width now",
        ),
        ("projection_dim: 128", "projection_dim: 0", "need projection_dim to be 1 or more"),
        (
            "minibatch_std: 0",
            "minibatch_std: 4",
            "discriminator.minibatch_std needs a discriminator.backbone, or to be 0",
        ),
        ("vocab:\n", "vocab: 3\nvocabs:\n", "vocab = 3: must be a valid dictionary"),
        (
            "backbone: {name: efficientnet_lite1, side: 128}",
            "backbone: {name: efficientnet_lite1, sides: 128}",
            "recipes.photo.train_gan.discriminator.backbone.sides: unknown key; did you mean side?",
        ),
        ("model: attngan", "model: [attngan, dmgan]", "model = ['attngan', 'dmgan']: must be a valid string"),
        ("data: toy_birds", "data: {cub: 1}", "data: must be a valid string"),
        ("recipe: quick", "recipe: [quick]", "recipe = ['quick']: must be a valid string"),
        ("budget: demo", "budget: [demo]", "budget = ['demo']: must be a valid string"),
    ],
)
def test_a_mistake_is_one_line_that_names_key_and_value(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load_changed(tmp_path, old, new)
    assert "\n" not in str(caught.value) and str(tmp_path / "params.yaml") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [", "not YAML"), ("", "must be a valid dictionary"), ("- 1", "must be a valid dictionary")],
)
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run stages from the repository root"):
        load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("damsm_lambda: 1.0", "damsm_contrastive: 1.0", "loss.damsm_contrastive is loss.damsm_lambda now"),
        ("preprocess_workers: 2", "processes: 2", "runtime.processes is runtime.preprocess_workers now"),
        ("data: toy_birds", "data: own", "data = 'own' is data = custom now"),
        ("budget: demo", "budget: paper32", "budget = 'paper32' is recipe = paper with budget = small now"),
        ("  custom:  ", "  own:  ", "datasets.own is datasets.custom now"),
        ("max_images: 120", "limit: 120", "smoke.preprocess.limit is budgets.<name>.preprocess.max_images now"),
        ("steps: 12\n", "steps: 12\n      noise_bits: 4\n", "recipes.<name>.train_gan.generator.binary_noise_dims now"),
        ("steps: 12\n", "steps: 12\n      ngf: 4\n", "train_gan.ngf is budgets.<name>.train_gan.generator.ngf now"),
        ("steps: 30 ", "sentence: max\n      steps: 30 ", "pretrain_damsm.text_encoder.sentence_pooling now"),
    ],
)
def test_a_former_key_is_answered_with_its_new_name_alone(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load_changed(tmp_path, old, new)
    assert ": missing" not in str(caught.value) and "unknown key" not in str(caught.value)


def test_every_former_key_is_unknown_today_and_its_successor_is_legal() -> None:
    legal = flat(yaml.safe_load(TEXT))
    unmoved = [key for key in legal if not key.startswith("recipes.")]  # recipes are new
    for block, keys in BLOCKS.items():
        for former, successor in keys.items():
            if " = " in former or former == "paper32":
                continue
            assert not any(f".{block}.{former}." in f".{key}." for key in unmoved), former
            successor = successor.replace("recipes.<name>", "recipes.quick").replace("budgets.<name>", "budgets.demo")
            assert any(f"{key}.".startswith(f"{successor}.") for key in legal), successor


def flat(block: object, prefix: str = "") -> list[str]:
    """Keys of nested blocks, dotted."""
    if not isinstance(block, dict):
        return [prefix]
    return [key for name, inner in block.items() for key in flat(inner, f"{prefix}.{name}".removeprefix("."))]


def test_numbers_by_data_and_model_work_in_any_budget_and_recipe(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("steps: 12\n", "steps: {toy_birds: {attngan: 3, dmgan: 5}, cub: 7}\n", 1))
    for data, model, steps in (("toy_birds", "attngan", 3), ("toy_birds", "dmgan", 5), ("cub", "dmgan", 7)):
        assert load(path, data=data, model=model, budget="smoke").stage("train_gan")["steps"] == steps
    path.write_text(TEXT.replace("kl: 0.1 ", "kl: {attngan: 0.1, dmgan: 0.2} ", 1))
    assert load(path, model="dmgan").stage("train_gan")["losses"]["kl"] == 0.2
    path.write_text(TEXT.replace("steps: 12\n", "steps: {toy_birds: 3, cub: many}\n", 1))
    with pytest.raises(InputError, match=r"budgets.smoke.train_gan.steps = 'many': must be a valid integer"):
        load(path, data="cub", budget="smoke")


@pytest.mark.parametrize("length", ["", "steps: 12\n      epochs: 3\n      "])
def test_steps_or_epochs_but_not_both(tmp_path: Path, length: str) -> None:
    with pytest.raises(InputError, match="budgets.smoke.train_gan: legal is one of steps and epochs"):
        load_changed(tmp_path, "steps: 12\n      ", length)


def test_the_protocol_is_that_of_the_recipe_or_one_for_all() -> None:
    for change, protocols in ((), ("paired", "published")), (("sample.protocol=published",), ("published",) * 2):
        chosen = [load(ROOT / "params.yaml", change, recipe=recipe).sample.protocol for recipe in ("quick", "paper")]
        assert tuple(chosen) == protocols


def test_changes_are_those_of_dvc() -> None:
    changes = ["loss.lambda=2e-05", "data=cub", "budgets.paper.sample.images=7", "budget=paper", "vocab.splits=[train]"]
    params = load(ROOT / "params.yaml", changes)
    assert (params.loss.lambda_, params.data, params.vocab.splits) == (2e-05, "cub", ["train"])
    assert params.requirements([1, 5, 2]) == {
        "batch_sizes": {f"budgets.paper.{stage}.batch_size": size
                        for stage, size in (("pretrain_damsm", 48), ("train_judge", 48), ("train_gan", 20))},
        "candidates": 100, "folds": 10, "pictures": (1 + 2 + 2) * 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("loss.lamda=1", "loss.lamda: unknown key; did you mean lambda?"),
        ("los.lambda=1", "los: unknown key; did you mean loss?"),
        ("loss.lambda=much", "loss.lambda = 'much': must be a valid number"),
        ("loss.lambda", "'loss.lambda' sets no number of params.yaml; the form is loss.lambda=0.5"),
        ("seed.deeper=1", "'seed.deeper=1' sets no number"),
        ("=1", "unknown key"),
        ("seed=[", "'seed=[': '[' is no value in YAML"),
    ],
)
def test_changes_that_name_nothing(change: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(ROOT / "params.yaml", [change])
    assert message in str(caught.value) and "\n" not in str(caught.value)
