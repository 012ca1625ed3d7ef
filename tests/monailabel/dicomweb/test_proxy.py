"""OHIF's requests on their way to the DICOMweb server and back."""

import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from fastapi import FastAPI
from fastapi.testclient import TestClient
from monailabel.config import settings

from scripts.monailabel.dicomweb import PASSWORD, USER
from scripts.monailabel.dicomweb.proxy import router
from tests.monailabel.dicomweb.web_answers import answering_with


@pytest.fixture
def client():
    app = FastAPI()
    app.include_router(router)
    return TestClient(app)


def test_what_is_asked_and_who_asks_arrive(client, monkeypatch):
    monkeypatch.setenv(USER, "ohif")
    monkeypatch.setenv(PASSWORD, "secret")
    with answering_with(206, b'[{"a": 1}]') as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        headers = {"Accept": "application/dicom+json", "Cookie": "mine", "Accept-Encoding": "identity"}
        answer = client.get("/proxy/dicom/qido/studies", params={"PatientName": "A*", "limit": "5"}, headers=headers)
    assert (answer.status_code, answer.json()) == (206, [{"a": 1}])
    (asked,) = seen
    assert asked["path"] == "/dicom-web/studies?PatientName=A%2A&limit=5"
    assert asked["Authorization"].startswith("Basic ")
    assert (asked["Accept"], asked["Accept-Encoding"]) == ("application/dicom+json", "identity")
    assert "Cookie" not in asked


def test_each_service_has_its_prefix(client, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_WADO_PREFIX", "wado")
    with answering_with() as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        client.get("/proxy/dicom/wado/studies/1/series/2")
        client.get("/proxy/dicom/qido/studies/1/series/2/metadata")
        client.get("/proxy/dicom/qido/studies")
    paths = ["/wado/studies/1/series/2", "/wado/studies/1/series/2/metadata", "/studies"]
    assert [each["path"] for each in seen] == [f"/dicom-web{path}" for path in paths]


def test_there_is_nothing_else_to_ask(client, monkeypatch, tmp_path):
    with answering_with() as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        assert client.get("/proxy/dicom/system/shutdown").status_code == 404
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", str(tmp_path))
        assert client.get("/proxy/dicom/qido/studies").status_code == 404
    assert not seen


def test_one_that_is_down_is_one_line(client, monkeypatch):
    with answering_with() as (address, _):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
    with pytest.raises(OSError, match=f"{address}: cannot be reached, or breaks off; check"):
        client.get("/proxy/dicom/qido/studies")
