"""How large a picture may be; checked from the header, before anything is decoded."""

from dataclasses import dataclass

from workbench.errors import UserFacing


@dataclass(frozen=True)
class ImageLimits:
    """Bytes of the file, pixels of one frame, smallest side in pixels, longest side over shortest."""

    max_bytes: int = 64_000_000
    max_pixels: int = 40_000_000
    min_side: int = 16
    max_aspect: float = 40.0

    def check_bytes(self, count: int) -> None:
        """Raise UserFacing for an empty or too large file."""
        if count == 0:
            raise UserFacing("The file is empty.", "Choose another file.")
        if count > self.max_bytes:
            raise UserFacing(
                f"The file has {count / 1e6:,.0f} MB; the limit is {self.max_bytes / 1e6:,.0f} MB.",
                "Save it smaller, or cut out the part you want to ask about.",
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise UserFacing for a picture that is too large, too small or too thin."""
        if width < 1 or height < 1:
            raise UserFacing("The picture has no pixels.", "Choose another file.")
        if width * height > self.max_pixels:
            raise UserFacing(
                f"The picture has {width:,} × {height:,} pixels; the limit is {self.max_pixels:,} in all.",
                "Scale it down, or cut out the part you want to ask about.",
            )
        if min(width, height) < self.min_side:
            raise UserFacing(
                f"The picture has only {width} × {height} pixels.",
                f"Each side needs at least {self.min_side} pixels.",
            )
        if max(width, height) > self.max_aspect * min(width, height):
            raise UserFacing(
                f"The picture of {width:,} × {height:,} pixels is too thin.",
                f"One side may be at most {self.max_aspect:.0f} times the other.",
            )


DEFAULT_LIMITS = ImageLimits()
