"""All scores of a set of pictures, each with what it was computed with."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions, centre_crops
from t2i.errors import InputError
from t2i.models.damsm import Damsm, encode_images, encode_sentences
from t2i.models.judge import Judge
from t2i.scores.attributes import attribute_accuracy
from t2i.scores.consistency import caption_consistency
from t2i.scores.fidelity import INCEPTION, JUDGE, extract, frechet_distance_of_features, inception_score_of_logits
from t2i.scores.r_precision import RPrecision, r_precision

Scores = dict[str, Any]


def score_pictures(
    pictures: Tensor,
    table: pd.DataFrame,
    test: Pack,
    train: Pack,
    reference: list[Pack],
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
    """Score pictures of test captions beside real images.

    Args:
        pictures: [P, 3, S, S] uint8.
        table: their plan, one row a picture (see :func:`t2i.sampling.plan`).
        test: the split the captions come from.
        train: its images show what FID is to be expected of real images of other classes.
        reference: splits whose images are the real side of FID.
        damsm: the encoders that trained the generator.
        judge: the network that did not.
        inception: weights of torch-fidelity's Inception, if FID and IS are to be computed with it instead of the judge.
        candidates, folds, seed: of R-precision.

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
    rows = table["image"].to_numpy()
    shown, real_of = np.unique(rows, return_inverse=True)  # each real image is read once for all its pictures
    reals = centre_crops(test, shown)
    real_set = torch.cat([centre_crops(pack) for pack in reference])
    classes = test.images["class_id"].to_numpy()

    scores: Scores = {"fidelity": fidelity(pictures, real_set, train, inception or judge, folds=folds, seed=seed)}
    scores["r_precision"] = {}
    picture_codes = {}
    for name, encoder in (("damsm", damsm), ("judge", judge)):
        captions = EncodedCaptions(test, encoder.vocabulary, max_words)
        sentences = encode_sentences(encoder.text, captions, device, seed)
        picture_codes[name] = encode_images(encoder.image, pictures, device)
        scores["r_precision"][name] = {}
        real_codes = encode_images(encoder.image, reals, device)[real_of]
        for kind, codes in (("fakes", picture_codes[name]), ("reals", real_codes)):
            found = _r_precision(
                codes, sentences, table["caption"].to_numpy(), classes[rows],
                classes[test.captions["image"].to_numpy()], candidates=candidates,
                folds=folds, seed=seed,
            )  # fmt: skip
            scores["r_precision"][name][kind] = round(found.mean, 4)
            scores["r_precision"][name][f"{kind}_std"] = round(found.std, 4)
    scores["r_precision"]["protocol"] = {"candidates": candidates, "folds": folds, "seed": seed}

    near = caption_consistency(picture_codes["judge"], rows, table["noise"].to_numpy(), classes[rows])
    scores["caption_consistency"] = {
        "distance_same_image": _mean(near.same_image, near.pairs_same),
        "distance_other_image": _mean(near.other_image, near.pairs_other),
        "protocol": {"codes": "judge", "pairs_same": near.pairs_same, "pairs_other": near.pairs_other},
    }
    if judge.attributes:
        says = test.captions.iloc[table["caption"].to_numpy()]
        fakes = attribute_accuracy(judge.attributes_of(pictures, device), says)
        seen = judge.attributes_of(reals, device)
        real = attribute_accuracy({name: [values[i] for i in real_of] for name, values in seen.items()}, says)
        scores["attribute_accuracy"] = {
            name: {
                "fakes": round(found["accuracy"], 4),
                "reals": round(real[name]["accuracy"], 4),
                "chance": round(found["chance"], 4),
                "mentions": found["mentions"],
            }
            for name, found in fakes.items()
        }
    scores["protocol"] = {
        "image_size": test.image_size, "pictures": len(pictures), "test_images": len(shown),
        "captions": "test split, two distinct ones an image and noise",
    }  # fmt: skip
    return scores


def _r_precision(*codes: object, **settings: int) -> RPrecision:
    """R-precision, where too few captions for its candidates are the data set's or the parameters' fault."""
    try:
        return r_precision(*codes, **settings)  # type: ignore[arg-type]
    except ValueError as error:
        raise InputError(f"R-precision: {error}; lower evaluate.candidates or evaluate.folds") from error


def _mean(value: float, count: int) -> float | None:
    """A mean for JSON, which has no word for that of nothing."""
    return round(value, 4) if count else None


def fidelity(
    pictures: Tensor, real_set: Tensor, train: Pack, extractor: Judge | Path, *, folds: int, seed: int
) -> Scores:
    """FID and IS, with FID of training images and of noise as marks at both ends.

    The names carry "judge" or "inception": the judge is this pipeline's own, and its figures do not compare with
    Inception's. How far the pictures are on the way from training images (0) to noise (1) is "position".
    """
    name = "inception" if isinstance(extractor, Path) else "judge"
    source = torch.Generator().manual_seed(seed)
    noise = torch.randint(256, (len(pictures), *pictures.shape[1:]), generator=source, dtype=torch.uint8)
    some = np.unique(np.linspace(0, len(train) - 1, min(len(train), len(pictures))).round().astype(int))
    real = extract(real_set, extractor)
    sets = {"fakes": pictures, "train_reals": centre_crops(train, some), "noise": noise}
    seen = {kind: extract(images, extractor) for kind, images in tqdm(sets.items(), desc="features", unit="set")}
    found: Scores = {
        f"{name}_fid": {
            kind: round(frechet_distance_of_features(real.features, judged.features), 4)
            for kind, judged in seen.items()
        }
    }
    marks = found[f"{name}_fid"]
    marks["position"] = round((marks["fakes"] - marks["train_reals"]) / (marks["noise"] - marks["train_reals"]), 4)
    if isinstance(extractor, Path) or extractor.classes:
        found[f"{name}_is"] = {}
        for kind, judged in (("fakes", seen["fakes"]), ("reals", real)):
            mean, std = inception_score_of_logits(judged.logits, splits=min(folds, len(judged.logits)), seed=seed)
            found[f"{name}_is"] |= {kind: round(mean, 4), f"{kind}_std": round(std, 4)}
    found["protocol"] = {
        "extractor": INCEPTION if name == "inception" else f"{JUDGE}: trained in this pipeline, not Inception",
        "features": real.features.shape[1],
        "real_images": len(real_set), "fake_images": len(pictures), "train_images": len(some),
    }  # fmt: skip
    return found


def summary(scores: Scores) -> str:
    """The scores as a table of a few lines."""
    lines: list[tuple[str, str, str, str]] = [("score", "pictures", "real images", "")]

    def line(name: str, fakes: float | None, reals: float | None, remark: str = "") -> None:
        shown = ["" if value is None else f"{value:.3f}" for value in (fakes, reals)]
        lines.append((name, shown[0], shown[1], remark))

    extractor = "judge" if "judge_fid" in scores["fidelity"] else "inception"
    fid = scores["fidelity"][f"{extractor}_fid"]
    line(
        f"FID ({extractor})",
        fid["fakes"],
        fid["train_reals"],
        f"noise {fid['noise']:.0f}: {fid['position']:.1%} of the way",
    )
    if found := scores["fidelity"].get(f"{extractor}_is"):
        line(f"IS ({extractor})", found["fakes"], found["reals"])
    for name, remark in (("damsm", "the encoder that trained the generator"), ("judge", "one that did not")):
        found = scores["r_precision"][name]
        line(f"R-precision ({name})", found["fakes"], found["reals"], remark)
    near = scores["caption_consistency"]
    line("distance, two captions of one image", near["distance_same_image"], None, "lower is better")
    line("distance, captions of two images", near["distance_other_image"], None)
    for name, found in scores.get("attribute_accuracy", {}).items():
        line(f"{name} as said", found["fakes"], found["reals"], f"chance {found['chance']:.2f}")
    widths = [max(len(cells[column]) for cells in lines) for column in range(4)]
    return "\n".join(
        f"{cells[0]:<{widths[0]}}  {cells[1]:>{widths[1]}}  {cells[2]:>{widths[2]}}  {cells[3]}".rstrip()
        for cells in lines
    )
