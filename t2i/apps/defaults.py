"""Paths and the caption that command, web page and Cog package use unless told otherwise."""

from pathlib import Path

GAN, JUDGE = Path("models/gan.pt"), Path("models/judge.pt")
CAPTION = "this bird has wings that are red and has a yellow belly"
