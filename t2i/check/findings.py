"""What a part of ``t2i check`` found."""

from dataclasses import dataclass, field


@dataclass
class Findings:
    """Lines of the screen and what would stop a run.

    Attributes:
        title: of the part.
        lines: label and text.
        problems: a line each, with the way out.
    """

    title: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, label: str, text: str) -> None:
        """Add a line."""
        self.lines.append((label, text))


def gib(count: float) -> str:
    """Bytes as GiB."""
    return f"{count / 2**30:.1f} GiB"


def duration(seconds: float) -> str:
    """Seconds in the unit that fits: s, min, h or days."""
    for unit, length in (("days", 172_800), ("h", 7_200), ("min", 90)):
        if seconds >= length:
            return f"{seconds / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
