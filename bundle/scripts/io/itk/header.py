"""The text at the start of an NRRD or a MetaImage, checked before ITK opens a file.

ITK opens whatever file a header names, gives memory for whatever size it states, and passes over some voxels that are
not there.
"""

from __future__ import annotations

import gzip
import math
import re
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scripts.core import is_plain_name, refuse, refuse_failures

from ..units import canonical_unit

REMEDY = "copy or export it again"
_MAX_HEADER = 1 << 20  # bytes
_BLOCK = 1 << 20
_MAX_PACKED = 1032  # deflate makes at most so many bytes of one
_ONE_FILE = "save it as one file, .nrrd or .mha"

_NRRD_TYPES = {
    1: "int8 int8_t uint8 uint8_t uchar signedchar unsignedchar",
    2: "short shortint signedshort signedshortint ushort unsignedshort unsignedshortint int16 int16_t uint16 uint16_t",
    4: "int signedint uint unsignedint int32 int32_t uint32 uint32_t float",
    8: "longlong longlongint signedlonglong signedlonglongint ulonglong unsignedlonglong unsignedlonglongint "
    "int64 int64_t uint64 uint64_t double",
}
_META_TYPES = {
    1: "met_char met_uchar",
    2: "met_short met_ushort",
    4: "met_int met_uint met_float",
    8: "met_long_long met_ulong_long met_double",
}
# MetaIO passes over a field that is spelled in another way
_META_KEYS = "ObjectType NDims BinaryData BinaryDataByteOrderMSB ElementByteOrderMSB CompressedData CompressedDataSize "
_META_KEYS += "DimSize ElementType ElementNumberOfChannels ElementDataFile ElementSpacing ElementSize HeaderSize "
_META_KEYS += "TransformMatrix Offset Position Origin Rotation Orientation DistanceUnits"


@dataclass(frozen=True)
class ItkHeader:
    """What the text says.

    Attributes:
        kind: `nrrd` or `metaimage`.
        data: the file that has the voxels, the header's own or one beside it.
        offset: bytes before them in that file.
        compressed: whether they are.
        swapped: whether the order of their bytes is not this machine's.
        nbytes: that they take once decompressed.
        unit: the unit of length that is named, or `""`.
        has_size: whether a voxel size is stated.
        has_place: whether directions or a position are stated.
    """

    kind: str
    data: Path
    offset: int
    compressed: bool
    swapped: bool
    nbytes: int
    unit: str
    has_size: bool
    has_place: bool


def read_head(path: Path) -> ItkHeader:
    """Read and check the text of a header, of a file that begins as one does (`check_content`).

    Raises:
        UserError: for text that is damaged or asks for what is not read, for voxels in a file outside the folder, and
            for such as are not all there.
    """
    with path.open("rb") as file:
        start = file.read(_MAX_HEADER)
    is_nrrd = start.startswith(b"NRRD000")
    fields, length = _nrrd_fields(path, start) if is_nrrd else _meta_fields(path, start)
    head = _nrrd(path, fields, length) if is_nrrd else _meta(path, fields, length)
    _check_length(path, head)
    return head


def _nrrd_fields(path: Path, start: bytes) -> tuple[dict[str, str], int]:
    """Return NRRD's fields by name, and the length of the text."""
    text = re.split(rb"\r?\n\r?\n", start, maxsplit=1)
    ends = len(text) == 2
    if not ends and (len(start) == _MAX_HEADER or path.suffix.lower() != ".nhdr"):
        refuse(path, "its header has no end (an empty line)", REMEDY)
    length = len(start) - len(text[1]) if ends else len(start)
    fields: dict[str, str] = {}
    for line in text[0].decode("latin-1").rstrip("\r\n").split("\n")[1:]:
        name, colon, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):  # a comment, or what a program keeps for itself
            continue
        _keep(path, fields, name, colon, value)
    return fields, length


def _meta_fields(path: Path, start: bytes) -> tuple[dict[str, str], int]:
    """Return MetaImage's fields by name, and the length of the text; the data's is the last."""
    fields: dict[str, str] = {}
    at = 0
    while "elementdatafile" not in fields:
        end = start.find(b"\n", at)
        last = end < 0
        line = start[at:] if last else start[at:end]
        if not line.strip() and last:
            refuse(path, "its header does not say where its voxels are (ElementDataFile)", REMEDY)
        name, sign, value = re.match(r"([^=:]*)([=:]?)(.*)", line.decode("latin-1").rstrip("\r"), re.S).groups()  # type: ignore[union-attr]
        if line.strip():
            _keep(path, fields, name, sign, value)
            spelled = next((key for key in _META_KEYS.split() if key.lower() == name.strip().lower()), name.strip())
            if spelled != name.strip():
                refuse(path, f"its header spells {spelled} as {name.strip()!r}", REMEDY)
        at = len(start) if last else end + 1
    return fields, at


def _keep(path: Path, fields: dict[str, str], name: str, sign: str, value: str) -> None:
    key = re.sub(r"[\s_]", "", name).lower()
    if not sign or not key:
        refuse(path, f"its header has the line {name[:60]!r}", REMEDY)
    if key in fields:
        refuse(path, f"its header states {name.strip()[:60]!r} twice", REMEDY)
    fields[key] = value.strip(" \t\r")


def _nrrd(path: Path, fields: Mapping[str, str], length: int) -> ItkHeader:
    encoding = fields.get("encoding", "").lower()
    if encoding not in ("raw", "gzip", "gz"):
        refuse(path, f"its voxels are encoded as {encoding or 'nothing stated'}", "save it as raw or gzip")
    if any(fields.get(key, "0") != "0" for key in ("lineskip", "byteskip")):
        refuse(path, "its voxels begin after some bytes that are to be skipped", _ONE_FILE)
    itemsize = _itemsize(path, _NRRD_TYPES, re.sub(r"\s", "", fields.get("type", "").lower()), fields.get("type"))
    named = [fields[key] for key in ("datafile",) if key in fields]
    size = " ".join(fields.get(key, "") for key in ("spacings", "spacedirections")).strip()
    units = re.findall(r'"([^"]*)"', fields.get("spaceunits", "") or fields.get("units", ""))
    return ItkHeader(
        kind="nrrd",
        data=_data_file(path, named[0]) if named else path,
        offset=0 if named else length,
        compressed=encoding != "raw",
        swapped=fields.get("endian", sys.byteorder).lower() != sys.byteorder,
        nbytes=itemsize * math.prod(_lengths(path, fields, "sizes", "dimension")),
        unit=_unit(units),
        has_size=bool(size),
        has_place="spacedirections" in fields or "spaceorigin" in fields,
    )


def _meta(path: Path, fields: Mapping[str, str], length: int) -> ItkHeader:
    if fields.get("objecttype", "image").lower() != "image":
        refuse(path, f"it is a MetaIO object of type {fields['objecttype'][:60]} and no image", "give an image")
    if _truth(fields.get("binarydata", "true")) is not True:
        refuse(path, "its voxels are written as text, or not said to be binary", "save it as binary")
    if fields.get("headersize", "0") != "0":
        refuse(path, "its voxels begin after some bytes that are to be skipped (HeaderSize)", _ONE_FILE)
    kind = fields.get("elementtype", "")
    channels = fields.get("elementnumberofchannels", "1")
    if not channels.isascii() or not channels.isdigit() or not 1 <= len(channels) <= 9:
        refuse(path, f"its ElementNumberOfChannels is {channels[:60]!r}", REMEDY)
    itemsize = _itemsize(path, _META_TYPES, kind.lower().removesuffix("_array"), kind) * int(channels)
    local = fields["elementdatafile"].lower() == "local"
    data = path if local else _data_file(path, fields["elementdatafile"])
    offset = length if local else 0
    compressed = _truth(fields.get("compresseddata", "false")) is not False
    there = data.stat().st_size - offset
    if compressed and (told := fields.get("compresseddatasize", "no number of")[:20]) != str(there):
        problem = f"it states {told} bytes of compressed voxels (CompressedDataSize), {there} are there"
        refuse(path, problem, REMEDY)  # MetaIO then returns whatever its memory holds
    big = any(_truth(fields.get(key, "false")) for key in ("binarydatabyteordermsb", "elementbyteordermsb"))
    placed = ("transformmatrix", "offset", "position", "origin", "rotation", "orientation")
    for key in (*placed, "elementspacing", "elementsize"):
        _check_numbers(path, key, fields.get(key, ""))
    return ItkHeader(
        kind="metaimage",
        data=data,
        offset=offset,
        compressed=compressed,
        swapped=big != (sys.byteorder == "big"),
        nbytes=itemsize * math.prod(_lengths(path, fields, "dimsize", "ndims")),
        unit=_unit([fields[key] for key in ("distanceunits",) if key in fields]),
        has_size="elementspacing" in fields or "elementsize" in fields,
        has_place=any(key in fields for key in placed),
    )


def _check_numbers(path: Path, key: str, text: str) -> None:
    """Refuse what is no number, which MetaIO takes for 0."""
    try:
        finite = all(math.isfinite(float(word)) for word in text.split())
    except ValueError:
        finite = False
    if not finite:
        refuse(path, f"its header states {text[:60]!r} ({key})", REMEDY)


def _truth(word: str) -> bool | None:
    return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(word.lower())


def _itemsize(path: Path, types: Mapping[int, str], name: str, told: str | None) -> int:
    for size, names in types.items():
        if name in names.split():
            return size
    refuse(path, f"its voxels are of type {(told or 'nothing stated')[:60]!r}", "save real numbers of 8 to 64 bits")


def _lengths(path: Path, fields: Mapping[str, str], sizes: str, dimension: str) -> list[int]:
    words = fields.get(sizes, "").split()
    told = fields.get(dimension, "")
    if not words or not all(word.isascii() and word.isdigit() and len(word) <= 18 for word in words):
        refuse(path, f"its header states the lengths {fields.get(sizes, '')[:60]!r}", REMEDY)
    lengths = [int(word) for word in words]
    if told != str(len(lengths)) or min(lengths) < 1:
        refuse(path, f"its header states {told[:20] or 'no'} axes and the lengths {' '.join(words)[:60]}", REMEDY)
    return lengths


def _unit(words: list[str]) -> str:
    """Return the one unit that is named; several are none."""
    units = {canonical_unit(word) for word in words if word.strip()}
    return units.pop() if len(units) == 1 else ""


def _data_file(path: Path, name: str) -> Path:
    """Return the file beside the header that has the voxels."""
    if not is_plain_name(name) or ":" in name:
        refuse(path, f"it says that its voxels are in {name[:200]!r}, outside its folder", _ONE_FILE)
    if "%" in name or name.upper().split()[0] == "LIST":
        refuse(path, f"its voxels are in several files ({name[:200]})", _ONE_FILE)
    own = path.resolve()
    data = path.parent / name  # where ITK looks, though `path` be a link to another folder
    if not data.exists() and not data.is_symlink():
        refuse(path, f"its voxels are in another file, {name!r}, which is not there", "keep the two in one folder")
    if not data.is_file() or data.resolve().parent != own.parent or data.resolve() == own:
        refuse(path, f"it says that its voxels are in {name!r}, which is no file of its folder", _ONE_FILE)
    return data


def _check_length(path: Path, head: ItkHeader) -> None:
    """Compare what the file holds with what is stated, without decompressing it."""
    there = head.data.stat().st_size - head.offset
    if not head.compressed and there != head.nbytes:
        more = there > head.nbytes
        problem = f"it goes on after the {head.nbytes} bytes" if more else f"it is cut short, {there} bytes of"
        rest = " that its header states" if more else f" {head.nbytes} are there"
        refuse(path, problem + rest, REMEDY)
    if head.compressed and head.nbytes > _MAX_PACKED * there:
        refuse(path, f"it is cut short, {there} compressed bytes cannot hold {head.nbytes}", REMEDY)


def check_compressed(path: Path, head: ItkHeader) -> int:
    """Decompress voxels to their end, where their checksum stands, and count them.

    ITK takes what it gets before an error for the whole, or memory as it finds it.

    Returns:
        The CRC-32 of the voxels.

    Raises:
        UserError: for voxels that are damaged, too few or too many.
    """
    with refuse_failures(path, "its voxels cannot be decompressed", REMEDY), head.data.open("rb") as file:
        file.seek(head.offset)
        blocks = _gunzipped(file) if head.kind == "nrrd" else _inflated(file)
        count = crc = 0
        for block in blocks:
            count, crc = count + len(block), zlib.crc32(block, crc)
            if count > head.nbytes:
                break
    if count != head.nbytes:
        what = "more" if count > head.nbytes else f"{count}"
        refuse(path, f"it holds {what} bytes of voxels, and its header states {head.nbytes}", REMEDY)
    return crc


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as unzipped:
        while block := unzipped.read(_BLOCK):
            yield block


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    stream = zlib.decompressobj(wbits=47)  # zlib's or gzip's, whichever it is
    while not stream.eof:
        packed = stream.unconsumed_tail or file.read(_BLOCK)
        if not packed:
            raise EOFError("it ends before its end")
        yield stream.decompress(packed, _BLOCK)
