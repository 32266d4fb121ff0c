"""All scores of a set of pictures (generated images), each with the protocol it was computed with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from t2i.data.batches import EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.errors import InputError
from t2i.files import evenly_spaced
from t2i.generation.pictures import PAIRED, PUBLISHED, Sample
from t2i.models.encoders.damsm import Damsm
from t2i.models.judge import Judge
from t2i.scores.attributes import attribute_accuracy
from t2i.scores.consistency import caption_consistency
from t2i.scores.extractors import Pretrained
from t2i.scores.features import encode_images, encode_sentences
from t2i.scores.fidelity import fidelity_scores
from t2i.scores.r_precision import r_precision

Scores = dict[str, Any]

_CAPTIONS = {
    PUBLISHED: "test split, a random one of each image in every pass, each picture with noise of its own",
    PAIRED: "test split, two distinct ones an image and noise",
}


def score_pictures(
    sample: Sample,
    test: PackedSplit,
    train: PackedSplit,
    reference: list[PackedSplit],
    damsm: Damsm,
    judge: Judge,
    pretrained: Sequence[Pretrained] = (),
    *,
    extractors: Sequence[str] = ("judge",),
    candidates: int,
    folds: int,
    seed: int,
    device: torch.device,
) -> Scores:
    """Score pictures of test captions, and real images for comparison.

    Args:
        sample: the pictures, and the words that they were generated from, which R-precision compares them with.
        test: the split of the captions.
        train: its images show the FID to expect from real images of other classes.
        reference: splits whose images are the real side of FID.
        damsm: the encoders that the generator was trained with.
        judge: a network that it was not trained with.
        pretrained: networks with published weights, for `extractors`.
        extractors: names of the networks whose features FID and its like are computed on: "judge", or of `pretrained`.
        candidates: captions that R-precision compares an image with.
        folds: parts of R-precision and at most of the Inception Score.
        seed: of candidates, folds and noise.
        device: where networks run.

    Returns:
        Nested scores, ready for JSON.

    Raises:
        InputError: pictures and real images have different sizes, the captions are not those of the split, or there
            are too few of them for R-precision.
    """
    pictures, plan = sample.scored.images, sample.scored.plan
    if pictures.shape[-1] != test.image_size:
        raise InputError(
            f"the pictures have {pictures.shape[-1]} pixels a side and the real images {test.image_size}; prepare "
            "images of the generator's size (budgets.<name>.preprocess.image_size)"
        )
    if len(sample.captions) != len(test.captions):
        raise InputError(
            f"the sample has {len(sample.captions):,} captions and the test split {len(test.captions):,}; run "
            "`dvc repro sample`"
        )
    damsm, judge = damsm.to(device), judge.to(device)
    rows = plan["image"].to_numpy()
    image_rows, real_of = np.unique(rows, return_inverse=True)  # real images are encoded once, not for each picture
    reals = centre_crops(test, image_rows)
    real_set = torch.cat([centre_crops(pack) for pack in reference])
    networks: dict[str, Judge | Pretrained] = {"judge": judge} | {network.name: network for network in pretrained}
    sets = _image_sets(pictures, real_set, train, seed)
    fidelity = {name: fidelity_scores(sets, networks[name], folds=folds, seed=seed) for name in extractors}

    codes: dict[str, dict[str, Tensor]] = {}
    r_precisions: Scores = {}
    for name, encoder in (("damsm", damsm), ("judge", judge)):
        captions = EncodedCaptions(test, encoder.vocabulary, texts=sample.captions)
        sentences = encode_sentences(encoder.text, captions, device)
        codes[name] = {
            "fakes": encode_images(encoder.image, pictures, device),
            "reals": encode_images(encoder.image, reals, device)[real_of],
        }
        r_precisions[name] = r_precision_scores(
            codes[name], sentences, plan, test, candidates=candidates, folds=folds, seed=seed
        )
    words = {"sample": sample.protocol, "max_words": sample.max_words}
    r_precisions["protocol"] = {"candidates": candidates, "folds": folds, "seed": seed, **words}
    if sample.paired is sample.scored:
        paired_codes = codes["judge"]["fakes"]
    else:
        paired_codes = encode_images(judge.image, sample.paired.images, device)

    scores: Scores = {
        "fidelity": fidelity,
        "r_precision": r_precisions,
        "caption_consistency": _caption_consistency(paired_codes, sample, test),
    }
    if judge.attributes:
        of_plan = test.captions.iloc[plan["caption"].to_numpy()]
        of_pictures = judge.predict_attributes(pictures, device)
        of_reals = judge.predict_attributes(reals, device)
        of_reals = {name: [values[i] for i in real_of] for name, values in of_reals.items()}
        scores["attribute_accuracy"] = _attribute_accuracy(of_pictures, of_reals, of_plan)
    scores["protocol"] = {
        "image_size": test.image_size,
        "pictures": len(pictures),
        "test_images": len(image_rows),
        "captions": _CAPTIONS[sample.protocol],
        **words,
    }
    return scores


def _image_sets(pictures: Tensor, real_set: Tensor, train: PackedSplit, seed: int) -> dict[str, Tensor]:
    """What :func:`t2i.scores.fidelity.fidelity_scores` compares; training images and noise as many as pictures."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(256, pictures.shape, generator=generator, dtype=torch.uint8)
    train_reals = centre_crops(train, evenly_spaced(len(train), len(pictures)))
    return {"reals": real_set, "fakes": pictures, "train_reals": train_reals, "noise": noise}


def r_precision_scores(
    codes: dict[str, Tensor],
    sentences: Tensor,
    plan: pd.DataFrame,
    test: PackedSplit,
    *,
    candidates: int,
    folds: int,
    seed: int,
) -> Scores:
    """R-precision of pictures ("fakes") and of the real images of their captions ("reals"), or of one of both.

    Args:
        codes: of the images of the plan, by kind.
        sentences: of all captions of the split, as they were read.

    Raises:
        InputError: there are too few captions for the data set, candidates and folds.
    """
    classes = test.images["class_id"].to_numpy()
    image_class = classes[plan["image"].to_numpy()]
    caption_class = classes[test.captions["image"].to_numpy()]
    scores: Scores = {}
    for kind, of_kind in codes.items():
        try:
            result = r_precision(
                of_kind, sentences, plan["caption"].to_numpy(), image_class, caption_class,
                candidates=candidates, folds=folds, seed=seed,
            )  # fmt: skip
        except ValueError as error:  # too few captions for this data set and these parameters
            raise InputError(f"R-precision: {error}; lower evaluate.candidates or evaluate.folds") from error
        scores |= {kind: round(result.mean, 4), f"{kind}_std": round(result.std, 4)}
    return scores


def _caption_consistency(codes: Tensor, sample: Sample, test: PackedSplit) -> Scores:
    """Caption consistency of the paired pictures, which the codes are of."""
    plan = sample.paired.plan
    rows = plan["image"].to_numpy()
    classes = test.images["class_id"].to_numpy()[rows]
    result = caption_consistency(codes, rows, plan["noise"].to_numpy(), classes)
    return {
        "distance_same_image": _mean(result.same_image, result.pairs_same),
        "distance_other_image": _mean(result.other_image, result.pairs_other),
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
