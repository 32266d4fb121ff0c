"""Made-up experiments in the shape of `dvc exp show --json`."""

from typing import Any

from t2i.ablation.experiments import COLOURS

NOISE = [0.0, 7.0, -4.0, 11.0]
"""What a seed adds to a score."""


def experiment(lambda_: float, seed: int, *, fid: float | None = None, **changes: Any) -> dict[str, Any]:
    """Parameters and scores: lambda 0.2 lowers the FID by 30, 1 does not.

    Args:
        fid: effect on the FID in place of that of lambda.
        changes: entries of params.yaml.
    """
    effect = {0: 0.0, 0.2: -30.0, 1: 1.5 * (seed - 1.5)}[lambda_] if fid is None else fid
    params = {
        "data": "toy_birds", "model": "attngan", "recipe": "quick", "budget": "study", "seed": seed,
        "loss": {"lambda": lambda_, "gamma": 4.0}, "datasets": {"toy_birds": {"flip": False}},
        "models": {"attngan": {"z": 5}, "dmgan": {"z": 5}}, "recipes": {"quick": {"lr": 1}, "paper": {"lr": 2}},
        "budgets": {"study": {"steps": 9}, "smoke": {"steps": 1}}, "judge": {"lr": 1}, "vocab": {"min_count": 1},
        "evaluate": {"folds": 10}, "runtime": {"precision": "auto", "workers": 2}, **changes,
    }  # fmt: skip
    metrics = {
        "fidelity": {"judge_fid": {"fakes": 600 + NOISE[seed] + effect + seed % 2, "noise": 5000.0}},
        "r_precision": {"judge": {"fakes": 0.6}, "damsm": {"fakes": 0.8 + 0.01 * NOISE[seed]}},
        "caption_consistency": {"distance_same_image": 0.5 - 0.1 * lambda_ + 0.001 * NOISE[seed]},
        "attribute_accuracy": {colour: {"fakes": 0.9} for colour in COLOURS},
    }
    return {"params": {"params.yaml": {"data": params}}, "metrics": {"metrics/evaluate.json": {"data": metrics}}}


def shown(*experiments: dict[str, Any]) -> list[dict[str, Any]]:
    """Commits as DVC shows them: the workspace, one with the experiments, one that has one running."""
    listed = [{"name": f"e{i}", "revs": [{"rev": str(i), "data": data}]} for i, data in enumerate(experiments)]
    own, running = experiment(0.2, 0), [{"name": "running", "revs": None}]
    return [
        {"rev": "workspace", "data": own, "experiments": None},
        {"rev": "1234567890", "name": "main", "data": {"params": {}, "metrics": {}}, "experiments": listed},
        {"rev": "abcdefabcd", "name": None, "data": own, "experiments": running},
    ]


SWEEP = [experiment(lambda_, seed) for lambda_ in (0, 0.2, 1) for seed in range(4)]
