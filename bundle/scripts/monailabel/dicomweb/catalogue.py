"""What a DICOMweb server has now: series, how many images in each, and segmentations."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monailabel.config import settings

from .access import answering
from .series import COUNT, FIELDS, MODALITIES, Segmentation, corrections, count_of, info_of, segmentation_of

logger = logging.getLogger(__name__)

MAX_AGE = 10.0  # seconds for which a list is not asked for again: one page asks several times
RETRY = 60.0  # seconds for which a segmentation that could not be read is not asked for again


@dataclass
class _Stored:
    """One series of segmentations: how many objects the server tells of, and what they say."""

    count: int = -1
    objects: list[Segmentation] = field(default_factory=list)
    failed: float = -math.inf  # when reading it last failed


class Catalogue:
    """The series and segmentations of a server, asked for again where the last answer is old.

    Args:
        client: of `dicomweb_client`.
        address: the server's, for messages.

    Attributes:
        known: what viewers show of each series that may be a volume.
        counts: how many images each of them holds, 0 where the server does not say it.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.known: dict[str, dict[str, str]] = {}
        self.counts: dict[str, int] = {}
        self._client, self._address = client, address
        self._stored: dict[str, _Stored] = {}
        self._asked = -math.inf
        self._lock = threading.Lock()  # of requests at once, one asks and the others take what it brought

    def forget(self) -> None:
        """Ask again when next something is wanted, however new the last answer is."""
        self._asked = -math.inf

    def ask(self) -> None:
        """Ask for series and segmentations, unless that was just done.

        Raises:
            UserError: where the server fails. A segmentation that it cannot give is named in the log and left out.
        """
        with self._lock:
            if time.monotonic() - self._asked < MAX_AGE:
                return
            chosen = settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER
            filters = [chosen] if chosen else [{"Modality": modality} for modality in MODALITIES]
            with answering(self._address):
                found = [each for wanted in filters for each in self._series(wanted)]
                segmentations = self._series({"Modality": "SEG"})
            known = {info["SeriesInstanceUID"]: info for info in map(info_of, found)}
            studies = {info["StudyInstanceUID"] for info in known.values()}
            stored = {}
            for header in segmentations:
                info = info_of(header)
                series, study = info["SeriesInstanceUID"], info["StudyInstanceUID"]
                if study in studies:
                    stored[series] = self._read(study, series, count_of(header))
            self.counts = {info_of(header)["SeriesInstanceUID"]: count_of(header) for header in found}
            self.known, self._stored, self._asked = known, stored, time.monotonic()

    def corrections(self) -> dict[str, Segmentation]:
        """Return of each image, by its series, the latest segmentation that a person made."""
        self.ask()
        stored, known = self._stored, self.known
        return corrections((each for of_series in stored.values() for each in of_series.objects), list(known))

    def _read(self, study: str, series: str, count: int) -> _Stored:
        """Return what a series of segmentations says, read again only if its count changed."""
        before = self._stored.get(series, _Stored())
        if before.count == count or time.monotonic() - before.failed < RETRY:
            return before
        try:
            with answering(self._address):
                headers = self._client.retrieve_series_metadata(study, series)
            return _Stored(count, [segmentation_of(header) for header in headers])
        except Exception as error:  # of one series, whatever the server sent for it; the others go on
            if before.failed < 0:
                logger.error("segmentation %s: left out: %s", series, error)
            return _Stored(before.count, before.objects, time.monotonic())

    def _series(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return all series that match, page after page: a server may send them in parts."""
        found: dict[str, dict[str, Any]] = {}
        offset = 0
        while True:
            page = self._client.search_for_series(
                search_filters=dict(wanted), fields=[*FIELDS.values(), COUNT], offset=offset or None
            )
            before = len(found)
            found |= {info_of(header)["SeriesInstanceUID"]: header for header in page}
            if len(found) == before:  # also where a server does not know of offsets, and sends the same again
                return list(found.values())
            offset += len(page)
