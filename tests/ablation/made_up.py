"""Made-up experiments in the shape of `dvc exp show --json`."""

from typing import Any

from t2i.ablation.metrics import COLOURS

NOISE = [0.0, 7.0, -4.0, 11.0]
"""What a seed adds to a score."""


def experiment(
    lambda_: float, seed: int, *, fid: float | None = None, extractors: tuple[str, ...] = ("judge",), **changes: Any
) -> dict[str, Any]:
    """Parameters and scores: lambda 0.2 lowers the FID by 30, 1 does not.

    Args:
        fid: effect on the FID in place of that of lambda.
        extractors: networks with scores of fidelity; their FIDs are the judge's.
        changes: entries of params.yaml.
    """
    effect = {0: 0.0, 0.2: -30.0, 1: 1.5 * (seed - 1.5)}[lambda_] if fid is None else fid
    noise = NOISE[seed % 4]
    params = {
        "data": "toy_birds", "model": "attngan", "recipe": "quick", "budget": "study", "seed": seed,
        "loss": {"lambda": lambda_, "damsm_lambda": 1.0, "gamma": 4.0}, "datasets": {"toy_birds": {"flip": False}},
        "models": {"attngan": {"z": 5}, "dmgan": {"z": 5}}, "recipes": {"quick": {"lr": 1}, "paper": {"lr": 2}},
        "budgets": {"study": {"steps": 9}, "smoke": {"steps": 1}}, "judge": {"lr": 1}, "vocab": {"min_count": 1},
        "evaluate": {"folds": 10}, "runtime": {"precision": "auto", "workers": 2}, **changes,
    }  # fmt: skip
    fidelity = {
        "fid": {"fakes": 600 + noise + effect + seed % 2, "noise": 5000.0, "position": {"fakes": 0.1}},
        "kid": {"fakes": 0.002 + 0.0001 * noise, "fakes_std": 0.1},
        "precision": {"fakes": 0.7, "train_reals": 0.9},
        "recall": {"fakes": 0.4, "train_reals": 0.8},
        "is": {"fakes": 20 + noise, "fakes_std": 1.0, "reals": 50.0},
        "protocol": {"features": 256},
    }
    shrinkage = 1 - 0.2 * lambda_  # of all distances alike
    metrics = {
        "fidelity": dict.fromkeys(extractors, fidelity),
        "r_precision": {"judge": {"fakes": 0.6}, "damsm": {"fakes": 0.8 + 0.01 * noise}, "protocol": {"folds": 10}},
        "caption_consistency": {
            "distance_same_image": shrinkage * (0.6 + 0.001 * noise),
            "distance_other_image": shrinkage * (0.9 + 0.002 * noise),
        },
        "attribute_accuracy": {colour: {"fakes": 0.9} for colour in COLOURS} | {"pose": {"fakes": 0.3, "reals": 1.0}},
    }
    snapshots = {str(steps): {"fid": 900 + noise + effect - steps, "r_precision": 0.5} for steps in (50, 100)}
    files = {"evaluate": metrics, "score_snapshots": {"best": {"step": 100}, "snapshots": snapshots}}
    return {
        "params": {"params.yaml": {"data": params}},
        "metrics": {f"metrics/{name}.json": {"data": content} for name, content in files.items()},
    }


def shown(*experiments: dict[str, Any]) -> list[dict[str, Any]]:
    """Commits as DVC shows them: the workspace, one with the experiments, one that has one running."""
    listed = [{"name": f"e{i}", "revs": [{"rev": str(i), "data": data}]} for i, data in enumerate(experiments)]
    own, running = experiment(0.2, 0), [{"name": "running", "revs": None}]
    return [
        {"rev": "workspace", "data": own, "experiments": None},
        {"rev": "1234567890", "name": "main", "data": {"params": {}, "metrics": {}}, "experiments": listed},
        {"rev": "abcdefabcd", "name": None, "data": own, "experiments": running},
    ]


def grid(
    seeds: int = 4, *, noise: float = 1.0, leave_out: tuple[tuple[float, float, int], ...] = (), **changes: Any
) -> list[dict[str, Any]]:
    """Runs by loss.damsm_lambda (0, 1) and loss.lambda (0, 0.2).

    The FID falls by 20 with damsm_lambda 1 and by 30 with lambda 0.2, and by another 8 with both. Each seed adds NOISE,
    and each effect varies by ``noise`` from seed to seed.
    """
    runs = []
    for first in (0.0, 1.0):
        for second in (0.0, 0.2):
            for seed in range(seeds):
                if (first, second, seed) in leave_out:
                    continue
                wobble = noise * (seed % 2 - 0.5)
                fid = first * (-20 + wobble) + (second > 0) * (-30 + 2 * wobble) + first * (second > 0) * (-8 - wobble)
                loss = {"lambda": second, "damsm_lambda": first, "gamma": 4.0}
                runs.append(experiment(second, seed, fid=fid, loss=loss, **changes))
    return runs


SWEEP = [experiment(lambda_, seed) for lambda_ in (0, 0.2, 1) for seed in range(4)]
