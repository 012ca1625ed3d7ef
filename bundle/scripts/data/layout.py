"""Which files of a folder are images, and which label belongs to which image.

Four layouts are known: a folder of images; `images/NAME.EXT` with `labels/NAME.EXT`; nnU-Net's `imagesTr/NAME_0000.EXT`
with `labelsTr/NAME.EXT`, where 0000 is the number of a channel; and the list in a Medical Decathlon `dataset.json`.
Names are compared as Unicode's composed form (NFC), because macOS and Linux spell é differently; files are opened by
their own names.
"""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from monai.data import load_decathlon_datalist

from scripts.core import is_own_output, read_json, refuse, refuse_failures
from scripts.io import READ_SUFFIXES, file_family, holds_series, is_zarr, split_name, whole_volumes

logger = logging.getLogger(__name__)

HEADER = "header"
"""Key of an item: the `VolumeInfo` of its image."""

DECATHLON = "dataset.json"
PAIRS_OF_FOLDERS = (("images", "labels"), ("imagesTr", "labelsTr"))
HOW_TO_LIST = 'list them in its dataset.json: {"training": [{"image": "a/b.nii.gz", "label": "c/d.nii.gz"}]}'
TEXT_SUFFIXES = (".txt", ".md", ".json", ".csv", ".xml", ".log", ".pdf", ".py")

_NNUNET_FOLDERS = ("imagesTs", "imagesTr")  # to segment, and to train on
_OF_CHANNEL = re.compile(r"(.+)_(\d{4})")
_MAX_FOLDERS = 1000  # that are looked through for volumes, only to say where there are some


def volume_name(path: str | Path) -> str:
    """Return the name of a volume, its file or folder without the suffix, in composed form."""
    return unicodedata.normalize("NFC", split_name(path)[0])


def find_volumes(folder: Path, passed_over: tuple[str, ...] = ()) -> dict[str, Path]:
    """Find the volumes in a folder: files, and DICOM series in folders; or the series in it.

    Files whose names end with one of `passed_over`, in small letters, are the caller's own affair.

    Returns:
        The path of each volume, by name.

    Raises:
        UserError: if there is no volume, if two have the same name, or if all are slices of one stack.
    """
    files, volumes, ignored = _files(folder), dict[str, Path](), list[str]()
    if holds_series(folder):
        return {volume_name(folder): folder}
    for file in files:
        if file.name.startswith(".") or file.name.lower().endswith(passed_over):
            continue
        if not file.name.lower().endswith(READ_SUFFIXES) and not (os.path.isdir(file) and holds_series(file)):
            ignored.append(file.name)
            continue
        name = volume_name(file)
        if name in volumes:
            refuse(file, f"{volumes[name].name} has the same name {name!r}", "rename or remove one of the two")
        volumes[name] = file
    if strange := [name for name in ignored if not is_own_output(folder / name)]:
        logger.warning("%s: ignored, names do not look like volumes: %s", folder, ", ".join(strange))
    if not volumes:
        _refuse_empty(folder, ignored)
    whole = set(whole_volumes(folder, volumes.values()))
    return {name: file for name, file in volumes.items() if file in whole}


def _files(folder: Path) -> list[Path]:
    with refuse_failures(folder, "cannot be listed", "check --dataset_dir and its permissions"):
        if not os.path.lexists(folder):
            refuse(folder, "no such file or folder", "check --dataset_dir", FileNotFoundError)
        if not os.path.isdir(folder):
            refuse(folder, "is neither a file nor a folder", "give a file or a folder", OSError)
        return sorted(folder.iterdir())


def _refuse_empty(folder: Path, ignored: Sequence[str]) -> None:
    for name in ignored:
        if name.lower().endswith(TEXT_SUFFIXES) or os.path.isdir(folder / name):
            continue
        file_family(folder / name)  # names a converter for a microscope's or scanner's own format
    if nested := nested_volume(folder):
        refuse(folder, f"holds volumes only in folders in it, such as {nested}", f"give one folder, or {HOW_TO_LIST}")
    also = f" (found {', '.join(ignored[:3])})" if ignored else ""
    expected = f"expected one of {' '.join(READ_SUFFIXES)}, or a DICOM series"
    refuse(folder, f"holds no volume{also}", expected, FileNotFoundError)


def nested_volume(folder: Path) -> str:
    """Return the relative path of some volume in a folder inside `folder`, or `""`."""
    for place, folders, files in islice(os.walk(folder) if os.path.isdir(folder) else (), _MAX_FOLDERS):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted([*files, *(each for each in folders if is_zarr(each))]):
            if Path(place) != folder and name.lower().endswith(READ_SUFFIXES) and not name.startswith("."):
                return str(Path(place, name).relative_to(folder))
    return ""


def list_images(path: Path, channel: int | str | None = None) -> list[dict[str, str]]:
    """List the images of a dataset, or of a folder of images.

    Args:
        path: the folder, or a `dataset.json`.
        channel: which of the files of one nnU-Net case to use.

    Returns:
        `[{"name": ..., "image": path}, ...]`, sorted by name, or in the order of a Decathlon list.

    Raises:
        UserError: if there is no image, or if two have the same name.
    """
    folder, listing = _dataset_file(path)
    if "training" in listing:
        return _decathlon(folder, channel, keys=("image",))
    inside = _folder_to_segment(folder)
    files = find_volumes(inside)
    if inside.name in _NNUNET_FOLDERS:
        files = dict(_choose_channel(case, of_case, channel) for case, of_case in _cases(files).items())
    return [{"name": name, "image": str(file)} for name, file in sorted(files.items())]


def _folder_to_segment(folder: Path) -> Path:
    """Return which folder of a dataset has the images to segment, or the dataset itself."""
    if os.path.isdir(folder / "images"):
        return folder / "images"
    # nnU-Net makes both, and leaves imagesTs empty where there is nothing to segment
    filled = [folder / name for name in _NNUNET_FOLDERS if _is_filled(folder / name)]
    if len(filled) > 1:
        logger.warning("%s: is segmented, imagesTr is left out; to segment that, name %s", *filled)
    there = (folder / name for name in _NNUNET_FOLDERS if os.path.isdir(folder / name))
    return filled[0] if filled else next(there, folder)


def _is_filled(folder: Path) -> bool:
    return os.path.isdir(folder) and any(not file.name.startswith(".") for file in _files(folder))


def list_pairs(path: Path, channel: int | str | None = None) -> list[dict[str, Any]]:
    """List the images and labels of a dataset.

    Args:
        path: the folder, or a `dataset.json`.
        channel: which of the files of one nnU-Net case to use.

    Returns:
        Items as `list_images` does, each with its `label` too, and with `ignore` if an nnU-Net `dataset.json` names a
        value of voxels that are not labelled.

    Raises:
        UserError: if there is no image, one has no label, or two have the same name.
    """
    folder, listing = _dataset_file(path)
    if "training" in listing:
        return _decathlon(folder, channel)
    found = next((each for each in PAIRS_OF_FOLDERS if all(os.path.isdir(folder / name) for name in each)), None)
    if found is None:
        _refuse_no_dataset(folder)
    images, labels = (folder / name for name in found)
    pairs = _pair(images, find_volumes(images), labels, find_volumes(labels), channel)
    told = listing.get("numTraining", len(pairs))
    if told != len(pairs):
        logger.warning("%s: numTraining is %s, and %d images are there", folder / DECATHLON, told, len(pairs))
    ignore = listing["labels"].get("ignore") if isinstance(listing.get("labels"), dict) else None
    return [{**pair, "ignore": ignore} for pair in pairs] if isinstance(ignore, int) else pairs


def _refuse_no_dataset(folder: Path) -> None:
    missing = next(name for name in PAIRS_OF_FOLDERS[0] if not os.path.isdir(folder / name))
    found = "has no folder" if os.path.isdir(folder) else "is not a folder, and a dataset needs one with"
    remedy = "a dataset is images/NAME.EXT with labels/NAME.EXT"
    if nested := nested_volume(folder) if missing == "images" else "":
        found, remedy = f"holds volumes such as {nested} and {found}", f"{remedy}; else {HOW_TO_LIST}"
    refuse(folder, f"{found} {missing}/", remedy, FileNotFoundError)


def _pair(
    folder: Path, images: Mapping[str, Path], labels_folder: Path, labels: Mapping[str, Path], channel: int | str | None
) -> list[dict[str, Any]]:
    pairs = {name: (file, labels[name]) for name, file in images.items() if name in labels}
    rest = {name: file for name, file in images.items() if name not in labels}
    taken = {case: files for case, files in _cases(rest).items() if case in labels and case not in pairs}
    paired = {file for files in taken.values() for file in files.values()}
    bare = sorted(file for file in rest.values() if file not in paired)
    if bare:
        refuse(
            bare[0],
            f"has no label {labels_folder / volume_name(bare[0])}.*"
            + (f" (and {len(bare) - 1} more like it)" if bare[1:] else ""),
            "add it, or take the image away",
            FileNotFoundError,
        )
    unused = sorted(labels.keys() - pairs.keys() - taken.keys())
    for case, files in taken.items():
        name, file = _choose_channel(case, files, channel)
        pairs[name] = file, labels[case]
    if unused:
        logger.warning("labels without an image are not used: %s", ", ".join(unused))
    return [{"name": name, "image": str(pairs[name][0]), "label": str(pairs[name][1])} for name in sorted(pairs)]


def _cases(files: Mapping[str, Path]) -> dict[str, dict[int | None, Path]]:
    """Sort files by nnU-Net's cases, and those of each by channel, None where it is not named."""
    cases: dict[str, dict[int | None, Path]] = {}
    for name, file in sorted(files.items()):
        match = _OF_CHANNEL.fullmatch(name)
        case, number = (match[1], int(match[2])) if match else (name, None)
        cases.setdefault(case, {})[number] = file
    return cases


def _choose_channel(case: str, files: Mapping[int | None, Path], channel: int | str | None) -> tuple[str, Path]:
    """Return the name and the file of one channel of a case.

    Where there is only one file, its reader judges the channel.
    """
    first = next(iter(files.values()))
    if len(files) > 1 and channel not in files:
        numbers = ", ".join(str(number) for number in files)
        problem = f"{case} has {len(files)} channels in files of their own, {numbers}"
        refuse(first, f"{problem}, and not {'one' if channel is None else channel}", "choose one with --channel")
    file = files[channel] if len(files) > 1 else first
    return volume_name(file), file


def _dataset_file(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder of a dataset and what its `dataset.json` says, `{}` if there is none."""
    file = path if path.name == DECATHLON else path / DECATHLON
    if not os.path.isfile(file):  # of Path.is_file a name that is too long, or not allowed, is an error
        if path.name == DECATHLON and not os.path.isdir(path):
            refuse(file, "no such file", "check --dataset_dir", FileNotFoundError)
        return path, {}
    remedy = "correct the file, or give its folder of images"
    listing = read_json(file, remedy)  # bounded, which MONAI's own reading of a list is not
    if not isinstance(listing, dict) or not listing.keys() & {"training", "channel_names"}:
        problem = "is neither a Medical Decathlon list, which has training, nor nnU-Net's, which has channel_names"
        refuse(file, problem, remedy)
    if "dataset" in listing and "training" not in listing:
        refuse(file, "lists its files under dataset, which is not read", "list them under training, as Decathlon does")
    return file.parent, listing


def _decathlon(
    folder: Path, channel: int | str | None, keys: Sequence[str] = ("image", "label")
) -> list[dict[str, Any]]:
    file = folder / DECATHLON
    try:
        items = load_decathlon_datalist(str(file), is_segmentation=True, data_list_key="training")
    except (ValueError, TypeError) as error:
        refuse(file, f"is not a Medical Decathlon list ({error})", "correct the file, or give its folder of images")
    if not items:
        refuse(file, "lists no volume under training", "add some", FileNotFoundError)
    for number, item in enumerate(items):
        if wrong := [key for key in keys if not isinstance(item.get(key), str)]:
            refuse(file, f"volume {number} under training names no {wrong[0]} file", "add it, or take it away")
        if folders := [key for key in keys if os.path.isdir(item[key]) and not is_zarr(item[key])]:
            refuse(file, f"volume {number} under training names a folder as its {folders[0]}", "name a file")
    there = [{**item, "image": str(_listed_image(Path(item["image"]), channel))} for item in items]
    if "label" in keys:
        there = [{**item, "label": str(_by_real_name(Path(item["label"])))} for item in there]
    volumes = [{"name": volume_name(item["image"]), **{key: item[key] for key in keys}} for item in there]
    names = [item["name"] for item in volumes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        refuse(file, f"two volumes have the same name {twice[0]!r}", "rename one of the two")
    return volumes


def _listed_image(path: Path, channel: int | str | None) -> Path:
    """Return the image that a list means.

    The lists of nnU-Net's first version leave the number of the channel out.
    """
    real = _by_real_name(path)
    if os.path.lexists(real) or not os.path.isdir(path.parent):
        return real
    stem, suffix = split_name(path)
    case = unicodedata.normalize("NFC", stem)
    numbered = {
        volume_name(file): file
        for file in path.parent.glob(f"*_[0-9][0-9][0-9][0-9]{suffix}")
        if not file.is_dir() or is_zarr(file)
    }
    files = _cases(numbered).get(case)
    return _choose_channel(case, files, channel)[1] if files else real


def _by_real_name(path: Path) -> Path:
    """Return the file of the same name, though it may be spelled with other code points."""
    if os.path.lexists(path) or not os.path.isdir(path.parent):
        return path
    wanted = unicodedata.normalize("NFC", path.name)
    return next((file for file in path.parent.iterdir() if unicodedata.normalize("NFC", file.name) == wanted), path)
