"""What the OME-XML of a TIFF says, held against its pages before anything is built from it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.core import refuse

from .integrity import count_text

_REMEDY = "export it again as one OME-TIFF"


def parse_ome(path: Path, xml: str) -> ElementTree.Element:
    """Parse OME-XML.

    Args:
        path: the file, for messages.
        xml: the text.

    Raises:
        UserError: for what is no XML, and for XML that defines entities, as OME's never does: they may grow without
            bounds.
    """
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        refuse(path, "its OME-XML defines entities", _REMEDY)
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        refuse(path, f"its OME-XML is damaged ({error})", _REMEDY)


def physical_sizes(root: ElementTree.Element) -> list[dict[str, str]]:
    """Return for each `Pixels` its attributes that state the voxel size, as spelled.

    `[{"PhysicalSizeX": "0.5", ...}]`
    """
    return [
        {key: value for key, value in pixels.attrib.items() if key.startswith("PhysicalSize")}
        for pixels in _pixels(root)
    ]


def ome_description(root: ElementTree.Element) -> str:
    """Return the text of OME's first `Image/Description`, or `""`."""
    for image in _named(root, "Image"):
        return next((element.text or "" for element in _named(image, "Description")), "")
    return ""


def named_files(root: ElementTree.Element) -> list[str]:
    """Return the names of the files that hold planes, as spelled, each once.

    The file that the XML stands in may be among them.
    """
    identity = root.attrib.get("UUID")
    names = [
        element.attrib.get("FileName", "")
        for element in root.iter()
        if element.tag.endswith("UUID") and (element.text is None or element.text != identity)
    ]
    return list(dict.fromkeys(names))


def drop_own_names(root: ElementTree.Element) -> bool:
    """Take the names of files out of XML that tells of no file but the one it stands in.

    Without a UUID of its own, that file is known by the one UUID that all planes have; it may have been renamed since.

    Returns:
        Whether any was taken out.
    """
    uuids = [(parent, element) for parent in root.iter() for element in _named(parent, "UUID")]
    if root.attrib.get("UUID") is not None or len({element.text for _, element in uuids}) != 1:
        return False
    for parent, element in uuids:
        parent.remove(element)
    return True


def master_of(root: ElementTree.Element) -> str | None:
    """Return the name of the file that has the description of this one, or None if it is here."""
    for element in _named(root, "BinaryOnly"):
        return element.attrib.get("MetadataFile", "")
    return None


def check_planes(path: Path, root: ElementTree.Element, pages: Mapping[str, int], plane: tuple[int, int]) -> None:
    """Compare the planes that the XML tells of with the pages that are there.

    tifffile makes a place for every plane that is told of, however many, and reads as many pages as it is told.

    Args:
        path: the file, for messages.
        root: of `parse_ome`.
        pages: how many pages each file of the set has, by its name.
        plane: columns and rows of a page.

    Raises:
        UserError: where there are more, or fewer; and for XML that is not OME's.
    """
    there, told = sum(pages.values()), 0
    for pixels in _pixels(root):
        parts = [element.attrib for element in _named(pixels, "TiffData")]
        if not parts:
            continue  # no voxels of it are here, it is described only
        sizes = {axis: int(pixels.attrib[f"Size{axis}"]) for axis in "XYZCT"}
        if (sizes["X"], sizes["Y"]) != plane:
            problem = f"its OME-XML states {_text(sizes)}, its pages have {plane[0]} columns and {plane[1]} rows"
            refuse(path, problem, _REMEDY)
        channel = next(_named(pixels, "Channel"), None)
        samples = max(1, int(channel.attrib.get("SamplesPerPixel", 1)) if channel is not None else 1)
        if min(sizes.values()) < 1:
            refuse(path, f"its OME-XML states the sizes {_text(sizes)}", _REMEDY)
        planes = -(-sizes["Z"] * sizes["C"] * sizes["T"] // samples)
        told += planes
        stated = f"its OME-XML tells of {count_text(planes)} planes ({_text(sizes)})"
        if told > there:
            refuse(path, f"{stated}, {there} pages are there", _REMEDY)
        named = [int(part.get("PlaneCount", part.get("NumPlanes", 1 if "IFD" in part else 0))) for part in parts]
        firsts = [int(part.get("IFD", 0)) for part in parts]
        if min(named + firsts) < 0 or max(firsts) >= there or sum(named) > planes:
            refuse(path, f"{stated} and asks for {count_text(sum(named))}, {there} pages are there", _REMEDY)
    if told and told != there:
        refuse(path, f"its OME-XML tells of {told} planes, {there} pages are there", _REMEDY)
    for element in root.iter():
        if "Start" in element.attrib and "End" in element.attrib:  # of the 6th to 8th dimension, "modulo"
            start, end = float(element.attrib["Start"]), float(element.attrib["End"])
            if not abs(end - start) <= there * abs(float(element.attrib.get("Step", 1))):
                refuse(path, f"its OME-XML divides an axis from {start:g} to {end:g}, {there} pages are there", _REMEDY)


def _text(sizes: Mapping[str, int]) -> str:
    return " ".join(f"Size{axis} {count_text(size)}" for axis, size in sizes.items())


def _named(parent: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Yield the children of a name, by its end as tifffile does: the name space varies."""
    return (element for element in parent if element.tag.endswith(name))


def _pixels(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (pixels for image in _named(root, "Image") for pixels in _named(image, "Pixels"))
