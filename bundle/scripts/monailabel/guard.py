"""Who may use the server: no other site's page, and with a token only who has it.

A browser lets any web page send requests to 127.0.0.1. It says where the page is from (`Origin`, `Sec-Fetch-Site`) and
by which name it reached the server (`Host`), so that a page whose own name was made to lead to 127.0.0.1 is known too.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from scripts.core import refuse

MIN_TOKEN = 16  # characters
TOKEN = re.compile(r"[!-~]*")  # what a header can hold
WITHOUT_TOKEN = ("/auth/", "/auth/token")  # by which 3D Slicer asks for name and password
ASKS_FOR_IT = [(b"www-authenticate", b'Basic realm="tubenet: any name, and the token as password"')]

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def check_access(host: str, token: str | None) -> None:
    """Check that a server which others can reach has a token.

    Args:
        host: the address to listen on.
        token: the token, or None.

    Raises:
        UserError: for an address other than this machine's own without a token, or a token that can be guessed.
    """
    remedy = 'make one with python -c "import secrets; print(secrets.token_urlsafe())"'
    if token is None:
        if not is_loopback(host):
            refuse(f"--host {host}", "other machines could reach it, and anyone use it", f"add --token; {remedy}")
    elif not isinstance(token, str):
        refuse("--token", "is read as a number", remedy)
    elif len(token) < MIN_TOKEN or not TOKEN.fullmatch(token):
        refuse("--token", f"is not {MIN_TOKEN} or more letters, digits and signs without spaces", remedy)


def is_loopback(host: str) -> bool:
    """Return whether a name or address is this machine as only it can reach itself."""
    return host == "localhost" or ((address := _address(host)) is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


class Guard:
    """ASGI application around another, which passes requests on or answers 403 or 401.

    Args:
        app: the application inside.
        host: the address that the server listens on.
        token: what has to come with each request as `Authorization: Bearer TOKEN`, or as the password of `Basic`; None
            if nothing has to.
        origins: addresses of other pages that may use the server, such as `https://viewer.example.org`.
    """

    def __init__(self, app: App, host: str, token: str | None = None, origins: Iterable[str] = ()) -> None:
        check_access(host, token)
        self.app = app
        self.token = token
        self.origins = {origin.rstrip("/").lower() for origin in origins}
        self.names = {host.lower(), *(urlsplit(origin).hostname or "" for origin in self.origins)}
        self.anywhere = (address := _address(host)) is not None and address.is_unspecified
        if self.anywhere:
            self.names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Answer a request, or pass it on without its token."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if told := self._stranger(scope["method"], headers):
            return await answer(send, 403, told)
        if not self._may_enter(scope["path"], headers.get("authorization", [])):
            return await answer(send, 401, "this server wants the token that it was started with", ASKS_FOR_IT)
        # the DICOMweb server behind /proxy would get it
        kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
        return await self.app({**scope, "headers": kept}, receive, send)

    def _stranger(self, method: str, headers: dict[str, list[str]]) -> str | None:
        """Return why a request is none of a viewer's, or None."""
        hosts, origins = headers.get("host", []), headers.get("origin", [])
        if len(hosts) != 1 or not self._is_own_name(hosts[0]):
            return f"Host {', '.join(hosts)[:200]!r}: is not this server's name; use the address that it printed"
        own = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https")} | self.origins
        if len(origins) > 1 or (origins and origins[0].lower() not in own):
            return f"Origin {', '.join(origins)[:200]!r}: pages of other sites may not use this server"
        site, where = headers.get("sec-fetch-site", ["none"]), headers.get("sec-fetch-dest", [""])
        is_link = method == "GET" and where == ["document"]
        if site not in (["none"], ["same-origin"]) and not is_link and not origins:
            return "pages of other sites may not use this server"
        return None

    def _is_own_name(self, host: str) -> bool:
        name = re.sub(r":\d{1,5}$", "", host.lower())
        if is_loopback(name) or name.strip("[]") in self.names:
            return True
        return self.anywhere and _address(name) is not None

    def _may_enter(self, path: str, given: Sequence[str]) -> bool:
        if self.token is None or path in WITHOUT_TOKEN:
            return True
        return len(given) == 1 and is_token(_token_of(given[0]), self.token)


def is_token(given: str, token: str) -> bool:
    """Return whether a text is the token, in a time that does not tell how near it is."""
    return hmac.compare_digest(given.encode(), token.encode())


def _token_of(authorization: str) -> str:
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


async def answer(send: Callable[..., Any], status: int, line: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send `{"detail": line}` as the answer to a request."""
    body = json.dumps({"detail": line}).encode()
    fixed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
