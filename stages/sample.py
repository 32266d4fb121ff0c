"""Paint test captions: the pictures that are scored, and the grids to look at."""

from stages.runner import GAN, PLOTS, PREPARED, SAMPLES, run
from t2i import checkpoints
from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions
from t2i.gallery import draw_gallery
from t2i.models.generator import Generator
from t2i.models.text_encoder import TextEncoder
from t2i.painter import Painter
from t2i.params import Params
from t2i.provenance import check_made_of, file_digest, origin
from t2i.sampling import paint_plan, plan, save_pictures


def main(params: Params) -> None:
    """prepared/, models/gan.pt -> samples/ and grids in plots/."""
    content = checkpoints.load(GAN, "gan")
    text = TextEncoder.from_content(content["text"])
    painter = Painter(Generator.from_content(content["generator"]), text, params.runtime.precision)
    test = Pack.open(PREPARED, "test")
    check_made_of(GAN, content.get("origin"), {PREPARED: test.digest})
    captions = EncodedCaptions(test, text.vocabulary, getattr(params.datasets, params.data).max_words)

    settings = {**dict(params.budgets[params.budget].sample), "seed": params.seed}
    table = plan(test, **settings)
    pictures = paint_plan(painter, captions, table, seed=params.seed)
    described = origin(settings, {PREPARED: test.digest, GAN: file_digest(GAN)})
    save_pictures(SAMPLES, table, pictures, described | {"generator": content.get("origin", {})})
    PLOTS.mkdir(exist_ok=True)
    draw_gallery(PLOTS, painter, captions, test, seed=params.seed)


if __name__ == "__main__":
    run(main)
