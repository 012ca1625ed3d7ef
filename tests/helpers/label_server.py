"""The real server of MONAI Label, started with the command that a user types, and spoken to over HTTP."""

import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from scripts.core import sha256
from scripts.weights import sidecar_path

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS = 600
MODEL = "tubenet"
SUFFIXES = {"a": ".nii.gz", "b": ".tif", "c": ".ome.tif", "d": ".tiff"}
"""The images of the study, one of each kind of file."""


class LabelServer:
    """`python -m scripts label`, on a port that is free."""

    def __init__(self, studies, app, log):
        self.studies, self.app, self.log = studies, app, log
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        words = ["label", "--studies", studies, "--app", app, "--port", self.port]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scripts", *map(str, words)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": "bundle", "OMP_NUM_THREADS": "1"},
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
        )
        self._wait(self._answers, "the server to answer")

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return requests.get(f"{self.url}/info/", timeout=10).ok
        except requests.ConnectionError:
            return False

    def _wait(self, condition, what):
        end = time.monotonic() + MOST_SECONDS
        while not (result := condition()):
            assert time.monotonic() < end, f"waited in vain for {what}: {self.log.read_text()[-3000:]}"
            time.sleep(0.2)
        return result

    def has_said(self, text, since=0):
        """Wait for a text in the server's output, which comes after the answer."""
        self._wait(lambda: text in self.log.read_text()[since:], repr(text))

    def ask(self, method, path, **how):
        return requests.request(method, f"{self.url}{path}", timeout=MOST_SECONDS, **how)

    @property
    def models(self):
        return self.app / "model" / MODEL / "models"

    def weights(self):
        """Hashes of the active weights and their sidecar."""
        active = self.models / "model.pt"
        return sha256(active), sha256(sidecar_path(active))

    def infer(self, image, **params):
        """Ask for a segmentation, as the viewers do."""
        body = {"params": (None, requests.compat.json.dumps({"device": "cpu", **params}))}
        return self.ask("POST", f"/infer/{MODEL}", params={"image": image, "output": "image"}, files=body)

    def mask(self, image, folder, **params):
        """The file of a segmentation, saved under the suffix that the server gives it."""
        response = self.infer(image, **params)
        assert response.status_code == 200, (response.text, self.log.read_text()[-3000:])
        sent = response.headers["content-disposition"].split('filename="')[1].rstrip('"')
        path = folder / f"{image}{sent[sent.index('.') :]}"
        path.write_bytes(response.content)
        return path

    def submit(self, image, label):
        return self.ask(
            "PUT", "/datastore/label", params={"image": image, "tag": "final"}, files={"label": label.open("rb")}
        )

    def submit_bytes(self, image, content, name):
        files = {"label": (name, io.BytesIO(content))}
        return self.ask("PUT", "/datastore/label", params={"image": image, "tag": "final"}, files=files)

    def start_training(self, **params):
        return self.ask("POST", f"/train/{MODEL}", json={**params, "device": "cpu"})

    def task(self):
        return self.ask("GET", "/train/").json()

    def trained(self, **params):
        """Train to the end: what the server says of it."""
        assert self.start_training(**params).status_code == 200
        return self._wait(lambda: (task := self.task())["status"] not in ("SUBMITTED", "RUNNING") and task, "training")

    def training_has_begun(self):
        """Wait for the first epoch to be over."""
        table = self.app / "model" / MODEL / "checkpoints" / "epochs.csv"
        self._wait(lambda: table.is_file() or self.task()["status"] == "ERROR", "an epoch")
        assert self.task()["status"] == "RUNNING", self.task()["details"]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
