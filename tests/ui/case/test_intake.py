"""Paths from a browser are hostile; uploads are deleted whatever happens."""

from pathlib import Path

import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.imaging.medical_image import DisplayWindow, GreySource, MedicalImage
from workbench.ui.case.intake import picture_of, sent_path, take_upload, uploaded_file, with_window


def image_of(path: Path, **more: object) -> MedicalImage:
    return MedicalImage(np.zeros((4, 6, 3), np.uint8), "0" * 64, "png", **more)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "gradio" / "abc"
    folder.mkdir(parents=True)
    (folder / "film.png").write_bytes(b"pixels")
    return tmp_path / "gradio"


def test_a_file_inside_the_upload_folder_is_taken(uploads: Path) -> None:
    assert (
        uploaded_file(str(uploads / "abc" / "film.png"), uploads) == (uploads / "abc" / "film.png").resolve()
    )


@pytest.mark.parametrize(
    "forged", ["../secret.png", "abc/../../secret.png", "abc", "abc/link.png", "gone.png", "a\0b"]
)
def test_any_other_path_is_refused(uploads: Path, forged: str) -> None:
    secret = uploads.parent / "secret.png"
    secret.write_bytes(b"not yours")
    (uploads / "abc" / "link.png").symlink_to(secret)
    with pytest.raises(UserFacing):
        uploaded_file(str(uploads / forged), uploads)
    with pytest.raises(UserFacing):
        uploaded_file(str(secret), uploads)
    assert secret.is_file()


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_file_is_a_sentence(uploads: Path, nothing: str | None) -> None:
    with pytest.raises(UserFacing, match="No file arrived"):
        uploaded_file(nothing, uploads)


def test_an_upload_is_deleted_after_it_was_read(uploads: Path) -> None:
    picture = take_upload(str(uploads / "abc" / "film.png"), uploads, image_of)
    assert (picture.image.width, picture.image.height) == (6, 4)
    assert not (uploads / "abc").exists()


def test_an_upload_is_deleted_when_it_could_not_be_read(uploads: Path) -> None:
    def refuse(path: Path) -> MedicalImage:
        raise UserFacing("This is not an image.", "Use PNG.")

    with pytest.raises(UserFacing, match="not an image"):
        take_upload(str(uploads / "abc" / "film.png"), uploads, refuse)
    assert not (uploads / "abc" / "film.png").exists()


def test_a_window_is_chosen_by_its_label() -> None:
    lung, bone = DisplayWindow(-600, 1500, "Lung"), DisplayWindow(480, 2500, "Bone")
    grey = GreySource(np.zeros((4, 6), np.float32), (lung, bone))
    picture = picture_of(image_of(Path(), grey=grey), modality="CT", alt="a slice")
    seen = []

    def rewindow(image: MedicalImage, window: DisplayWindow, invert: bool) -> MedicalImage:
        seen.append((window, invert))
        return image

    assert picture.windows == ("Lung", "Bone")
    changed = with_window(picture, "Bone", True, rewindow)
    assert seen == [(bone, True)]
    assert changed.modality == "CT" and changed.payload["alt"] == "a slice"
    plain = picture_of(image_of(Path()))
    with_window(plain, None, True, rewindow)
    assert seen[-1] == (None, True)
    with pytest.raises(UserFacing, match="no such grey window"):
        with_window(picture, None, False, rewindow)
    with pytest.raises(UserFacing, match="no such grey window"):
        with_window(picture, "Liver", False, rewindow)
    with pytest.raises(UserFacing, match="no such grey window"):
        with_window(plain, "Lung", False, rewindow)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (None, None),
        ([], None),
        ({"path": "/a"}, "/a"),
        ([{"path": "/a"}, {"path": "/b"}], "/a"),
        ({"url": "http://x"}, None),
        ({"path": 5}, None),
        ("/etc/passwd", None),
    ],
)
def test_only_the_path_of_what_was_sent_is_used(sent: object, path: str | None) -> None:
    assert sent_path(sent) == path
