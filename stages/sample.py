"""Generate images from test captions: those that are scored, and the grids to look at."""

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import check_inputs, file_digest, provenance
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.generation.gallery import draw_gallery
from t2i.generation.pictures import Pictures, Sample, save_sample
from t2i.generation.plan import cut_captions, sample, sampling_plans
from t2i.generation.text_to_image import TextToImage
from t2i.params import Params
from t2i.pipeline.run import GAN, PLOTS, PREPARED, SAMPLES, run
from t2i.runtime.device import choose_algorithms


def main(params: Params) -> None:
    """prepared/, models/gan.pt -> samples/ and grids in plots/."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    content = model_file.load(GAN, "gan")
    with model_file.building(GAN):
        model = TextToImage.from_checkpoint(content, params.runtime.precision)
    test = PackedSplit(PREPARED, "test")
    check_inputs(GAN, content.get("provenance"), {PREPARED: test.digest})
    max_words, seed = params.dataset.sample_max_words, params.seed
    captions = cut_captions(EncodedCaptions(test, model.vocabulary, max_words), seed=seed)

    arguments = {**params.stage("sample"), "protocol": params.sample.protocol, "seed": seed}
    plans = sampling_plans(test, **arguments)
    sets = {name: Pictures(plan, sample(model, captions, plan, seed=seed)) for name, plan in plans.items()}
    record = provenance({**arguments, "max_words": max_words}, {PREPARED: test.digest, GAN: file_digest(GAN)})
    generator = content.get("provenance", {})
    save_sample(SAMPLES, Sample(sets, captions.texts(), max_words), record | {"generator": generator})
    draw_gallery(PLOTS, model, captions, test, seed=seed)


if __name__ == "__main__":
    run(main)
