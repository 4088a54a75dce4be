"""What a file is, from its first bytes; its name is never trusted."""

from workbench.errors import UserFacing

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_PHONE_PHOTOS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis")
_OTHERS = (
    (b"%PDF", "a PDF document", "Save the picture in it as PNG or JPEG."),
    (b"PK\x03\x04", "a ZIP archive", "Unpack it and choose one picture."),
    (b"\x1f\x8b", "a compressed archive", "Unpack it and choose one picture."),
    (b"\x00\x00\x00\x0cjP  ", "a bare JPEG 2000 file", "Save it as PNG, or use the DICOM file."),
)
ACCEPTED = "PNG, JPEG, WebP, TIFF, BMP, GIF and DICOM files can be read."


def sniff(data: bytes) -> str:
    """One of png, jpeg, gif, bmp, tiff, webp, dicom; raises UserFacing for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[128:132] == b"DICM" or _bare_dicom(data):
        return "dicom"
    for magic, kind in _PICTURES:
        if data.startswith(magic):
            return kind
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    if data[4:8] == b"ftyp" and data[8:12] in _PHONE_PHOTOS:
        raise UserFacing("This is a HEIC or AVIF photo, which is not accepted.", "Save it as JPEG or PNG.")
    for magic, name, hint in _OTHERS:
        if data.startswith(magic):
            raise UserFacing(f"This is {name}, not a picture.", hint)
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml")) or b"<svg" in start:
        raise UserFacing("This is an SVG drawing, which is not accepted.", f"Save it as PNG. {ACCEPTED}")
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        raise UserFacing("This is a web page, not a picture.", ACCEPTED)
    raise UserFacing("This is not a picture that can be read.", ACCEPTED)


def _bare_dicom(data: bytes) -> bool:
    """A data set without the preamble starts with group 0002 or 0008, explicit or implicit, little endian."""
    if len(data) < 16 or data[:2] not in (b"\x02\x00", b"\x08\x00") or data[3] != 0:
        return False
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    length = int.from_bytes(data[4:8], "little")
    return explicit or length < 256
