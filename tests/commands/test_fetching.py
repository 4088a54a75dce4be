"""What the command line says while a model is fetched."""

from workbench.commands.fetching import fetch_lines
from workbench.models.checkpoints.hub import LoadProgress


def test_a_line_for_each_twentieth_of_what_takes_time() -> None:
    lines: list[str] = []
    tell = fetch_lines("a/b", lines.append)
    for done in range(0, 101):
        tell(LoadProgress("download", done * 10**8, 10**10))
        tell(LoadProgress("download", done, 100))
        tell(LoadProgress("load"))
    assert len(lines) == 21
    assert lines[0] == "fetching a/b: 0.00 of 10.00 GB\n" and lines[-1] == "fetching a/b: 10.00 of 10.00 GB\n"
