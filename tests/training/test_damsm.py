"""Pretraining on striped images: it learns, and the same seed gives the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.data.batches import Batch, EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.losses.damsm import damsm_losses
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.scores.features import encode_images, encode_sentences
from t2i.training.damsm import DamsmObjective
from tests.helpers import DAMSM, same_weights, small_damsm

CPU = torch.device("cpu")


def test_damsm_learns_to_match_stripes_with_their_captions(striped: Path, vocabulary: Vocabulary) -> None:
    damsm, history = small_damsm(striped, vocabulary)
    assert history[-1]["words"] + history[-1]["sentence"] < 0.7 * (history[0]["words"] + history[0]["sentence"])
    pack = PackedSplit(striped, "test")
    codes = encode_images(damsm.image, [centre_crops(pack)], CPU)
    captions = EncodedCaptions(pack, vocabulary, 18)
    sentences = encode_sentences(damsm.text, captions, CPU)
    assert codes.shape == (24, 16) and sentences.shape == (72, 16)
    # the caption that names both colours (the second of each image) fits its image better than others on average
    cosine = torch.nn.functional.cosine_similarity(codes[:, None], sentences[1::3][None], dim=2)
    assert cosine.diagonal().mean() > cosine.mean() + 0.1


def test_damsm_learns_from_more_captions_of_the_batch(striped: Path, vocabulary: Vocabulary) -> None:
    first = {}
    for captions, negatives in ((2, "view"), (2, "batch"), (3, "batch")):
        changes = {"captions_per_image": captions, "losses": {"negatives": negatives}}
        _, history = small_damsm(striped, vocabulary, **changes)
        assert history[-1]["sentence"] < 0.8 * history[0]["sentence"]
        first[captions, negatives] = small_damsm(striped, vocabulary, **changes, steps=1)[1][0]
    # the first step begins with the same weights: the more negatives, the harder it is
    assert first[2, "view"]["sentence"] + 0.3 < first[2, "batch"]["sentence"]
    assert first[2, "batch"]["sentence"] + 0.3 < first[3, "batch"]["sentence"]
    assert first[2, "view"]["words"] == first[2, "batch"]["words"]


def test_damsm_repeats_to_the_bit_and_follows_its_seed(striped: Path, vocabulary: Vocabulary) -> None:
    one, two, other = (
        small_damsm(striped, vocabulary, steps=4, seed=seed, text_encoder={"dropout": 0.3})[0] for seed in (0, 0, 1)
    )
    assert same_weights(one, two) and not same_weights(one, other)


@pytest.mark.parametrize("negatives", ["view", "batch"])
def test_one_caption_an_image_trains_the_encoders_of_the_baselines(
    striped: Path, vocabulary: Vocabulary, negatives: str
) -> None:
    changes: dict[str, Any] = {"captions_per_image": 1, "losses": {"negatives": negatives}}
    one, history = small_damsm(striped, vocabulary, **changes)
    assert set(history[0]) == {"step", "words", "sentence"}
    assert history[-1]["words"] + history[-1]["sentence"] < 0.8 * (history[0]["words"] + history[0]["sentence"])
    changes["losses"] |= {"damsm_lambda": 7.0, "negatives": "view"}  # neither has anything to act on
    assert same_weights(one, small_damsm(striped, vocabulary, **changes)[0])


@pytest.mark.parametrize("captions", [1, 2, 3])
def test_losses_are_sums_over_at_most_two_captions(vocabulary: Vocabulary, captions: int) -> None:
    torch.manual_seed(0)
    image = build_image_encoder("small", embedding_dim=6, width=4)
    encoders = Damsm(TextEncoder(vocabulary, embedding_dim=6, word_dim=5, dropout=0.0), image)
    gammas: dict[str, Any] = {"gamma1": 4.0, "gamma2": 5.0, "gamma3": 10.0}
    objective = DamsmObjective(
        encoders, precision="fp32", negatives="view", damsm_lambda=1.0, temperature=0.5, **gammas
    )
    ids = torch.randint(1, len(vocabulary), (captions, 4, 3))
    batch = Batch(torch.randint(256, (4, 3, 16, 16), dtype=torch.uint8), ids, torch.arange(4), torch.arange(4))
    terms = objective.step(batch)
    with torch.no_grad():
        regions, codes = encoders.image(to_float(batch.images))
        texts = [encoders.text(view) for view in ids]
        losses = [damsm_losses(regions, codes, t.words, t.sentence, t.padding, batch.classes, **gammas) for t in texts]
    of_words, of_sentence = zip(*losses, strict=True)
    torch.testing.assert_close(terms["words"].detach(), torch.stack(of_words[:2]).sum())
    torch.testing.assert_close(terms["sentence"].detach(), min(2, captions) * torch.stack(of_sentence).mean())
    assert ("contrastive" in terms) == (captions > 1)


def test_moments_start_anew_with_each_epoch_if_configured(striped: Path, vocabulary: Vocabulary) -> None:
    def trained(reset: str) -> list[Damsm]:
        changes: dict[str, Any] = {"batch_size": 16, "optimizer": {"lr_decay": 1.0, "reset": reset}}
        return [small_damsm(striped, vocabulary, steps=n, **changes)[0] for n in (1, 2, 3)]  # an epoch has two

    kept, anew = trained("never"), trained("epoch")
    assert [same_weights(a, b) for a, b in zip(kept, anew, strict=True)] == [True, True, False]
    # the first step of an Adam without moments is as long for every weight that has a gradient: the learning rate
    steps = [(b - a).abs() for a, b in zip(anew[1].parameters(), anew[2].parameters(), strict=True)]
    moved = torch.cat([step.flatten() for step in steps]).detach()
    lr = DAMSM["optimizer"]["lr"]
    assert moved[moved > 0].quantile(0.1) > 0.9 * lr and moved.max() < 1.01 * lr


def test_encoders_start_with_the_weights_and_words_of_a_model_file(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    known = Vocabulary(["<end>", "the", "above", "a", "red", "green", "nowhere"])  # no caption has the last one
    torch.manual_seed(1)
    image = build_image_encoder("small", embedding_dim=16, width=8)
    encoders = Damsm(TextEncoder(known, embedding_dim=16, word_dim=16, sentence_pooling="max"), image)
    model_file.save(tmp_path / "damsm.pt", "damsm", encoders.to_checkpoint())
    start = model_file.load(tmp_path / "damsm.pt", "damsm")

    words = known.extended(vocabulary.words)
    assert words.words[:7] == known.words and set(words.words) == {*vocabulary.words, "nowhere"}
    changes: dict[str, Any] = {"steps": 0, "text_encoder": {"word_init_range": 0.01}}
    same, history = small_damsm(striped, words, **changes, start=start)
    assert history == [] and same.vocabulary == words and same_weights(same.image, image)
    old, new = same.text.embedding.weight.split([7, len(words) - 7])
    assert torch.equal(old, encoders.text.embedding.weight) and 0.005 < new.abs().max() <= 0.01
    for part in ("forward_lstm", "backward_lstm"):
        assert same_weights(same.text.get_submodule(part), encoders.text.get_submodule(part))

    later, history = small_damsm(striped, words, steps=4, start=start)
    moved = (later.text.embedding.weight - same.text.embedding.weight).abs().amax(dim=1) > 0
    assert len(history) == 4 and moved[1:6].any() and moved[7:].any() and not moved[6]
    passed_on, _ = small_damsm(striped, known.extended([]), steps=0, start=start)
    assert same_weights(passed_on, encoders)


@pytest.mark.parametrize("words", [["<end>", "other"], ["<end>"], []])
def test_words_that_do_not_begin_with_those_of_the_file_are_refused(vocabulary: Vocabulary, words: list[str]) -> None:
    start = TextEncoder(vocabulary, embedding_dim=6, word_dim=5).to_checkpoint()
    now = Vocabulary(words) if words else Vocabulary(vocabulary.words, "unicode")
    with pytest.raises(ValueError, match="the vocabulary does not begin with the words of the encoder to start from"):
        TextEncoder(now, embedding_dim=6, word_dim=5).load_start(start)


@pytest.mark.parametrize("group", ["text_encoder", "image_encoder", "losses", "optimizer"])
def test_a_misspelt_argument_of_a_group_is_a_type_error(striped: Path, vocabulary: Vocabulary, group: str) -> None:
    with pytest.raises(TypeError, match="misspelt"):
        small_damsm(striped, vocabulary, **{group: {"misspelt": 1}})
