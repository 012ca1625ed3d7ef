"""OHIF's requests on their way to the DICOMweb server and back."""

import asyncio
import contextlib

import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from fastapi import FastAPI
from fastapi.testclient import TestClient
from monailabel.config import settings

from scripts.monailabel.dicomweb import PASSWORD, USER, proxy
from scripts.monailabel.dicomweb.access import new_session
from tests.monailabel.dicomweb.web_answers import answering_with


@pytest.fixture
def client():
    app = FastAPI()
    app.include_router(proxy.router)
    proxy._session.cache_clear()
    yield TestClient(app)
    proxy._session.cache_clear()


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


UP = ["%2e%2e", "%252e%252e", "%25252e%25252e", ".%252e", "...", "%252E.", "%2e", "%5c..", "x%252f..%252f.."]
OUTSIDE = [f"studies/{up}/{up}/system" for up in UP] + [f"{up}/system" for up in UP]
OUTSIDE += ["", "studies/", "studies//1", "system", "servers/x", "studies/1%3Flimit=1", "studies/1%23x", "studies/%00"]
OUTSIDE += ["studies/1%0a/x", "studies%0d%0aX", "studies/1/%25", "studies/1@2", "studies/1;x", "studiesX", "STUDIES"]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("service", ["qido", "wado", "stow"])
def test_nothing_beside_dicomweb_is_reached(client, monkeypatch, service, path):
    with answering_with() as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        assert client.get(f"/proxy/dicom/{service}/{path}").status_code == 404
        assert client.post(f"/proxy/dicom/{service}/{path}").status_code == 404
    assert not seen


OF_DICOMWEB = ["studies", "series", "instances", "studies/1.2/series", "studies/1.2/series/1.2.3/metadata"]
OF_DICOMWEB += [
    f"studies/1.2/series/1.3/instances/1.4{of}" for of in ("", "/frames/1,2", "/rendered", "/bulk/7fe00010")
]
OF_DICOMWEB += ["bulkdata/a_b-c.d"]


@pytest.mark.parametrize("path", OF_DICOMWEB)
def test_each_path_of_dicomweb_arrives_as_it_is(client, monkeypatch, path):
    with answering_with() as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        assert client.get(f"/proxy/dicom/wado/{path}?limit=1").status_code == 200
    assert [each["path"] for each in seen] == [f"/dicom-web/{path}?limit=1"]


def test_only_studies_are_stored_to(client, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_STOW_PREFIX", "stow")
    with answering_with() as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        assert client.post("/proxy/dicom/qido/studies", content=b"x").status_code == 200
        assert client.post("/proxy/dicom/stow/studies/1.2", content=b"x").status_code == 200
        for path in ("series", "instances", "bulkdata", "studies/1.2/series", "studies/1.2/series/1.3/instances/1.4"):
            assert client.post(f"/proxy/dicom/stow/{path}", content=b"x").status_code == 404
    assert [each["path"] for each in seen] == ["/dicom-web/stow/studies", "/dicom-web/stow/studies/1.2"]


def test_an_answer_is_no_page_with_programs(client, monkeypatch):
    with answering_with(body=b"<script>", media="text/html") as (address, _):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        answer = client.get("/proxy/dicom/wado/studies/1/series/2")
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_an_answer_is_closed_when_the_browser_leaves(client, monkeypatch, version):
    """By either of the ways in which a server says so: a message, or an error where more is sent."""
    answered, request = (
        [],
        proxy.Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}),
    )
    handed_back = proxy._HandedBack
    monkeypatch.setattr(proxy, "_HandedBack", lambda each: answered.append(each) or handed_back(each))

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.body":
            raise OSError

    with answering_with(body=bytes(1 << 24)) as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        for _ in range(2):
            response = proxy._answer(f"{address}/studies", request, b"")
            scope = {"type": "http", "asgi": {"spec_version": version}}
            with contextlib.suppress(Exception):
                asyncio.run(response(scope, receive, send))
    assert len(seen) == 2
    assert all(each.raw.closed for each in answered)


def test_one_session_is_kept(client, monkeypatch):
    made = []
    monkeypatch.setattr(proxy, "new_session", lambda: made.append(new_session()) or made[-1])
    with answering_with() as (address, seen):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
        for _ in range(3):
            assert client.get("/proxy/dicom/qido/studies").json() == []
    assert (len(seen), len(made)) == (3, 1)


def test_one_that_is_down_is_one_line(client, monkeypatch):
    with answering_with() as (address, _):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
    with pytest.raises(OSError, match=f"{address}: cannot be reached, or breaks off; check"):
        client.get("/proxy/dicom/qido/studies")
