"""Labelled pictures from folders and CSV files, and how they are split."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from workbench.bench.transfer.pictures import read_pictures
from workbench.bench.transfer.split import folds, side_to_test
from workbench.errors import UserFacing


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_a_sub_folder_is_a_class(tmp_path):
    write(tmp_path / "cat" / "1.png", "one")
    write(tmp_path / "cat" / "deep" / "2.png", "two")
    write(tmp_path / "dog" / "1.png", "three")
    write(tmp_path / "dog" / ".hidden", "four")
    found = read_pictures(tmp_path)
    assert [picture.label for picture in found.pictures] == ["cat", "cat", "dog"]
    assert not (found.has_split or found.has_groups or found.bad)


def test_train_and_test_folders_are_the_split(tmp_path):
    for split in ("train", "val", "test"):
        for label in ("cat", "dog"):
            write(tmp_path / split / label / "1.png", split + label)
    found = read_pictures(tmp_path)
    assert found.has_split
    assert Counter(picture.split for picture in found.pictures) == {"train": 4, "test": 2}


def test_a_csv_names_groups_and_split(tmp_path):
    for name in "abcd":
        write(tmp_path / f"{name}.png", name)
    rows = "image,label,split,patient\na.png,x,train,p1\nb.png,y,test,p2\nc.png,x,later,p3\nd.png,,test,p4\n"
    found = read_pictures(write(tmp_path / "set.csv", rows + "none.png,y,test,p5\n"))
    assert [(p.label, p.split, p.group) for p in found.pictures] == [
        ("x", "train", "p1"),
        ("y", "test", "p2"),
    ]
    assert found.has_groups and found.has_split
    assert [(fault.name, fault.reason.split(" ")[1]) for fault in found.bad] == [
        ("line 4", "split"),
        ("line 5", "image"),
        ("none.png", "file"),
    ]


def test_the_same_bytes_are_one_picture(tmp_path):
    write(tmp_path / "cat" / "1.png", "same")
    write(tmp_path / "cat" / "2.png", "same")
    write(tmp_path / "cat" / "3.png", "both")
    write(tmp_path / "dog" / "3.png", "both")
    write(tmp_path / "dog" / "4.png", "other")
    found = read_pictures(tmp_path)
    assert [picture.path.name for picture in found.pictures] == ["1.png", "4.png"]
    assert Counter(fault.reason for fault in found.bad) == {
        "a copy of another picture": 1,
        "the same picture under two classes": 2,
    }


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none", "no labelled pictures"),
        (
            lambda folder: write(folder / "a.csv", "file,class\n1,2\n"),
            "no columns image and label, but file, class",
        ),
        (lambda folder: write(folder / "only" / "1.png", "x").parent.parent, "fewer than two classes"),
        (lambda folder: write(folder / "a.csv", ""), "but nothing"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, make, said):
    with pytest.raises(UserFacing, match=said):
        read_pictures(make(tmp_path))


def test_groups_stay_together_and_classes_keep_their_share():
    labels = ["a"] * 20 + ["b"] * 10
    groups = [f"g{n // 2}" for n in range(30)]
    tested = side_to_test(labels, groups, 0.3, seed=1)
    sides = {group: {bool(t) for g, t in zip(groups, tested, strict=True) if g == group} for group in groups}
    assert all(len(side) == 1 for side in sides.values())
    # 10 groups of a: 3 tested; 5 of b: round(1.5) = 2.
    assert Counter(label for label, t in zip(labels, tested, strict=True) if t) == {"a": 6, "b": 4}
    assert np.array_equal(tested, side_to_test(labels, groups, 0.3, seed=1))


def test_a_class_of_one_group_is_only_learnt_from():
    assert side_to_test(["a", "a", "b"], ["1", "2", "3"]).tolist().count(True) == 1
    assert not side_to_test(["a", "a", "b"], ["1", "2", "3"])[2]


def test_folds_spread_every_class():
    labels = ["a"] * 6 + ["b"] * 3
    found = folds(labels, [str(n) for n in range(9)], 3)
    for label in "ab":
        counts = Counter(f for f, name in zip(found.tolist(), labels, strict=True) if name == label)
        assert len(counts) == 3 and len(set(counts.values())) == 1
