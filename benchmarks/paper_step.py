"""One step of a paper budget at its real sizes, with the time and the memory it takes.

    python -m benchmarks.paper_step --data cub --model dmgan --prepared prepared --batch-size 2

Needs images packed at 256 pixels (``dvc repro preprocess -S data=cub -S budget=paper``); their content does not matter.
Inception-v3 gets random weights, which take the same time. Prints a line for people and one of JSON.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import torch

from t2i import runtime
from t2i.data.captions import Vocabulary, tokenize
from t2i.data.pack import Pack
from t2i.models.damsm import Damsm
from t2i.models.inception import InceptionImageEncoder
from t2i.models.text_encoder import TextEncoder
from t2i.params_file import load
from t2i.training.damsm import train_damsm
from t2i.training.gan import train_gan


def main() -> None:
    """Run a step and report it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paper_step")
    parser.add_argument("--data", choices=["cub", "coco"], default="cub", help="whose sizes (cub)")
    parser.add_argument("--model", choices=["attngan", "dmgan", "damsm"], default="attngan")
    parser.add_argument("--prepared", type=Path, default=Path("prepared"), help="packed images (prepared)")
    parser.add_argument("--batch-size", type=int, default=2, help="images a step (2)")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="fp32")
    given = parser.parse_args()
    model = "attngan" if given.model == "damsm" else given.model
    params = load(Path("params.yaml"), data=given.data, model=model, budget="paper")
    budget, loss = params.budgets["paper"], params.loss
    pack = Pack.open(given.prepared, "train")
    vocabulary = Vocabulary.build(tokenize(text) for text in pack.captions["text"])
    common = {"steps": 1, "epochs": None, "batch_size": given.batch_size}
    shared = {
        "max_words": getattr(params.datasets, given.data).max_words, "flip": True, "temperature": loss.temperature,
        "gamma1": loss.gamma1, "gamma2": loss.gamma2, "gamma3": loss.gamma3, "precision": given.precision, "seed": 0,
    }  # fmt: skip

    if given.model == "damsm":
        settings = dict(budget.pretrain_damsm) | common | shared
        begin = time.perf_counter()
        train_damsm(pack, vocabulary, **settings, inception_body=None, contrastive_weight=loss.damsm_contrastive)
    else:
        sizes = budget.pretrain_damsm
        text = TextEncoder(vocabulary, embedding_dim=sizes.embedding_dim, word_dim=sizes.word_dim)
        damsm = Damsm(text, InceptionImageEncoder(sizes.embedding_dim))
        settings = dict(budget.train_gan) | common | shared | dict(getattr(params.models, model))
        begin = time.perf_counter()
        train_gan(pack, damsm, model=model, **settings, contrastive_weight=loss.lambda_, shared_noise=loss.shared_noise)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / 2**30
    found = {
        "data": given.data, "model": given.model, "image_size": pack.image_size, "batch_size": given.batch_size,
        "precision": runtime.resolve(given.precision), "device": str(runtime.device()),
        "seconds_with_setup": round(seconds, 1), "peak_gib": round(peak, 2),
    }  # fmt: skip
    print(
        f"{given.model} on {given.data} sizes, {pack.image_size} px, batch {given.batch_size}, {found['precision']}: "
        f"{seconds:.1f} s with setup, peak {peak:.2f} GiB"
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
