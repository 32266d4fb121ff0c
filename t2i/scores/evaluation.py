"""All scores of a set of pictures (generated images), each with the protocol it was computed with."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from t2i.data.batches import EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.errors import InputError
from t2i.files import evenly_spaced
from t2i.models.encoders.damsm import Damsm
from t2i.models.judge import Judge
from t2i.scores.attributes import attribute_accuracy
from t2i.scores.consistency import caption_consistency
from t2i.scores.features import encode_images, encode_sentences
from t2i.scores.fidelity import INCEPTION, JUDGE, extract_features, frechet_distance, inception_score
from t2i.scores.r_precision import r_precision

Scores = dict[str, Any]


def score_pictures(
    pictures: Tensor,
    plan: pd.DataFrame,
    test: PackedSplit,
    train: PackedSplit,
    reference: list[PackedSplit],
    damsm: Damsm,
    judge: Judge,
    inception: Path | None = None,
    *,
    max_words: int,
    candidates: int,
    folds: int,
    seed: int,
    device: torch.device,
) -> Scores:
    """Score pictures of test captions, and real images for comparison.

    Args:
        pictures: [P, 3, S, S] uint8.
        plan: one row a picture: the image and caption it belongs to, and its noise (see :mod:`t2i.generation.plan`).
        test: the split of the captions.
        train: its images show the FID to expect from real images of other classes.
        reference: splits whose images are the real side of FID.
        damsm: the encoders that the generator was trained with.
        judge: a network that it was not trained with.
        inception: weights of torch-fidelity's Inception, to compute FID and IS with it instead of the judge.
        max_words: of a caption.
        candidates: captions that R-precision compares an image with.
        folds: parts of R-precision and at most of the Inception Score.
        seed: of candidates, folds, shortened captions and noise.
        device: where networks run.

    Returns:
        Nested scores, ready for JSON.

    Raises:
        InputError: pictures and real images have different sizes, or there are too few captions for R-precision.
    """
    if pictures.shape[-1] != test.image_size:
        raise InputError(
            f"the pictures have {pictures.shape[-1]} pixels a side and the real images {test.image_size}; prepare "
            "images of the generator's size (budgets.<name>.preprocess.image_size)"
        )
    damsm, judge = damsm.to(device), judge.to(device)
    rows = plan["image"].to_numpy()
    image_rows, real_of = np.unique(rows, return_inverse=True)  # real images are encoded once, not for each picture
    reals = centre_crops(test, image_rows)
    real_set = torch.cat([centre_crops(pack) for pack in reference])
    fidelity = _fidelity(pictures, real_set, train, inception or judge, folds=folds, seed=seed)

    codes: dict[str, dict[str, Tensor]] = {}
    r_precisions: Scores = {}
    for name, encoder in (("damsm", damsm), ("judge", judge)):
        sentences = encode_sentences(encoder.text, EncodedCaptions(test, encoder.vocabulary, max_words), device, seed)
        codes[name] = {
            "fakes": encode_images(encoder.image, pictures, device),
            "reals": encode_images(encoder.image, reals, device)[real_of],
        }
        r_precisions[name] = _r_precision(
            codes[name], sentences, plan, test, candidates=candidates, folds=folds, seed=seed
        )
    r_precisions["protocol"] = {"candidates": candidates, "folds": folds, "seed": seed}

    scores: Scores = {
        "fidelity": fidelity,
        "r_precision": r_precisions,
        "caption_consistency": _caption_consistency(codes["judge"]["fakes"], plan, test),
    }
    if judge.attributes:
        captions = test.captions.iloc[plan["caption"].to_numpy()]
        of_pictures = judge.predict_attributes(pictures, device)
        of_reals = judge.predict_attributes(reals, device)
        of_reals = {name: [values[i] for i in real_of] for name, values in of_reals.items()}
        scores["attribute_accuracy"] = _attribute_accuracy(of_pictures, of_reals, captions)
    scores["protocol"] = {
        "image_size": test.image_size,
        "pictures": len(pictures),
        "test_images": len(image_rows),
        "captions": "test split, two distinct ones an image and noise",
    }
    return scores


def _fidelity(
    pictures: Tensor, real_set: Tensor, train: PackedSplit, extractor: Judge | Path, *, folds: int, seed: int
) -> Scores:
    """FID and IS of the pictures, and FID of training images and of uniform noise for comparison.

    The names contain "judge" or "inception": the judge is trained in this pipeline, so its scores are not comparable
    with Inception's. "position" is where the FID lies between that of training images (0) and that of noise (1).
    """
    name = "inception" if isinstance(extractor, Path) else "judge"
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(256, (len(pictures), *pictures.shape[1:]), generator=generator, dtype=torch.uint8)
    train_rows = evenly_spaced(len(train), len(pictures))
    real = extract_features(real_set, extractor)
    sets = {"fakes": pictures, "train_reals": centre_crops(train, train_rows), "noise": noise}
    extracted = {
        kind: extract_features(images, extractor) for kind, images in tqdm(sets.items(), desc="features", unit="set")
    }
    fid = {kind: round(frechet_distance(real.features, of_set.features), 4) for kind, of_set in extracted.items()}
    fid["position"] = round((fid["fakes"] - fid["train_reals"]) / (fid["noise"] - fid["train_reals"]), 4)
    scores: Scores = {f"{name}_fid": fid}
    if isinstance(extractor, Path) or extractor.classes:
        scores[f"{name}_is"] = {}
        for kind, of_set in (("fakes", extracted["fakes"]), ("reals", real)):
            mean, std = inception_score(of_set.logits, splits=min(folds, len(of_set.logits)), seed=seed)
            scores[f"{name}_is"] |= {kind: round(mean, 4), f"{kind}_std": round(std, 4)}
    scores["protocol"] = {
        "extractor": INCEPTION if name == "inception" else f"{JUDGE}: trained in this pipeline, not Inception",
        "features": real.features.shape[1],
        "real_images": len(real_set),
        "fake_images": len(pictures),
        "train_images": len(train_rows),
    }
    return scores


def _r_precision(
    codes: dict[str, Tensor],
    sentences: Tensor,
    plan: pd.DataFrame,
    test: PackedSplit,
    *,
    candidates: int,
    folds: int,
    seed: int,
) -> Scores:
    """R-precision of pictures ("fakes") and of the real images of their captions ("reals")."""
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


def _caption_consistency(codes: Tensor, plan: pd.DataFrame, test: PackedSplit) -> Scores:
    rows = plan["image"].to_numpy()
    classes = test.images["class_id"].to_numpy()[rows]
    result = caption_consistency(codes, rows, plan["noise"].to_numpy(), classes)
    return {
        "distance_same_image": _mean(result.same_image, result.pairs_same),
        "distance_other_image": _mean(result.other_image, result.pairs_other),
        "protocol": {"codes": "judge", "pairs_same": result.pairs_same, "pairs_other": result.pairs_other},
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
