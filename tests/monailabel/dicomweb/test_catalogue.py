"""What a server has, asked for in pages, by many at once, and with segmentations that it cannot give."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from monailabel.config import settings
from monailabel.datastore.dicom import DICOMwebClientX

from scripts.monailabel.dicomweb import catalogue
from scripts.monailabel.dicomweb.catalogue import Catalogue


def series(uid, study="1.2", modality="MR", count=3):
    found = {"0020000D": study, "0020000E": uid, "00080060": modality, "00201209": count}
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in found.items()}


def segmentation(uid, of="1.2.1", time_of_day="101112"):
    return {
        "00080023": {"vr": "DA", "Value": ["20260102"]},
        "00080033": {"vr": "TM", "Value": [time_of_day]},
        "00080018": {"vr": "UI", "Value": [uid]},
        "00081115": {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": [of]}}]},
    }


class Archive:
    """What a small server of DICOMweb holds; `asked` are the paths that it was asked for."""

    def __init__(self):
        self.series = []
        self.metadata = {}  # by series; None: the server fails
        self.page, self.knows_offsets, self.seconds = 1000, True, 0.0
        self.asked = []

    def answer(self, path, query):
        self.asked.append(path)
        time.sleep(self.seconds)
        if path.endswith("/metadata"):
            return self.metadata.get(path.split("/")[-2])
        found = [each for each in self.series if each["00080060"]["Value"] == query["Modality"]]
        offset = int(query.get("offset", ["0"])[0]) if self.knows_offsets else 0
        return found[offset : offset + self.page]

    def times(self, uid):
        return len([path for path in self.asked if f"/{uid}/" in path])


@contextmanager
def serving(archive):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            found = archive.answer(parts.path, parse_qs(parts.query))
            body = json.dumps(found).encode()
            self.send_response(500 if found is None else 200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def archive():
    return Archive()


@pytest.fixture
def known(archive, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_SEARCH_FILTER", {"Modality": "MR"})
    with serving(archive) as address:
        client = DICOMwebClientX(url=address)
        client.set_http_retry_params(retry=False)
        yield Catalogue(client, address)


def again(known):
    known.forget()
    return {image: each.instance for image, each in known.corrections().items()}


@pytest.mark.parametrize(("page", "knows_offsets", "seen"), [(2, True, 5), (1000, True, 5), (2, False, 2)])
def test_every_page_is_asked_for(archive, known, page, knows_offsets, seen):
    archive.page, archive.knows_offsets = page, knows_offsets
    archive.series = [series(f"1.2.{number}", count=number) for number in range(1, 6)]
    known.ask()
    assert list(known.known) == [f"1.2.{number}" for number in range(1, 6)][:seen]
    assert known.counts["1.2.2"] == 2


def test_one_segmentation_that_fails_does_not_stop_the_others(archive, known, monkeypatch, caplog):
    archive.series = [series("1.2.1"), series("1.2.8", modality="SEG"), series("1.2.9", modality="SEG")]
    archive.metadata = {"1.2.8": None, "1.2.9": [segmentation("1.2.9.1")]}
    assert again(known) == again(known) == {"1.2.1": "1.2.9.1"}
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "segmentation 1.2.8: left out: " in caplog.text
    assert archive.times("1.2.8") == 1  # not again at once
    archive.metadata["1.2.8"] = [segmentation("1.2.8.1", time_of_day="121314")]
    monkeypatch.setattr(catalogue, "RETRY", 0.0)
    assert again(known) == {"1.2.1": "1.2.8.1"}


def test_what_makes_no_sense_does_not_stop_the_others(archive, known):
    archive.series = [series("1.2.1"), series("1.2.8", modality="SEG"), series("1.2.9", modality="SEG")]
    archive.metadata = {"1.2.8": ["what is this"], "1.2.9": [segmentation("1.2.9.1")]}
    assert again(known) == {"1.2.1": "1.2.9.1"}


def test_segmentations_of_other_studies_are_not_asked_for(archive, known):
    archive.series = [series("1.2.1"), series("1.3.9", study="1.3", modality="SEG")]
    assert again(known) == {}
    assert archive.times("1.3.9") == 0


def test_a_series_of_segmentations_may_grow(archive, known):
    archive.series = [series("1.2.1"), series("1.2.9", modality="SEG", count=1)]
    archive.metadata = {"1.2.9": [segmentation("1.2.9.1")]}
    assert again(known) == again(known) == {"1.2.1": "1.2.9.1"}
    assert archive.times("1.2.9") == 1
    archive.series[1] = series("1.2.9", modality="SEG", count=2)
    archive.metadata["1.2.9"].append(segmentation("1.2.9.2", time_of_day="121314"))
    assert again(known) == {"1.2.1": "1.2.9.2"}


def test_of_many_at_once_one_asks(archive, known):
    archive.series = [series("1.2.1"), series("1.2.9", modality="SEG")]
    archive.metadata, archive.seconds = {"1.2.9": [segmentation("1.2.9.1")]}, 0.05
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: list(known.corrections()), range(8)))
    assert found == [["1.2.1"]] * 8
    assert archive.times("1.2.9") == 1
