"""Checkpoints and vocabularies of the published AttnGAN and DM-GAN models -> ours."""
