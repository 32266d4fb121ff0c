"""Scores of one sample after the other, of several generators: real images and captions are encoded once for all."""

from collections.abc import Iterable, Sequence
from itertools import chain

import pandas as pd
import torch
from torch import Tensor

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.models.judge import Judge
from t2i.scores.consistency import caption_consistency
from t2i.scores.distances import frechet_distance, kernel_distance
from t2i.scores.extractors import extract_features, load_network
from t2i.scores.features import encode_sentences, judge_codes
from t2i.scores.fidelity import KID_SUBSET_SIZE, KID_SUBSETS
from t2i.scores.images import real_images
from t2i.scores.r_precision import r_precision_scores


class SampleScorer:
    """Scores images of one plan by the judge, as :func:`t2i.scores.evaluation.score_pictures` does.

    Args:
        plan: captions that share noise, see :func:`t2i.generation.plan.paired_plan`.
        texts: the words that were read of each caption of the test split.
        test: the split of the captions.
        reference: splits whose images are the real side of FID and KID.
        candidates, folds, seed: of R-precision, folds at most as many as there are images; and of KID's subsets.
        device: where the judge runs.
    """

    def __init__(
        self,
        plan: pd.DataFrame,
        texts: Sequence[str],
        test: PackedSplit,
        reference: Sequence[PackedSplit],
        judge: Judge,
        *,
        candidates: int,
        folds: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.plan, self.test, self.judge, self.device = plan, test, judge.to(device), device
        self.candidates, self.folds, self.seed = candidates, min(folds, len(plan)), seed
        self.network = load_network(judge)
        self.reals = extract_features(chain.from_iterable(map(real_images, reference)), self.network).features
        self.subset_size = min(KID_SUBSET_SIZE, len(self.reals), len(plan))
        captions = EncodedCaptions(test, judge.vocabulary, texts=texts)
        self.sentences = encode_sentences(judge.text, captions, device)

    def __call__(self, batches: Iterable[Tensor]) -> dict[str, float | None]:
        """Scores of the images of the plan, in batches [N, 3, S, S] uint8.

        Returns:
            "fid", "kid", "r_precision", and "consistency": the distance of images of two captions of one real image,
            divided by that of two images; None where the plan has no such pairs.
        """
        features = extract_features(batches, self.network).features
        kid, _ = kernel_distance(
            self.reals, features, subsets=KID_SUBSETS, subset_size=self.subset_size, seed=self.seed
        )
        codes = judge_codes(self.judge, features, self.device)
        r_precision = r_precision_scores(
            {"fakes": codes}, self.sentences, self.plan, self.test,
            candidates=self.candidates, folds=self.folds, seed=self.seed,
        )  # fmt: skip
        rows = self.plan["image"].to_numpy()
        classes = self.test.images["class_id"].to_numpy()[rows]
        distances = caption_consistency(codes, rows, self.plan["noise"].to_numpy(), classes)
        return {
            "fid": round(frechet_distance(self.reals, features), 4),
            "kid": round(kid, 6),
            "r_precision": r_precision["fakes"],
            "consistency": None if distances.ratio is None else round(distances.ratio, 4),
        }

    @property
    def criterion(self) -> str:
        """The score whose lowest value tells the best sample.

        "fid" where both sides have as many images as the judge has features; "kid" where they have fewer, since the
        bias of FID then is larger than the differences of samples, and smallest for those of least variety.
        """
        return "fid" if min(len(self.reals), len(self.plan)) >= self.reals.shape[1] else "kid"

    @property
    def protocol(self) -> dict[str, object]:
        """What the scores are computed with."""
        return {
            "best_by": self.criterion,
            "extractor": "judge",
            "features": self.reals.shape[1],
            "captions": "test split, two distinct ones an image and noise; the same of every snapshot",
            "test_images": self.plan["image"].nunique(),
            "fake_images": len(self.plan),
            "real_images": len(self.reals),
            "kid_subset_size": self.subset_size,
            "candidates": self.candidates,
            "folds": self.folds,
            "seed": self.seed,
        }
