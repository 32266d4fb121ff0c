"""Former names of keys in params.yaml, so that an old file is answered with the new names."""

BLOCKS = {
    "": {"data = own": "data = custom", "budget = paper32": "recipe = paper with budget = small"},
    "loss": {"damsm_contrastive": "loss.damsm_lambda"},
    "evaluate": {"extractor": "evaluate.extractors"},
    "runtime": {"processes": "runtime.preprocess_workers"},
    "datasets": {"own": "datasets.custom"},
    "budgets": {"paper32": "recipe = paper with budget = small"},
    "preprocess": {"limit": "budgets.<name>.preprocess.max_images"},
    "pretrain_damsm": {
        "captions": "recipes.<name>.pretrain_damsm.captions_per_image",
        "candidates": "recipes.<name>.pretrain_damsm.losses.negatives",
        "lr": "recipes.<name>.pretrain_damsm.optimizer.lr",
        "lr_decay": "recipes.<name>.pretrain_damsm.optimizer.lr_decay",
        "lr_floor": "recipes.<name>.pretrain_damsm.optimizer.lr_min_ratio",
        "gradient_clip": "recipes.<name>.pretrain_damsm.optimizer.gradient_clip",
        "dropout": "recipes.<name>.pretrain_damsm.text_encoder.dropout",
        "word_range": "recipes.<name>.pretrain_damsm.text_encoder.word_init_range",
        "forget_bias": "recipes.<name>.pretrain_damsm.text_encoder.forget_bias",
        "sentence": "recipes.<name>.pretrain_damsm.text_encoder.sentence_pooling",
        "word_dim": "budgets.<name>.pretrain_damsm.text_encoder.word_dim",
        "width": "budgets.<name>.pretrain_damsm.image_encoder.width",
    },
    "train_judge": {
        "lr": "judge.lr",
        "sentence": "judge.sentence_pooling",
        "seed": "judge.seed",
        "width": "budgets.<name>.train_judge.image_encoder.width",
    },
    "train_gan": {
        "captions": "recipes.<name>.train_gan.captions_per_image",
        "initial_weights": "recipes.<name>.train_gan.init",
        "layers": "recipes.<name>.train_gan.generator.norm_act",
        "mapping_layers": "recipes.<name>.train_gan.generator.mapping_layers",
        "noise_bits": "recipes.<name>.train_gan.generator.binary_noise_dims",
        "discriminator_norm": "recipes.<name>.train_gan.discriminator.norm",
        "projection": "recipes.<name>.train_gan.discriminator.projection_dim",
        "mismatched": "recipes.<name>.train_gan.discriminator.negative_captions",
        "adversarial": "recipes.<name>.train_gan.losses.adversarial",
        "damsm_weight": "recipes.<name>.train_gan.losses.damsm",
        "kl_weight": "recipes.<name>.train_gan.losses.kl",
        "diversity_weight": "recipes.<name>.train_gan.losses.mode_seeking",
        "matching_weight": "recipes.<name>.train_gan.losses.matching",
        "gradient_penalty": "recipes.<name>.train_gan.losses.r1",
        "penalty_every": "recipes.<name>.train_gan.losses.r1_every",
        "remembered": "recipes.<name>.train_gan.losses.memory_bank",
        "lr_generator": "recipes.<name>.train_gan.optimizer.lr_generator",
        "lr_discriminator": "recipes.<name>.train_gan.optimizer.lr_discriminator",
        "beta1": "recipes.<name>.train_gan.optimizer.beta1",
        "beta2": "recipes.<name>.train_gan.optimizer.beta2",
        "decay_from": "recipes.<name>.train_gan.optimizer.lr_decay_start",
        "ema_decay": "recipes.<name>.train_gan.optimizer.ema_decay",
        "base_size": "budgets.<name>.train_gan.generator.base_size",
        "ngf": "budgets.<name>.train_gan.generator.ngf",
        "residual_blocks": "budgets.<name>.train_gan.generator.residual_blocks",
        "ndf": "budgets.<name>.train_gan.discriminator.ndf",
    },
    "discriminator": {"scales": "recipes.<name>.train_gan.generator.image_scales"},
}
"""Block -> former key -> place of its successor; in the first, former values of selectors."""


def new_name(block: str, key: str) -> str | None:
    """Where a former key of a block, named by its last part, is now; None if there never was one."""
    return BLOCKS.get(block, {}).get(key)
