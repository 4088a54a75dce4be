"""What a command says while it fetches a model."""

from collections.abc import Callable

from workbench.models.checkpoints.hub import LoadProgress

STEPS = 20
WORTH_TELLING = 20_000_000  # bytes; less is there before it could be read


def fetch_lines(ref: str, write: Callable[[str], object]) -> Callable[[LoadProgress], None]:
    """A listener that writes a line each time another twentieth of a model's bytes is there."""
    written: dict[int, int] = {}

    def tell(progress: LoadProgress) -> None:
        if progress.phase != "download" or progress.total < WORTH_TELLING:
            return
        step = STEPS * progress.done // progress.total
        if step > written.get(progress.total, -1):
            written[progress.total] = step
            write(f"fetching {ref}: {progress.done / 1e9:.2f} of {progress.total / 1e9:.2f} GB\n")

    return tell
