"""Who may use the server, by the headers that a browser, 3D Slicer or an attacker sends."""

import asyncio
import base64
import json
import socket

import pytest

from scripts.monailabel.guard import Guard, check_access, is_loopback, is_token

TOKEN = "correct-horse-battery"
OWN, OTHER = "127.0.0.1:8000", "evil.test"


def ask(headers, method="GET", path="/info/", **how):
    """Status, line and headers of the answer; the headers that the app inside got, if any."""
    sent, inside = [], []

    async def app(scope, receive, send):
        inside.append(dict(scope["headers"]))

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "headers": pairs}
    asyncio.run(Guard(app, **{"host": "127.0.0.1", **how})(scope, receive, send))
    if inside:
        assert not sent
        return 200, "", inside[0]
    return sent[0]["status"], json.loads(sent[1]["body"])["detail"], dict(sent[0]["headers"])


@pytest.mark.parametrize("host", [OWN, "127.0.0.1", "localhost:9000", "LOCALHOST:8000", "[::1]:8000", "127.1.2.3:8000"])
def test_this_machine_by_its_own_names(host):
    assert ask([("host", host)])[0] == 200
    assert ask([("host", host), ("origin", f"http://{host}"), ("sec-fetch-site", "same-origin")], "POST")[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:8000",
        "127.0.0.1.evil.test:8000",
        "localhost.evil.test",
        "192.168.1.5:8000",
        "",
        "0.0.0.0",
    ],
)
def test_a_foreign_name_that_leads_here(host):
    status, line, _ = ask([("host", host), ("origin", f"http://{host}")], "POST")
    assert (status, line) == (403, f"Host {host!r}: is not this server's name; use the address that it printed")


def test_no_host_or_two():
    assert ask([])[0] == ask([("host", OWN), ("host", OTHER)])[0] == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test",
        "null",
        "http://127.0.0.1:9000",
        "http://localhost:8000",
        "file://",
        "",
        f"http://{OWN}.evil.test",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_page_of_another_site(origin, method):
    """Another port or another name of the same machine is another site."""
    status, line, headers = ask([("host", OWN), ("origin", origin)], method)
    assert (status, line) == (403, f"Origin {origin!r}: pages of other sites may not use this server")
    assert not [name for name in headers if name.startswith(b"access-control")]


def test_two_origins():
    assert ask([("host", OWN), ("origin", f"http://{OWN}"), ("origin", "http://evil.test")])[0] == 403


@pytest.mark.parametrize(
    ("site", "dest", "method", "status"),
    [
        ("none", "document", "GET", 200),
        ("same-origin", "empty", "POST", 200),
        ("cross-site", "document", "GET", 200),  # a link
        ("cross-site", "iframe", "GET", 403),
        ("cross-site", "image", "GET", 403),
        ("same-site", "script", "GET", 403),
        ("cross-site", "document", "POST", 403),
    ],
)
def test_what_a_browser_says_where_it_sends_no_origin(site, dest, method, status):
    assert ask([("host", OWN), ("sec-fetch-site", site), ("sec-fetch-dest", dest)], method)[0] == status


def test_a_page_that_was_named_at_the_start():
    how = {"origins": ["https://viewer.example.org/"]}
    assert ask([("host", OWN), ("origin", "https://viewer.example.org")], **how)[0] == 200
    assert ask([("host", "viewer.example.org"), ("origin", "https://viewer.example.org")], **how)[0] == 200
    assert ask([("host", OWN), ("origin", "https://viewer.example.org.evil.test")], **how)[0] == 403


def basic(password, name="anyone"):
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(TOKEN), basic(TOKEN, "")])
def test_the_token_as_viewers_send_it(given):
    status, _, inside = ask([("host", OWN), ("authorization", given)], token=TOKEN)
    assert status == 200
    assert b"authorization" not in inside  # a DICOMweb server would get it


@pytest.mark.parametrize(
    "given",
    [
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        basic("no"),
        "Basic !",
        "Basic /w==",
        "Bearer é",
    ],
)
@pytest.mark.parametrize("path", ["/info/", "/auth/token/valid", "/auth/token/", "/auth", "//auth/", "/ohif/"])
def test_no_token_or_another(given, path):
    status, line, headers = ask([("host", OWN), ("authorization", given)], path=path, token=TOKEN)
    assert (status, line) == (401, "this server wants the token that it was started with")
    assert headers[b"www-authenticate"].startswith(b"Basic ")  # so that a browser asks for it


def test_without_the_token_one_can_only_ask_for_it():
    assert ask([("host", OWN)], path="/auth/", token=TOKEN)[0] == 200
    assert ask([("host", OWN)], "POST", path="/auth/token", token=TOKEN)[0] == 200
    assert ask([("host", OWN)], token=TOKEN)[0] == 401
    two = [("host", OWN), ("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")]
    assert ask(two, token=TOKEN)[0] == 401


def test_names_of_a_server_that_others_reach():
    """A name that somebody made to lead here is never an address."""
    for host, named, status in (
        ("192.168.1.5", "192.168.1.5:8000", 200),
        ("192.168.1.5", "127.0.0.1:8000", 200),
        ("192.168.1.5", "192.168.1.6:8000", 403),
        ("vessels.example.org", "vessels.example.org:8000", 200),
        ("0.0.0.0", "192.168.1.6:8000", 200),
        ("0.0.0.0", f"{socket.gethostname()}:8000", 200),
        ("::", "[fd00::1]:8000", 200),
        ("0.0.0.0", "evil.test:8000", 403),
    ):
        assert ask([("host", named), ("authorization", f"Bearer {TOKEN}")], host=host, token=TOKEN)[0] == status


def test_no_websocket():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(None, "127.0.0.1")({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_start_and_an_end_pass():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Guard(app, "127.0.0.1")({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_this_machine_alone_needs_no_token(host):
    assert is_loopback(host)
    check_access(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "vessels.example.org", "localhost.evil.test", ""])
def test_any_other_address_does(host):
    check_access(host, TOKEN)
    with pytest.raises(
        ValueError, match=r"--host .*: other machines could reach it.*; add --token; make one with python"
    ):
        check_access(host, None)
    with pytest.raises(ValueError, match="add --token"):
        Guard(None, host)


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 15, "with spaces in it it is", "zwölf Boxkämpfer jagen", "a\nheader: of-its-own"]
)
def test_a_token_that_can_be_guessed_or_not_sent(token):
    with pytest.raises(
        ValueError, match=r"^--token: is not 16 or more letters, digits and signs without spaces; make one"
    ):
        check_access("127.0.0.1", token)


def test_a_token_of_digits_which_the_command_line_reads_as_a_number():
    with pytest.raises(ValueError, match=r"^--token: is read as a number; make one"):
        check_access("0.0.0.0", 12345678901234567890)


def test_comparing_tokens():
    assert is_token(TOKEN, TOKEN)
    assert not is_token("é", TOKEN)
