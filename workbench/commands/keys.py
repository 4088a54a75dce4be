"""Access keys of servers: read from a file, never from the command line, which other people can see."""

from pathlib import Path

from workbench.errors import UserFacing


def read_key(file: str | None) -> str | None:
    """The access key in a text file; None without a file. Raises UserFacing."""
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacing(
            f"The key file {file!r} can't be read.", "Give a text file that you may read."
        ) from error
