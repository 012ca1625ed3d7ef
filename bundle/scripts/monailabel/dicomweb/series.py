"""What a DICOMweb server says of its series, and whose segmentations it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from scripts.io import MAKER

MODALITIES = ("CT", "MR", "XA", "OPT", "OPTBSV", "OCT", "IVOCT", "IVUS", "US", "PA", "PT", "NM")
"""DICOM's words for the kinds of images that may be volumes: besides tomography, rotational angiography (XA),
tomography of the eye (OPT) and of other tissue and vessels by light (OCT, IVOCT), ultrasound, photoacoustics."""

FIELDS = {
    "00080020": "StudyDate",
    "00080030": "StudyTime",
    "00080060": "Modality",
    "00081190": "RetrieveURL",
    "00100020": "PatientID",
    "0020000D": "StudyInstanceUID",
    "0020000E": "SeriesInstanceUID",
}
"""What viewers show of an image, by its tag."""
COUNT = "00201209"  # NumberOfSeriesRelatedInstances
_MADE = ("00080023", "00080033"), ("00080021", "00080031"), ("00080012", "00080013")  # dates and times, best first
_ZONE = "00080201"  # TimezoneOffsetFromUTC
_NEVER = datetime.min.isoformat(timespec="microseconds")
_SERIES, _STUDY, _INSTANCE = "0020000E", "0020000D", "00080018"
_MANUFACTURER, _ALGORITHM, _SEGMENTS, _OF_SERIES = "00080070", "00620008", "00620002", "00081115"


def value_of(header: Mapping[str, Any], tag: str) -> Any:
    """Return the first value of an attribute in DICOM's JSON, or ""."""
    values = header.get(tag, {}).get("Value") or [""]
    return values[0] if values[0] is not None else ""


def info_of(header: Mapping[str, Any]) -> dict[str, str]:
    """Return what viewers show of an image, `UNK` where the server does not say it."""
    return {name: str(value_of(header, tag) or "UNK") for tag, name in FIELDS.items()}


def count_of(header: Mapping[str, Any]) -> int:
    """Return how many images a series holds, 0 where the server does not say it."""
    value = str(value_of(header, COUNT))
    return int(value) if value.isdecimal() else 0


def moment_of(day: str, time: str, zone: str = "") -> str:
    """Return a date and time of DICOM in UTC, such that later ones are greater.

    Args:
        day: YYYYMMDD.
        time: HHMMSS.FFFFFF, of which all but the hour may be missing.
        zone: the distance from UTC, such as +0100; without one it is UTC, as OHIF writes it.

    Returns:
        In the form of ISO 8601, the earliest of all for what is no date.
    """
    digits, _, fraction = time.replace(":", "").strip().partition(".")
    digits, fraction = digits[:6].ljust(6, "0"), fraction[:6].ljust(6, "0")
    away = re.fullmatch(r"([+-])(\d\d)(\d\d)", zone.strip())
    minutes = int(f"{away[1]}1") * (int(away[2]) * 60 + int(away[3])) if away else 0
    try:
        # the 60th second is a leap second
        seconds = int(digits[4:])
        moment = datetime.strptime(f"{day.strip()}{digits[:4]}{fraction}", "%Y%m%d%H%M%f")
        return (moment + timedelta(seconds=seconds, minutes=-minutes)).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return _NEVER


@dataclass(frozen=True)
class Segmentation:
    """A stored segmentation object.

    Attributes:
        study: its study.
        series: its series.
        instance: the object.
        image: the series that it segments, or "".
        made: date and time in UTC, as `moment_of` returns it.
        ours: whether this program made it and no person touched it.
    """

    study: str
    series: str
    instance: str
    image: str
    made: str
    ours: bool


def segmentation_of(header: Mapping[str, Any]) -> Segmentation:
    """Read what a segmentation object says of itself.

    It is ours if it names this program as its maker and each segment as made automatically. What a viewer stores names
    the viewer as its maker; what is submitted to us is stored as made with a person's help.
    """
    segments = header.get(_SEGMENTS, {}).get("Value") or []
    automatic = bool(segments) and all(value_of(each, _ALGORITHM) == "AUTOMATIC" for each in segments)
    made = next((day for day in _MADE if value_of(header, day[0])), _MADE[0])
    return Segmentation(
        study=str(value_of(header, _STUDY)),
        series=str(value_of(header, _SERIES)),
        instance=str(value_of(header, _INSTANCE)),
        image=str(value_of(value_of(header, _OF_SERIES) or {}, _SERIES)),
        made=moment_of(*(str(value_of(header, tag)) for tag in (*made, _ZONE))),
        ours=automatic and str(value_of(header, _MANUFACTURER)) == MAKER,
    )


def corrections(found: Iterable[Segmentation], images: Sequence[str]) -> dict[str, Segmentation]:
    """Return of each image, by its series, the latest segmentation that a person made."""
    latest: dict[str, Segmentation] = {}
    for each in found:
        known = latest.get(each.image)
        if not each.ours and each.image in images and (known is None or each.made > known.made):
            latest[each.image] = each
    return latest
