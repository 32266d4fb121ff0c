"""How scores of features are put together, beside torch-fidelity's entry point."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from t2i.scores.distances import frechet_distance, inception_score, kernel_distance, precision_recall
from t2i.scores.extractors import JUDGE, Features, Pretrained, extract_features, load_network
from t2i.scores.fidelity import fidelity_scores
from tests.helpers import SMALL_DINOV2, random_dinov2


class _Judge(nn.Module):
    """Features of random weights and as many logits as asked for."""

    description = "trained in this pipeline, not Inception"

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Conv2d(3, 6, 4, 4), nn.Linear(6, classes)

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images.float() / 127.5 - 1).relu().mean(dim=(2, 3))
        return features, self.head(features)


class _Images(Dataset[Tensor]):
    """The rows of a tensor, as torch-fidelity takes images."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


class _Corner(nn.Module):
    """The colour of the top left pixel; no classes."""

    description = "trained in this pipeline, not Inception"

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images[:, :, 0, 0].float(), images[:, :1, 0, 0].float()


def random_images(count: int, seed: int, side: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_same_numbers_as_the_entry_point_of_the_library_and_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch_fidelity
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    from t2i.scores.networks import JudgeNetwork

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setitem(FEATURE_EXTRACTORS_REGISTRY, JUDGE, JudgeNetwork)
    judge, real, fake = _Judge(), random_images(60, 0), random_images(50, 1) // 3 * 2
    network = load_network(judge)
    real_features, fakes = extract_features([real], network).features, extract_features([fake], network)
    assert fakes.logits is not None
    expected = torch_fidelity.calculate_metrics(
        input1=_Images(fake), input2=_Images(real), feature_extractor=JUDGE, judge=judge,
        fid=True, kid=True, kid_subset_size=30, prc=True, isc=True, isc_splits=5, rng_seed=7,
        cuda=False, cache=False, save_cpu_ram=True, verbose=False,
    )  # fmt: skip
    fid = frechet_distance(real_features, fakes.features)
    assert fid == pytest.approx(expected["frechet_inception_distance"], rel=1e-6)
    assert kernel_distance(real_features, fakes.features, subset_size=30, seed=7) == pytest.approx(
        (expected["kernel_inception_distance_mean"], expected["kernel_inception_distance_std"])
    )
    assert precision_recall(real_features, fakes.features) == (expected["precision"], expected["recall"])
    assert 0 < expected["precision"] < 1
    assert inception_score(fakes.logits, splits=5, seed=7) == (
        expected["inception_score_mean"],
        expected["inception_score_std"],
    )
    assert not list(tmp_path.iterdir())


def coloured(*colours: tuple[int, int, int], copies: int = 1) -> Tensor:
    """Images [N, 3, 8, 8] of one colour each."""
    return torch.tensor(colours, dtype=torch.uint8).repeat(copies, 1)[:, :, None, None].expand(-1, -1, 8, 8)


WIDE = coloured(*((r, g, 0) for r in range(0, 250, 50) for g in range(0, 200, 50)))
NARROW = coloured((100, 50, 0), (100, 100, 0), (150, 50, 0), (150, 100, 0))


def scores_of(reals: Tensor, fakes: Tensor, extractor: Any = None, folds: int = 4, **sets: Tensor) -> dict[str, Any]:
    images = {"reals": reals, "fakes": fakes, "train_reals": WIDE, "noise": random_images(20, 3)} | sets
    network = load_network(extractor or _Corner())
    extracted = {kind: extract_features([of_kind], network) for kind, of_kind in images.items()}
    return fidelity_scores(extracted, network.description, folds=folds, seed=0)


def test_scores_are_wired_the_right_way_round() -> None:
    narrow, wide = scores_of(WIDE, NARROW), scores_of(NARROW, WIDE)
    assert narrow["precision"]["fakes"] == 1 == wide["recall"]["fakes"]
    assert narrow["recall"]["fakes"] == wide["precision"]["fakes"] == 0.8
    assert narrow["precision"]["train_reals"] == narrow["recall"]["train_reals"] == 1  # the same images as the reals
    same = scores_of(WIDE, WIDE)
    assert same["fid"]["fakes"] == pytest.approx(0, abs=1e-2)
    assert same["kid"]["fakes"] < 0 and same["kid"]["fakes"] == same["kid"]["train_reals"]


def test_a_judge_gives_all_scores_and_their_protocol() -> None:
    scores = scores_of(random_images(30, 0), random_images(24, 1), _Judge(), train_reals=random_images(20, 2))
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    shares = ["precision", "recall", "precision_cosine", "recall_cosine"]
    assert list(scores) == ["fid", "kid", *shares, "is", "protocol"]
    assert list(scores["fid"]) == ["fakes", "train_reals", "noise", "of_halves", "position"]
    kinds = ["fakes", "train_reals", "noise", "reals"]
    assert list(scores["kid"]) == [name for kind in kinds for name in (kind, f"{kind}_std")] + ["position"]
    assert all(list(scores[share]) == ["fakes", "train_reals"] for share in shares)
    assert list(scores["is"]) == ["fakes", "fakes_std", "reals", "reals_std"]
    assert scores["protocol"] == {
        "extractor": "t2i-judge: trained in this pipeline, not Inception",
        "features": 6, "real_images": 30, "half_images": 15, "fake_images": 24, "train_images": 20,
        "kid_subsets": 100, "kid_subset_size": 20, "neighbours": 3, "seed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("count", "neighbours"), [(2, 1), (3, 2), (4, 3), (5, 3)])
def test_fewer_images_than_neighbours_or_subsets(count: int, neighbours: int) -> None:
    scores = scores_of(WIDE, random_images(count, 1), folds=10)
    assert scores["protocol"]["neighbours"] == neighbours and scores["protocol"]["kid_subset_size"] == count
    assert np.isfinite(scores["kid"]["fakes"]) and 0 <= scores["precision"]["fakes"] <= 1


def test_large_sets_are_compared_in_subsets_of_the_usual_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2i.scores.fidelity.KID_SUBSET_SIZE", 10)
    scores = scores_of(WIDE, random_images(30, 1))
    assert scores["protocol"]["kid_subset_size"] == 10 and scores["kid"]["train_reals_std"] > 0


def test_no_classes_no_inception_score() -> None:
    assert "is" not in scores_of(WIDE, NARROW)
    assert "is" not in scores_of(random_images(9, 0), random_images(9, 1), _Judge(classes=1))


def gaussian_sets() -> dict[str, Features]:
    """Features of 200 real images, 300 fakes of the same distribution, others, and noise far from all."""
    generator = torch.Generator().manual_seed(0)
    means = {"reals": (200, 0), "fakes": (300, 0), "train_reals": (100, 1), "noise": (300, 3)}
    return {
        kind: Features(torch.randn(count, 8, generator=generator) + mean, None) for kind, (count, mean) in means.items()
    }


def test_positions_lie_between_halves_of_the_real_images_and_noise() -> None:
    sets = gaussian_sets()
    scores = fidelity_scores(sets, "", folds=1, seed=0)
    halves = scores["fid"]["of_halves"]
    assert scores["protocol"]["half_images"] == 100 and list(halves) == ["reals", "fakes", "train_reals", "noise"]
    assert halves["reals"] > 1.5 * scores["fid"]["fakes"]  # of fewer images, so more biased
    assert abs(scores["kid"]["reals"]) < 0.05 * scores["kid"]["train_reals"]
    for distances, of_set in ((halves, scores["fid"]), (scores["kid"], scores["kid"])):
        position = of_set["position"]
        assert abs(position["fakes"]) < position["train_reals"] / 5 < 0.1
        length = distances["noise"] - distances["reals"]
        assert position["train_reals"] == round((distances["train_reals"] - distances["reals"]) / length, 4)
    fewer = sets | {"fakes": Features(sets["fakes"].features[:30], None)}
    assert fidelity_scores(fewer, "", folds=1, seed=0)["protocol"]["half_images"] == 30


def test_positions_are_unknown_without_halves_or_where_noise_is_as_near() -> None:
    unknown = {"fakes": None, "train_reals": None}
    few = scores_of(WIDE[:3], NARROW)
    assert few["fid"]["position"] == few["kid"]["position"] == unknown and few["fid"]["of_halves"] == {}
    assert few["protocol"]["half_images"] is None and "reals" not in few["kid"]
    sets = gaussian_sets()
    near = fidelity_scores(sets | {"noise": sets["reals"]}, "", folds=1, seed=0)
    assert near["fid"]["position"] == near["kid"]["position"] == unknown


def test_short_features_lie_among_long_ones_but_not_among_their_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(250, 200, generator=generator))
    shared = torch.eye(200)[0]  # by all real images, which are farther from each other than from 0
    sets = {"reals": directions[:100] + 0.8 * shared, "train_reals": directions[100:200] + 0.8 * shared}
    sets |= {"fakes": 0.01 * directions[200:], "noise": 0.01 * directions[200:]}
    scores = fidelity_scores({kind: Features(of_kind, None) for kind, of_kind in sets.items()}, "", folds=1, seed=0)
    assert scores["precision"]["fakes"] == 1 and scores["precision_cosine"]["fakes"] == 0
    assert scores["precision_cosine"]["train_reals"] > 0.5


def test_a_pretrained_network_says_which_file_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2i.scores.networks.DINOV2_SIZES", SMALL_DINOV2)
    torch.save(random_dinov2(32, 2), tmp_path / "dinov2_vitb14_pretrain.pth")
    extractor = Pretrained("dinov2-vit-b-14", tmp_path / "dinov2_vitb14_pretrain.pth")
    scores = scores_of(WIDE, NARROW, extractor)
    assert "is" not in scores and scores["protocol"]["features"] == 32
    assert scores["protocol"]["extractor"] == "dinov2-vit-b-14: dinov2_vitb14_pretrain.pth"
