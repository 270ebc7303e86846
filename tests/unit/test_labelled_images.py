"""Which class a labelled image shows is said by its folder, its name or a table, and never guessed."""

import numpy as np
import pytest

from isoprune.classification.imagenet import WNIDS
from isoprune.classification.images import class_numbers, labelled_images
from isoprune.errors import ClassificationError, MissingFileError, UnknownNameError, UnreadableFileError


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_imagenet_has_a_thousand_classes_in_the_order_of_their_numbers():
    assert len(WNIDS) == len(set(WNIDS)) == 1000 and list(WNIDS) == sorted(WNIDS)
    assert (
        WNIDS[0] == "n01440764" and WNIDS[950] == "n07747607" and WNIDS[-1] == "n15075141"
    )  # tench, orange, tissue


def test_classes_are_read_from_folders_and_names(tmp_path):
    folder = touched(
        tmp_path,
        "n01440764/a.JPEG",
        "n01443537_goldfish/7_b.png",
        "2/c.jpg",
        "n15075141_tissue.jpg",
        "0010_tench.jpg",
        "README.txt",
        "n01440764/notes.md",
    )
    found = labelled_images(folder)
    assert dict(zip(found.names, found.classes, strict=True)) == {
        "0010_tench.jpg": 10,
        "2/c.jpg": 2,
        "n01440764/a.JPEG": 0,
        "n01443537_goldfish/7_b.png": 1,
        "n15075141_tissue.jpg": 999,
    }
    assert list(found.names) == sorted(found.names) and found.files[0] == folder / found.names[0]


def test_a_table_says_the_classes_of_images_whatever_they_are_called(tmp_path):
    touched(tmp_path / "val", "val_1.jpg", "val_2.jpg", "val_3.jpg")
    table = tmp_path / "labels.tsv"
    table.write_text("class\tfile\nn01443537\tval_2.jpg\n7\tval_1.jpg\n")
    found = labelled_images(tmp_path / "val", table)
    assert found.names == ("val_1.jpg", "val_2.jpg") and list(found.classes) == [7, 1]
    table.write_text("class\tfile\n7\tval_9.jpg\n")
    with pytest.raises(MissingFileError, match=r"labels.tsv, file 'val_9.jpg'"):
        labelled_images(tmp_path / "val", table)
    table.write_text("label\tfile\n7\tval_1.jpg\n")
    with pytest.raises(UnreadableFileError, match="no column 'class' among label, file"):
        labelled_images(tmp_path / "val", table)


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ([], ClassificationError, "no image; expected folders or files whose names begin with a class"),
        (["n01440764/a.txt"], ClassificationError, "no image"),
        (["0001.jpg"], ClassificationError, r"no class in the name of 1 of 1 image\(s\): 0001.jpg"),
        (
            ["n01440764_a.jpg", "tench.jpg"],
            ClassificationError,
            r"1 of 2 image\(s\): tench.jpg; .*accuracy.labels",
        ),
        (["n01440765/a.jpg"], UnknownNameError, "no class of ImageNet 'n01440765'.*Did you mean 'n01440764'"),
        (
            ["1000/a.jpg"],
            ClassificationError,
            "labelled image '1000/a.jpg': class 1000; expected .* from 0 to 999",
        ),
    ],
)
def test_images_whose_class_is_not_clear_are_refused(tmp_path, files, error, message):
    with pytest.raises(error, match=message):
        labelled_images(touched(tmp_path, *files))


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingFileError, match=r"accuracy.images: '.*nowhere' is not a folder"):
        labelled_images(tmp_path / "nowhere")


def test_domains_are_classes_and_ranges():
    np.testing.assert_array_equal(
        class_numbers(["3-5", "n01440764", "5", "9"], where="here"), [0, 3, 4, 5, 9]
    )
    with pytest.raises(ClassificationError, match="here: class 1000"):
        class_numbers(["990-1000"], where="here")
