"""The scores as a table for people."""

from typing import Any

import pandas as pd


def summary(scores: dict[str, Any]) -> str:
    """A text table of the scores of :func:`t2i.scores.evaluation.score_pictures`, one line for each score.

    KID comes before FID where FID is biased, which lines below the table say.
    """
    rows: list[tuple[str, str, str, str]] = []

    def add(name: str, fakes: float | None, reals: float | None, remark: str = "", digits: int = 3) -> None:
        cells = ["" if value is None else f"{value:z.{digits}f}" for value in (fakes, reals)]
        rows.append((name, cells[0], cells[1], remark))

    warnings = []
    for extractor, of_extractor in scores["fidelity"].items():
        distances = [("FID", of_extractor["fid"], 3), ("KID", of_extractor["kid"], 5)]
        if bias := _bias_of_fid(of_extractor["protocol"]):
            warnings.append(f"FID ({extractor}) is biased upwards: {bias}; KID is not")
            distances.reverse()
        for name, distance, digits in distances:
            halves, noise = distance.get("of_halves", distance).get("reals"), distance["noise"]
            remark = f"noise {noise:.4g}" + ("" if halves is None else f"; two halves of the real images {halves:.4g}")
            add(f"{name} ({extractor})", distance["fakes"], distance["train_reals"], remark, digits)
        for name, distance, _ in distances:
            position = distance["position"]
            if position["fakes"] is not None:
                fakes, train = (100 * position[kind] for kind in ("fakes", "train_reals"))
                add(
                    f"position by {name} ({extractor})", fakes, train, "real images of the same classes 0, noise 100", 1
                )
        for name in ("precision", "recall", "precision_cosine", "recall_cosine"):
            share = of_extractor[name]
            add(f"{name.replace('_', ', ')} ({extractor})", share["fakes"], share["train_reals"])
        if score := of_extractor.get("is"):
            add(f"IS ({extractor})", score["fakes"], score["reals"])
    near = scores["nearest"]
    remark = "" if near["train_reals"] is None else f"of training images {near['train_reals']:.3f}"
    add("distance, nearest training image", near["fakes"], near["reals"], remark)
    varied = scores["variety"]
    add("feature distance, two noises of one caption", varied["fakes"], varied["reals"], "real: two images of a class")
    for name, remark in (("damsm", "encoders that trained the generator"), ("judge", "encoders that did not")):
        score = scores["r_precision"][name]
        add(f"R-precision ({name})", score["fakes"], score["reals"], remark)
    consistency = scores["caption_consistency"]
    for key, name in (("distance", "distance"), ("pixels", "difference of pixels")):
        same, other = (consistency[f"{key}_{kind}_image"] for kind in ("same", "other"))
        # the first alone also falls when all images become alike
        ratio = f"{same / other:.2f} of the next" if same and other else ""
        add(f"{name}, two captions of one image", same, None, ratio)
        add(f"{name}, captions of two images", other, None)
    for kind, share in consistency.get("attribute_agreement", {}).items():
        add(f"same attribute, mentioned by {kind}", share, None, "of two captions of one image")
    for name, score in scores.get("attribute_accuracy", {}).items():
        add(f"{name} accuracy", score["fakes"], score["reals"], f"chance {score['chance']:.2f}")
    table = pd.DataFrame(rows, columns=["score", "generated", "real images", ""])
    alignment = ("left", "right", "right", "left")
    text = table.to_markdown(index=False, tablefmt="plain", disable_numparse=True, colalign=alignment)
    return "\n".join([*(line.rstrip() for line in str(text).splitlines()), *warnings])


def _bias_of_fid(protocol: dict[str, Any]) -> str:
    """Which images are fewer than features; "" if none are."""
    (count, kind), features = min((protocol[f"{kind}_images"], kind) for kind in ("real", "fake")), protocol["features"]
    what = {"real": "real", "fake": "generated"}[kind]
    return f"{count:,} {what} images for {features:,} features" if count < features else ""
