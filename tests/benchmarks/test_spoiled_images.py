"""What the benchmark of spoiled images makes and prints."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import spoiled_images
from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.judge import Judge


def test_spoiled_images_have_the_colours_of_the_originals_and_no_detail() -> None:
    images = torch.randint(60, 200, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    means = images.float().mean(dim=(2, 3))
    for spoil in spoiled_images.SPOILED.values():
        spoiled = spoil(images)
        assert spoiled.shape == images.shape and spoiled.dtype == torch.uint8
        torch.testing.assert_close(spoiled.float().mean(dim=(2, 3)), means, rtol=0, atol=6.0)
    assert torch.equal(spoiled_images.tiled(images)[:, :, :8, :8], spoiled_images.tiled(images)[:, :, 24:, 8:16])
    assert spoiled_images.blurred(images).float().std() < 0.5 * images.float().std()


def test_a_row_for_each_set(
    striped: Path,
    vocabulary: Vocabulary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    judge = Judge(
        vocabulary, classes=[], attributes={}, embedding_dim=8, image_encoder={"kind": "small", "width": 2}
    )  # fmt: skip
    model_file.save(tmp_path / "judge.pt", "judge", judge.to_checkpoint())
    monkeypatch.setattr(spoiled_images, "PREPARED", striped)
    monkeypatch.setattr(spoiled_images, "JUDGE", tmp_path / "judge.pt")
    spoiled_images.compare()
    printed = capsys.readouterr().out
    table = [line for line in printed.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 1 + len(spoiled_images.SPOILED) and "two halves of the test images: KID" in printed
    scores = json.loads(printed.splitlines()[-1])["scores"]
    assert set(scores) == set(spoiled_images.SPOILED)
    first = next(iter(scores.values()))
    assert all(of_name["kid"]["train_reals"] == first["kid"]["train_reals"] for of_name in scores.values())
