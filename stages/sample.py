"""Paint test captions: the pictures that are scored, and the grids to look at."""

from stages.runner import GAN, PLOTS, PREPARED, SAMPLES, run
from t2i import checkpoints
from t2i.data.packing import Pack
from t2i.data.pairs import EncodedCaptions
from t2i.gallery import draw_gallery
from t2i.models import generator
from t2i.models.damsm import Damsm
from t2i.params import Params
from t2i.sampling import Painter, paint_plan, plan, save_pictures


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
    save_pictures(SAMPLES, table, pictures)
    PLOTS.mkdir(exist_ok=True)
    draw_gallery(PLOTS, painter, damsm.vocabulary, captions, test, seed=params.seed)


if __name__ == "__main__":
    run(main)
