"""The scores as a table for people."""

from typing import Any

import pandas as pd


def summary(scores: dict[str, Any]) -> str:
    """A text table of the scores of :func:`t2i.scores.evaluation.score_pictures`, one line for each score."""
    rows: list[tuple[str, str, str, str]] = []

    def add(name: str, fakes: float | None, reals: float | None, remark: str = "") -> None:
        cells = ["" if value is None else f"{value:.3f}" for value in (fakes, reals)]
        rows.append((name, cells[0], cells[1], remark))

    extractor = "judge" if "judge_fid" in scores["fidelity"] else "inception"
    fid = scores["fidelity"][f"{extractor}_fid"]
    remark = f"noise {fid['noise']:.0f}; position {100 * fid['position']:.1f} (real images 0, noise 100)"
    add(f"FID ({extractor})", fid["fakes"], fid["train_reals"], remark)
    if score := scores["fidelity"].get(f"{extractor}_is"):
        add(f"IS ({extractor})", score["fakes"], score["reals"])
    for name, remark in (("damsm", "encoders that trained the generator"), ("judge", "encoders that did not")):
        score = scores["r_precision"][name]
        add(f"R-precision ({name})", score["fakes"], score["reals"], remark)
    consistency = scores["caption_consistency"]
    add("distance, two captions of one image", consistency["distance_same_image"], None, "lower is better")
    add("distance, captions of two images", consistency["distance_other_image"], None)
    for name, score in scores.get("attribute_accuracy", {}).items():
        add(f"{name} accuracy", score["fakes"], score["reals"], f"chance {score['chance']:.2f}")
    table = pd.DataFrame(rows, columns=["score", "generated", "real images", ""])
    alignment = ("left", "right", "right", "left")
    text = table.to_markdown(index=False, tablefmt="plain", disable_numparse=True, colalign=alignment)
    return "\n".join(line.rstrip() for line in str(text).splitlines())
