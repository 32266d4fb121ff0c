"""Paths that command, web page and Cog package use unless told otherwise, and an example of a caption."""

from pathlib import Path

GAN, JUDGE = Path("models/gan.pt"), Path("models/judge.pt")
CAPTION = "this bird has wings that are red and has a yellow belly"
