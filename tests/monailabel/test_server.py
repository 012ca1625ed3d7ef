"""What the server serves, and how it refuses (attacks on a running one: tests/server)."""

import asyncio
import json
import uuid

import pytest

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")

from fastapi.testclient import TestClient
from monailabel.config import settings
from monailabel.interfaces.exception import ImageNotFoundException

from scripts.core import refuse
from scripts.monailabel.server import OneLine, app, make_server
from tests.monailabel.dicomweb.web_answers import answering_with

TOKEN = "correct-horse-battery-staple"


def answer_to(error):
    """Status and line of the answer where the application inside raises `error`."""
    sent = []

    async def inside(scope, receive, send):
        error()

    async def send(message):
        sent.append(message)

    asyncio.run(OneLine(inside)({"type": "http"}, None, send))
    return sent[0]["status"], json.loads(sent[1]["body"])["detail"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [(ValueError, 400), (FileNotFoundError, 404), (OSError, 507), (MemoryError, 507), (ConnectionError, 502)],
)
def test_a_refusal_is_one_line(kind, status):
    def wrapped():
        try:
            refuse("a.tif", "is\nbroken", "export it again", kind)
        except Exception as error:
            raise RuntimeError("applying transform") from error

    assert answer_to(wrapped) == (status, "a.tif: is broken; export it again")


def test_a_dicomweb_server_that_is_down_is_a_bad_gateway(monkeypatch):
    with answering_with() as (address, _):
        monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", address)
    client = TestClient(make_server("127.0.0.1", None), base_url="http://127.0.0.1:8000")
    answer = client.get("/proxy/dicom/qido/studies")
    assert answer.status_code == 502
    assert "cannot be reached, or breaks off" in answer.json()["detail"]


def test_what_monai_label_does_not_find_is_no_failure_of_the_server():
    def missing():
        raise ImageNotFoundException("Image x not found")

    assert answer_to(missing) == (404, "Image x not found")


def test_any_other_failure_is_told_as_ever():
    def failing():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer_to(failing)


@pytest.fixture
def client():
    return TestClient(app, base_url="http://127.0.0.1:8000")


def described():
    return {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}


def test_what_viewers_need_is_served():
    needed = {
        *{("GET", "/info/"), ("GET", "/train/"), ("DELETE", "/train/"), ("GET", "/auth/"), ("POST", "/auth/token")},
        *{("POST", "/train/{model}"), ("POST", "/infer/{model}"), ("POST", "/activelearning/{strategy}")},
        *{("PUT", "/datastore/image"), ("PUT", "/datastore/label"), ("GET", "/datastore/label")},
        *{("PUT", "/session/"), ("GET", "/session/{session_id}"), ("GET", "/model/{model}"), ("GET", "/logs/")},
    }
    assert needed <= described()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/infer/wsi/tubenet", 404),
        ("POST", "/infer/wsi_v2/tubenet", 404),
        ("POST", "/scoring/", 404),
        ("POST", "/reload", 404),
        ("GET", "/docs", 404),  # FastAPI's pages, and OHIF's as they are, fetch something of other hosts
        ("GET", "/static/ohif/index.html", 404),
        ("PUT", "/model/tubenet", 405),
        ("DELETE", "/model/tubenet", 405),
    ],
)
def test_what_nobody_needs_is_not(client, method, path, status):
    assert client.request(method, path).status_code == status


HIDDEN = [("POST", "/train/"), ("PUT", "/datastore/"), ("DELETE", "/datastore/"), ("PUT", "/datastore/updatelabelinfo")]
HIDDEN += [("GET", "/ohif/x"), ("GET", "/proxy/dicom/wado/x"), ("POST", "/proxy/dicom/stow/x")]


def test_each_request_of_monai_label_is_checked_first(client):
    values = {"model": "tubenet", "strategy": "first", "session_id": str(uuid.uuid4())}
    theirs = [(method, path) for method, path in {*described(), *HIDDEN} if not path.startswith("/auth/")]
    assert len(theirs) > 25
    for method, path in theirs:
        answer = client.request(method, path.format_map(values), params={"session_id": "../x"})
        assert answer.status_code == 400, (method, path)
        assert method == "HEAD" or "is not the id of one" in answer.json()["detail"], (method, path)


def test_the_guard_stands_before_all(client):
    for path in ("/", "/docs", "/openapi.json", "/ohif/index.html", "/info/", "/auth/", "/none"):
        assert client.get(path, headers={"Origin": "http://evil.test"}).status_code == 403
        assert client.get(path, headers={"Host": "evil.test"}).status_code == 403
    assert client.get("/openapi.json").status_code == 200


def test_the_first_page_leads_to_what_there_is(client):
    assert client.get("/", follow_redirects=False).headers["location"] == "/info/"


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b"nonsense"])
def test_what_is_no_json(client, body):
    answer = client.post("/train/tubenet", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    answer = client.post("/infer/tubenet", data={"params": body})
    assert (answer.status_code, answer.json()) == (400, {"detail": "params: is not JSON; send a JSON object"})


def test_3d_slicer_asks_for_the_token_as_a_password():
    """It asks whether it needs a token, gives name and password, and sends the token each time."""
    client = TestClient(make_server("0.0.0.0", TOKEN), base_url="http://192.168.1.5:8000")
    assert client.get("/openapi.json").status_code == 401
    assert client.get("/auth/").json() == {"enabled": True}
    for password in ("guessed", ""):
        assert client.post("/auth/token", data={"username": "me", "password": password}).status_code == 401
    given = client.post("/auth/token", data={"username": "me", "password": TOKEN}).json()
    headers = {"Authorization": f"{given['token_type']} {given['access_token']}"}
    for path in ("/auth/token/valid", "/openapi.json"):
        assert client.get(path, headers=headers).status_code == 200
        assert client.get(path, auth=("me", TOKEN)).status_code == 200  # as a browser, which asks its user
        assert client.get(path, headers=headers | {"Origin": "http://evil.test"}).status_code == 403


def test_without_a_token_it_does_not_ask(client):
    assert client.get("/auth/").json() == {"enabled": False}


def test_an_address_that_others_reach_is_not_served_without_a_token():
    with pytest.raises(ValueError, match=r"--host 0\.0\.0\.0: other machines could reach it"):
        make_server("0.0.0.0", None)


@pytest.mark.parametrize("kind", ["multipart/form-data", "Multipart/Form-Data", " MULTIPART/FORM-DATA"])
def test_a_form_is_checked_however_its_kind_is_spelled(client, kind):
    """As MONAI Label reads it: by any spelling."""
    part = '--x\r\nContent-Disposition: form-data; name="params"\r\n\r\n{"overlap": "$1"}\r\n--x--\r\n'
    answer = client.post("/infer/tubenet?image=a", content=part, headers={"Content-Type": f"{kind}; boundary=x"})
    assert (answer.status_code, "--overlap $1: is not a number" in answer.json()["detail"]) == (400, True)
