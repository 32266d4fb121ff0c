"""Generate images from test captions: those that are scored, and the grids to look at."""

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import check_inputs, file_digest, provenance
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.generation.gallery import draw_gallery
from t2i.generation.pictures import save_pictures
from t2i.generation.plan import sample, sampling_plan
from t2i.generation.text_to_image import TextToImage
from t2i.params import Params
from t2i.pipeline.run import GAN, PLOTS, PREPARED, SAMPLES, run


def main(params: Params) -> None:
    """prepared/, models/gan.pt -> samples/ and grids in plots/."""
    content = model_file.load(GAN, "gan")
    with model_file.building(GAN):
        model = TextToImage.from_checkpoint(content, params.runtime.precision)
    test = PackedSplit(PREPARED, "test")
    check_inputs(GAN, content.get("provenance"), {PREPARED: test.digest})
    captions = EncodedCaptions(test, model.vocabulary, params.dataset.max_words)

    arguments = {**params.stage("sample"), "seed": params.seed}
    plan = sampling_plan(test, **arguments)
    pictures = sample(model, captions, plan, seed=params.seed)
    record = provenance(arguments, {PREPARED: test.digest, GAN: file_digest(GAN)})
    save_pictures(SAMPLES, plan, pictures, record | {"generator": content.get("provenance", {})})
    draw_gallery(PLOTS, model, captions, test, seed=params.seed)


if __name__ == "__main__":
    run(main)
