"""The scores as a table for people."""

from typing import Any

import pandas as pd


def summary(scores: dict[str, Any]) -> str:
    """A text table of the scores of :func:`t2i.scores.evaluation.score_pictures`, one line for each score."""
    rows: list[tuple[str, str, str, str]] = []

    def add(name: str, fakes: float | None, reals: float | None, remark: str = "", digits: int = 3) -> None:
        cells = ["" if value is None else f"{value:.{digits}f}" for value in (fakes, reals)]
        rows.append((name, cells[0], cells[1], remark))

    for extractor, of_extractor in scores["fidelity"].items():
        fid = of_extractor["fid"]
        remark = f"noise {fid['noise']:.0f}"
        if fid["position"] is not None:
            remark += f"; position {100 * fid['position']:.1f} (real images 0, noise 100)"
        add(f"FID ({extractor})", fid["fakes"], fid["train_reals"], remark)
        add(f"KID ({extractor})", of_extractor["kid"]["fakes"], of_extractor["kid"]["train_reals"], digits=5)
        for name in ("precision", "recall"):
            add(f"{name} ({extractor})", of_extractor[name]["fakes"], of_extractor[name]["train_reals"])
        if score := of_extractor.get("is"):
            add(f"IS ({extractor})", score["fakes"], score["reals"])
    for name, remark in (("damsm", "encoders that trained the generator"), ("judge", "encoders that did not")):
        score = scores["r_precision"][name]
        add(f"R-precision ({name})", score["fakes"], score["reals"], remark)
    same, other = (scores["caption_consistency"][f"distance_{kind}_image"] for kind in ("same", "other"))
    # the first alone also falls when all images become alike
    add("distance, two captions of one image", same, None, f"{same / other:.2f} of the next" if same and other else "")
    add("distance, captions of two images", other, None)
    for name, score in scores.get("attribute_accuracy", {}).items():
        add(f"{name} accuracy", score["fakes"], score["reals"], f"chance {score['chance']:.2f}")
    table = pd.DataFrame(rows, columns=["score", "generated", "real images", ""])
    alignment = ("left", "right", "right", "left")
    text = table.to_markdown(index=False, tablefmt="plain", disable_numparse=True, colalign=alignment)
    return "\n".join(line.rstrip() for line in str(text).splitlines())
