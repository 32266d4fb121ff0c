"""Names of tensors, ours -> published."""

import re


def text_encoder_name(name: str) -> str:
    """``forward_lstm.weight_ih_l0`` -> ``rnn.weight_ih_l0``."""
    part, rest = name.split(".", 1)
    return {"embedding": f"encoder.{rest}", "forward_lstm": f"rnn.{rest}", "backward_lstm": f"rnn.{rest}_reverse"}[part]


def image_encoder_name(name: str) -> str:
    """``region_head.weight`` -> ``emb_features.weight``; the body has torchvision's names."""
    for ours, published in (("body.", ""), ("region_head.", "emb_features."), ("code_head.", "emb_cnn_code.")):
        if name.startswith(ours):
            return published + name.removeprefix(ours)
    raise KeyError(name)


_MEMORY = {"gate_of_word": "A", "gate_of_image": "B", "write_word": "M_w", "write_image": "M_r"}


def generator_name(name: str) -> str:
    """``refinements.0.residual.1.block.3.weight`` -> ``h_net2.residual.1.block.3.weight``."""
    part, *rest = name.split(".")
    if part == "conditioning":
        return ".".join(("ca_net.fc", *rest[1:]))
    if part == "initial" and rest[0] == "linear":
        return ".".join(("h_net1.fc", *rest[1:]))
    if part == "initial":  # ups.<block>.<layer>; the doubling is a layer of its own in the published blocks
        return ".".join((f"h_net1.upsample{int(rest[1]) + 1}", str(int(rest[2]) + 1), *rest[3:]))
    if part == "heads":
        return ".".join((f"img_net{int(rest[0]) + 1}.img", *rest[1:]))
    stage, block, *rest = rest
    prefix = f"h_net{int(stage) + 2}"
    if block == "attention":
        return f"{prefix}.att.conv_context.weight"
    if block == "up":
        return ".".join((prefix, "upsample", str(int(rest[0]) + 1), *rest[1:]))
    if block == "memory":
        return ".".join((prefix, _MEMORY.get(rest[0], rest[0]), *rest[1:]))
    return ".".join((prefix, block, *rest))


def discriminator_name(name: str, size: int, norm: str) -> str:
    """``trunk.11.weight`` -> ``img_code_s32.0.weight``; under spectral norm ``weight_bar`` and its two vectors."""
    name = re.sub(r"\.parametrizations\.weight\.original$", ".module.weight_bar", name)
    name = re.sub(r"\.parametrizations\.weight\.0\._(u|v)$", r".module.weight_\1", name)
    if norm == "spectral" and name.endswith(".bias") and not name.startswith(("unconditional", "conditional")):
        name = name.removesuffix("bias") + "module.bias"
    part, *rest = name.split(".")
    if part == "unconditional_head":
        return ".".join(("UNCOND_DNET.outlogits.0", *rest))
    if part == "conditional_head":
        return ".".join(("COND_DNET.outlogits.0", *rest))
    if part == "joint":
        return ".".join(("COND_DNET.jointConv.0", *rest))
    if part == "after_joint":
        return ".".join(("COND_DNET.jointConv", str(int(rest[0]) + 1), *rest[1:]))
    layers_a_block = 2 if norm == "spectral" else 3
    first_block = 2 + 3 * layers_a_block  # the four convolutions to a sixteenth of the side; the first without norm
    block, layer = divmod(int(rest[0]) - first_block, layers_a_block)
    if block < 0:
        return ".".join(("img_code_s16", *rest))
    later = {64: [], 128: ["s32", "s32_1"], 256: ["s32", "s64", "s64_1", "s64_2"]}[size]
    return ".".join((f"img_code_{later[block]}", str(layer), *rest[1:]))
