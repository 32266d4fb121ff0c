"""Paint test captions: the pictures that are scored, and the grids to look at."""

import os

import numpy as np

from stages.runner import GAN, PLOTS, PREPARED, SAMPLES, run
from t2i import checkpoints
from t2i.data.packing import Pack
from t2i.data.pairs import EncodedCaptions
from t2i.gallery import draw_gallery
from t2i.models import generator
from t2i.models.damsm import Damsm
from t2i.params import Params
from t2i.sampling import Painter, paint_plan, plan


def main(params: Params) -> None:
    """prepared/, models/gan.pt -> samples/ and grids in plots/."""
    content = checkpoints.load(GAN, "gan")
    network = generator.build(content["generator"])
    network.load_state_dict(content["generator_state"])
    damsm = Damsm.from_content(content["damsm"])
    painter = Painter(network, damsm.text, params.runtime.precision)
    test = Pack.open(PREPARED, "test")
    captions = EncodedCaptions(test, damsm.vocabulary, getattr(params.datasets, params.data).max_words)

    table = plan(test, **dict(params.budgets[params.budget].sample), seed=params.seed)
    pictures = paint_plan(painter, captions, table, seed=params.seed)
    SAMPLES.mkdir(exist_ok=True)
    table.to_csv(SAMPLES / "plan.csv", index=False, lineterminator="\n")
    part = SAMPLES / "pictures.npy.part"
    with part.open("wb") as file:
        np.save(file, pictures.numpy())
    os.replace(part, SAMPLES / "pictures.npy")

    PLOTS.mkdir(exist_ok=True)
    draw_gallery(PLOTS, painter, damsm.vocabulary, captions, test, seed=params.seed)


if __name__ == "__main__":
    run(main)
