"""Train the network that scores, on real images alone, so that no sweep over the GAN trains it again."""

from t2i.checkpoints import model_file
from t2i.checkpoints.backbones import image_encoder_weights
from t2i.checkpoints.provenance import provenance
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.params import Params
from t2i.pipeline.arguments import judge_arguments
from t2i.pipeline.run import JUDGE, PLOTS, PREPARED, VOCABULARY, run, weights_folder, write_metrics
from t2i.pipeline.scratch import resumable
from t2i.runtime.device import choose_algorithms
from t2i.training.judge import train_judge
from t2i.training.loop.loss_history import write_csv


def main(params: Params) -> None:
    """prepared/, models/vocabulary.json -> models/judge.pt."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    pack, vocabulary = PackedSplit(PREPARED, "train"), Vocabulary.load(VOCABULARY)
    arguments = judge_arguments(params)
    pretrained = image_encoder_weights(arguments["image_encoder"]["kind"], weights_folder())
    record = provenance(arguments, {PREPARED: pack.digest, VOCABULARY: vocabulary.digest})
    with resumable("train_judge", record, params.runtime.checkpoint_seconds) as checkpoints:
        judge, history = train_judge(pack, vocabulary, **arguments, pretrained=pretrained, checkpoints=checkpoints)
        model_file.save(JUDGE, "judge", {**judge.to_checkpoint(), "provenance": record})
        write_csv(PLOTS / "train_judge.csv", history)
        last = {name: round(value, 4) for name, value in history[-1].items() if name != "step"}
        write_metrics("train_judge", {"judge_loss": last})


if __name__ == "__main__":
    run(main, end_with_dvc=False)  # it watches its parent itself and saves what it has
