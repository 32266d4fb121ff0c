"""All scores of a set of pictures (generated images), each with the protocol it was computed with."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.errors import InputError
from t2i.files import evenly_spaced
from t2i.generation.pictures import PAIRED, PUBLISHED, Pictures, Sample
from t2i.models.encoders.damsm import Damsm
from t2i.models.judge import Judge
from t2i.scores.attributes import attribute_accuracy
from t2i.scores.consistency import caption_consistency, paired_rows
from t2i.scores.extractors import Features, Network, Pretrained, extract_features, load_network
from t2i.scores.features import encode_images, encode_sentences, judge_attributes, judge_codes
from t2i.scores.fidelity import fidelity_scores
from t2i.scores.images import Images, noise_images, real_images
from t2i.scores.nearest import draw_nearest, nearest_scores
from t2i.scores.picture_pairs import attribute_agreement, pixel_distance
from t2i.scores.r_precision import r_precision_scores
from t2i.scores.variety import variety_scores

Scores = dict[str, Any]

_CAPTIONS = {
    PUBLISHED: "test split, a random one of each image in every pass, each picture with noise of its own",
    PAIRED: "test split, two an image and noise",
}


def score_pictures(
    sample: Sample,
    splits: Mapping[str, PackedSplit],
    damsm: Damsm,
    judge: Judge,
    pretrained: Sequence[Pretrained] = (),
    *,
    extractors: Sequence[str] = ("judge",),
    candidates: int,
    folds: int,
    seed: int,
    device: torch.device,
    figure: Path | None = None,
) -> Scores:
    """Score pictures of test captions, and real images for comparison.

    Images are read in batches, and each network sees each of them once.

    Args:
        sample: the pictures, and the words that they were generated from, which R-precision compares them with.
        splits: "test", which the captions are of; "train", whose images show the scores to expect from other real
            images, mostly of other classes; maybe others. The images of all but "train" are the real side of FID.
        damsm: the encoders that the generator was trained with.
        judge: a network that it was not trained with.
        pretrained: networks with published weights, for `extractors`.
        extractors: names of the networks whose features FID and its like are computed on: "judge", or of `pretrained`.
        candidates: captions that R-precision compares an image with.
        folds: parts of R-precision and at most of the Inception Score.
        seed: of candidates, folds and noise.
        device: where networks run.
        figure: PNG of the training images nearest to some pictures; None: it is not drawn.

    Returns:
        Nested scores, ready for JSON.

    Raises:
        InputError: pictures and real images have different sizes, the captions are not those of the split, or there
            are too few of them for R-precision.
    """
    train, test, pictures, plan = splits["train"], splits["test"], sample.scored, sample.scored.plan
    if pictures.image_size != test.image_size:
        raise InputError(
            f"the pictures have {pictures.image_size} pixels a side and the real images {test.image_size}; prepare "
            "images of the generator's size (budgets.<name>.preprocess.image_size)"
        )
    if len(sample.captions) != len(test.captions):
        raise InputError(
            f"the sample has {len(sample.captions):,} captions and the test split {len(test.captions):,}; run "
            "`dvc repro sample`"
        )
    damsm, judge = damsm.to(device), judge.to(device)
    sets = _image_sets(pictures, splits, seed)
    judge_network = load_network(judge)
    needed = ("reals", "fakes", "noise") if "judge" in extractors else ("reals", "fakes")
    judged = _features({kind: sets[kind] for kind in needed} | {"train": partial(real_images, train)}, judge_network)
    train_rows = evenly_spaced(len(train), len(plan))
    judged["train_reals"] = _chosen(judged["train"], train_rows)
    files = {each.name: each for each in pretrained}
    fidelity: Scores = {}
    for name in extractors:
        network = judge_network if name == "judge" else load_network(files[name])
        features = {kind: judged[kind] for kind in sets} if name == "judge" else _features(sets, network)
        fidelity[name] = fidelity_scores(features, network.description, folds=folds, seed=seed)

    image_rows, real_of = np.unique(plan["image"], return_inverse=True)  # encoded once, not for each picture
    of_fakes, of_reals = judged["fakes"].features, _of_test(judged["reals"].features, splits)[plan["image"].tolist()]
    codes = {
        "damsm": {
            "fakes": encode_images(damsm.image, pictures.batches(), device),
            "reals": encode_images(damsm.image, real_images(test, image_rows), device)[real_of],
        },
        "judge": {"fakes": judge_codes(judge, of_fakes, device), "reals": judge_codes(judge, of_reals, device)},
    }
    r_precisions: Scores = {}
    for name, encoder in (("damsm", damsm), ("judge", judge)):
        captions = EncodedCaptions(test, encoder.vocabulary, texts=sample.captions)
        sentences = encode_sentences(encoder.text, captions, device)
        r_precisions[name] = r_precision_scores(
            codes[name], sentences, plan, test, candidates=candidates, folds=folds, seed=seed
        )
    words = {"sample": sample.protocol, "max_words": sample.max_words}
    r_precisions["protocol"] = {"candidates": candidates, "folds": folds, "seed": seed, **words}
    of_pairs = of_fakes
    if sample.paired is not sample.scored:
        of_pairs = extract_features(sample.paired.batches(), judge_network).features

    compared = {kind: judged[kind].features for kind in ("fakes", "reals", "train")}
    classes = np.concatenate([pack.images["class_id"].to_numpy() for pack in _reference(splits).values()])
    if figure is not None:
        draw_nearest(figure, pictures, test.captions["text"].tolist(), compared, train)
    scores: Scores = {
        "fidelity": fidelity,
        "nearest": nearest_scores(compared, train_rows),
        "variety": variety_scores(of_fakes, plan["caption"], compared["reals"], classes),
        "r_precision": r_precisions,
        "caption_consistency": _caption_consistency(of_pairs, judge, sample, test, device),
    }
    if judge.attributes:
        of_plan = test.captions.iloc[plan["caption"].to_numpy()]
        fakes, reals = (judge_attributes(judge, features, device) for features in (of_fakes, of_reals))
        scores["attribute_accuracy"] = _attribute_accuracy(fakes, reals, of_plan)
    scores["protocol"] = {
        "image_size": test.image_size,
        "pictures": len(plan),
        "test_images": len(image_rows),
        "captions": _CAPTIONS[sample.protocol],
        **words,
    }
    return scores


def _image_sets(pictures: Pictures, splits: Mapping[str, PackedSplit], seed: int) -> dict[str, Images]:
    """What :func:`t2i.scores.fidelity.fidelity_scores` compares; training images and noise as many as pictures."""
    count, train = len(pictures.plan), splits["train"]
    return {
        "reals": lambda: chain.from_iterable(map(real_images, _reference(splits).values())),
        "fakes": pictures.batches,
        "train_reals": partial(real_images, train, evenly_spaced(len(train), count)),
        "noise": partial(noise_images, count, pictures.image_size, seed),
    }


def _reference(splits: Mapping[str, PackedSplit]) -> dict[str, PackedSplit]:
    """The splits of the real side, in the order of its images."""
    return {name: pack for name, pack in splits.items() if name != "train"}


def _features(sets: Mapping[str, Images], network: Network) -> dict[str, Features]:
    """Features of each set by one network."""
    progress = tqdm(sets.items(), desc=f"features ({network.name})", unit="set")
    return {kind: extract_features(batches(), network) for kind, batches in progress}


def _chosen(features: Features, rows: list[int]) -> Features:
    return Features(features.features[rows], None if features.logits is None else features.logits[rows])


def _of_test(reals: Tensor, splits: Mapping[str, PackedSplit]) -> Tensor:
    """The rows of the test split in features of the real side."""
    counts = {name: len(pack) for name, pack in _reference(splits).items()}
    return reals.split(list(counts.values()))[list(counts).index("test")]


def _caption_consistency(
    features: Tensor, judge: Judge, sample: Sample, test: PackedSplit, device: torch.device
) -> Scores:
    """Caption consistency of the paired pictures, whose features by the judge these are."""
    plan = sample.paired.plan
    rows = plan["image"].to_numpy()
    keys = rows, plan["noise"].to_numpy(), test.images["class_id"].to_numpy()[rows]
    result = caption_consistency(judge_codes(judge, features, device), *keys)
    same, other = paired_rows(*keys)
    scores: Scores = {
        "distance_same_image": _mean(result.same_image, result.pairs_same),
        "distance_other_image": _mean(result.other_image, result.pairs_other),
        "pixels_same_image": _mean(pixel_distance(sample.paired, same), len(same)),
        "pixels_other_image": _mean(pixel_distance(sample.paired, other), len(other)),
    }
    if judge.attributes:
        of_plan = test.captions.iloc[plan["caption"].to_numpy()]
        predicted = judge_attributes(judge, features, device)
        scores["attribute_agreement"] = attribute_agreement(predicted, of_plan, same)
    return scores | {
        "protocol": {
            "codes": "judge",
            "sample": PAIRED,
            "max_words": sample.max_words,
            "pairs_same": result.pairs_same,
            "pairs_other": result.pairs_other,
        },
    }


def _mean(value: float, count: int) -> float | None:
    """A rounded mean; None where there are no pairs (JSON has no NaN)."""
    return round(value, 4) if count else None


def _attribute_accuracy(
    of_pictures: dict[str, list[str]], of_reals: dict[str, list[str]], captions: pd.DataFrame
) -> Scores:
    fakes, reals = (attribute_accuracy(predicted, captions) for predicted in (of_pictures, of_reals))
    return {
        name: {
            "fakes": round(score["accuracy"], 4),
            "reals": round(reals[name]["accuracy"], 4),
            "chance": round(score["chance"], 4),
            "mentions": score["mentions"],
        }
        for name, score in fakes.items()
    }
