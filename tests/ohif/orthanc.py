"""Orthanc with its DICOMweb plugin, on a port of its own, with nothing kept."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import requests

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
PROGRAM = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
MISSING = (
    None
    if PLUGIN.is_file() and Path(PROGRAM).is_file()
    else "needs Orthanc with DICOMweb: apt install orthanc orthanc-dicomweb"
)
MOST_SECONDS = 120


class Orthanc:
    """A running server."""

    def __init__(self, folder, **options):
        folder.mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.dicomweb = f"{self.url}/dicom-web"
        kept = {"StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db")}
        reach = {"HttpPort": self.port, "DicomServerEnabled": False, "RemoteAccessAllowed": False}
        web = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}
        config = folder / "orthanc.json"
        config.write_text(
            json.dumps({"Name": "clinic", "AuthenticationEnabled": False, **kept, **reach, **web, **options})
        )
        self.log = folder / "orthanc.log"
        self.process = subprocess.Popen([PROGRAM, config], stdout=self.log.open("w"), stderr=subprocess.STDOUT)
        end = time.monotonic() + MOST_SECONDS
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < end, self.log.read_text()[-2000:]
            time.sleep(0.1)

    def _answers(self):
        try:
            return requests.get(self.url, timeout=5).status_code in (200, 401)
        except requests.ConnectionError:
            return False

    def upload(self, *paths):
        for path in paths:
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                answer = requests.post(f"{self.url}/instances", data=file.read_bytes(), timeout=60)
                assert answer.ok, answer.text

    def stored(self, modality):
        """The instances of a modality, as Orthanc knows them, the latest last."""
        query = {"Level": "Instance", "Query": {"Modality": modality}, "Expand": True}
        found = requests.post(f"{self.url}/tools/find", json=query, timeout=60).json()
        return sorted(found, key=lambda each: int(each.get("IndexInSeries") or 0))

    def file(self, instance, path):
        """The file of an instance."""
        path.write_bytes(requests.get(f"{self.url}/instances/{instance['ID']}/file", timeout=60).content)
        return path

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
