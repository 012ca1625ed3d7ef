"""Requests to a DICOMweb server: who we are to it, and what is said when it fails."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from scripts.core import UserError, refuse

USER, PASSWORD = "MONAI_LABEL_DICOMWEB_USERNAME", "MONAI_LABEL_DICOMWEB_PASSWORD"  # MONAI Label's own names
TOKEN = "TUBENET_DICOMWEB_TOKEN"
DATASTORE = ("http://", "https://")  # what --studies starts with
TIMEOUT = (5.0, 60.0)  # seconds, to connect, and between two pieces of an answer

_MEDIA = ("application/dicom+json", "application/json")
_ROOT = "give its DICOMweb root, of Orthanc such as http://127.0.0.1:8042/dicom-web"
_REFUSING = (401, 403)


def new_session(environment: Mapping[str, str] = os.environ) -> Any:
    """Return a `requests.Session` with the user and password, or the token, of the environment.

    Raises:
        UserError: if only one of user and password is there, or one of the three cannot be sent; it is not repeated.
    """
    import requests  # which MONAI Label brings

    class Session(requests.Session):
        def request(self, *words: Any, **how: Any) -> Any:
            return super().request(*words, **{**how, "timeout": how.get("timeout") or TIMEOUT})

    session = Session()
    user, password, token = (_secret(name, environment) for name in (USER, PASSWORD, TOKEN))
    if bool(user) != bool(password):
        refuse(USER if user else PASSWORD, "is set alone", f"set both {USER} and {PASSWORD}")
    if user and password:
        session.auth = (user.encode(), password.encode())
    elif token:
        session.auth = _Bearer(token)
    return session


def _secret(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip()  # a file that it was read from ends with a line
    remedy = "set it again, as the server's administrator gave it"
    if not value.isprintable():
        refuse(name, "holds characters that cannot be printed", remedy)
    if name == TOKEN and not (value.isascii() and " " not in value):  # user and password are sent as base64 of UTF-8
        refuse(name, "holds other characters than a token has", remedy)
    return value


class _Bearer:
    """What `requests` calls to sign a request; a header would be overruled by a .netrc file."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def check_server(address: str, environment: Mapping[str, str] = os.environ) -> None:
    """Check that a DICOMweb server answers at an address, and lets us in.

    Args:
        address: the root of its services, http:// or https://.
        environment: variables with user and password, or a token.

    Raises:
        UserError: for an address that holds a password or is none, and a server that is down, slow, refuses us, or
            speaks something else than DICOMweb.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.username is not None or parts.password is not None:
        remedy = f"leave them out, and set the variables {USER} and {PASSWORD}"
        refuse("--studies", "holds a user or a password, and others may see a command line", remedy)
    if not host or parts.query or parts.fragment:
        refuse(f"--studies {address}", "is not the address of a server", _ROOT)
    with answering(address):
        response = new_session(environment).get(
            f"{address.rstrip('/')}/studies", params={"limit": "1"}, headers={"Accept": _MEDIA[0]}, stream=True
        )
        response.raise_for_status()
        media = response.headers.get("content-type", "").partition(";")[0].strip()
        if response.status_code != 204 and media not in _MEDIA:
            refuse(address, f"is no DICOMweb server, it answers with {media[:100] or 'nothing'}", _ROOT)
        next(response.iter_content(1), b"")
        response.close()


@contextmanager
def answering(address: str) -> Iterator[None]:
    """Turn failures of a DICOMweb server into one line.

    Raises:
        UserError: of the server, and what it did; it is a `ConnectionError` too.
    """
    import requests

    again = "check that it runs and can be reached, then try again"
    try:
        yield
    except UserError:
        raise
    except requests.HTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in _REFUSING:
            problem = f"does not let this server in (it answers {status})"
            verb = "correct" if any(os.environ.get(name) for name in (USER, TOKEN)) else "set"
            refuse(address, problem, f"{verb} the variables {USER} and {PASSWORD}, or {TOKEN}", ConnectionError)
        if status is not None and status < 500:
            problem = f"is no DICOMweb server, or lacks what was asked for (it answers {status})"
            refuse(address, problem, _ROOT, ConnectionError)
        refuse(address, f"fails (it answers {status})", "look into its log", ConnectionError)
    except requests.exceptions.SSLError as error:
        if "CERTIFICATE" not in str(error):
            refuse(address, "does not speak https there", "check the port, or write http://", ConnectionError)
        problem = "its certificate is not trusted here"
        refuse(address, problem, "name the file of the authority that signed it in REQUESTS_CA_BUNDLE", ConnectionError)
    except requests.Timeout:
        refuse(address, f"does not answer within {TIMEOUT[1]:g} seconds", again, ConnectionError)
    except requests.ConnectionError:
        refuse(address, "cannot be reached, or breaks off", again, ConnectionError)
    except requests.RequestException as error:
        refuse(address, f"does not answer as a DICOMweb server does ({type(error).__name__})", _ROOT, ConnectionError)
    except OSError as error:  # such as a file of certificates that is not there
        remedy = "check the file that REQUESTS_CA_BUNDLE names, if it is set"
        refuse(address, f"cannot be asked ({error})", remedy, ConnectionError)
