"""Generate images from test captions: those that are scored, and the grids to look at."""

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import check_inputs, file_digest, provenance
from t2i.checkpoints.snapshots import choose_snapshot, snapshot_of
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.generation.gallery import draw_gallery
from t2i.generation.pictures import save_sample
from t2i.generation.plan import cut_captions, sample, sampling_plans
from t2i.generation.text_to_image import TextToImage
from t2i.params import Params
from t2i.pipeline.run import GAN, PLOTS, PREPARED, SAMPLES, SCORES, SNAPSHOTS, run
from t2i.runtime.device import choose_algorithms


def main(params: Params) -> None:
    """prepared/, models/gan.pt or a snapshot -> samples/ and grids in plots/."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    chosen = params.sample.snapshot
    path = choose_snapshot(chosen, GAN, SNAPSHOTS, SCORES)
    content = model_file.load(path, "gan")
    with model_file.building(path):
        model = TextToImage.from_checkpoint(content, params.runtime.precision)
    test = PackedSplit(PREPARED, "test")
    check_inputs(path, content.get("provenance"), {PREPARED: test.digest})
    max_words, seed = params.dataset.sample_max_words, params.seed
    captions = cut_captions(EncodedCaptions(test, model.vocabulary, max_words), seed=seed)

    arguments = {**params.stage("sample"), "protocol": params.sample.protocol, "seed": seed}
    plans = sampling_plans(test, **arguments)
    snapshot = snapshot_of(content)
    sets = {
        name: (plan, sample(model, captions, plan, seed=seed, image_size=snapshot["image_size"]))
        for name, plan in plans.items()
    }
    settings = {**arguments, "max_words": max_words, "snapshot": chosen}
    record = provenance(settings, {PREPARED: test.digest, path: file_digest(path)})
    record["generator"] = content.get("provenance", {})
    image_size = model.generator.config["image_size"]  # before enlargement
    record["snapshot"] = {"chosen": chosen, "step": snapshot["step"], "image_size": image_size}
    save_sample(SAMPLES, sets, captions.texts(), max_words, record)
    draw_gallery(PLOTS, model, captions, test, seed=seed)


if __name__ == "__main__":
    run(main)
