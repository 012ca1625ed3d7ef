"""OHIF's requests to the DICOMweb server, handed on by this one, which has the password.

MONAI Label's own proxy drops what OHIF searches for, knows no token, and answers nothing else while it waits.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from monailabel.config import settings

from .access import DATASTORE, answering, new_session

router = APIRouter(prefix="/proxy", tags=["Others"])

# no %, ?, # nor a segment of dots: the paths below DICOMweb's root alone, however often one was encoded
_SEGMENT = r"(?!\.+(?:/|\Z))[A-Za-z0-9_.,-]+"
_READ = re.compile(rf"(?:studies|series|instances|bulkdata)(?:/{_SEGMENT})*")
_STORED = re.compile(rf"studies(?:/{_SEGMENT})?")
_HANDED_ON = ("accept", "accept-encoding", "content-type")
_HANDED_BACK = ("content-type", "content-length", "content-encoding")
_NO_PAGE = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
_PIECE = 1 << 16  # bytes


@router.api_route("/dicom/{service}/{path:path}", methods=["GET", "POST"], include_in_schema=False)
async def hand_on(request: Request, service: str, path: str) -> StreamingResponse:
    """Hand a request on, and its answer back.

    Raises:
        UserError: if the server fails in another way than by answering with an error.
    """
    if not settings.MONAI_LABEL_STUDIES.startswith(DATASTORE):
        raise HTTPException(404, "images come from a folder, and from no DICOMweb server")
    prefixes = {
        "qido": settings.MONAI_LABEL_QIDO_PREFIX,
        "wado": settings.MONAI_LABEL_WADO_PREFIX,
        "stow": settings.MONAI_LABEL_STOW_PREFIX,
    }
    if service not in prefixes:
        raise HTTPException(404, "there is no such service")
    if not (_STORED if request.method == "POST" else _READ).fullmatch(path):
        raise HTTPException(404, "DICOMweb has no such path to read from, or to store to")
    if request.method == "POST":  # OHIF stores by the root that it reads from
        service = "stow"
    elif path.endswith("metadata"):
        service = "wado"
    words = [settings.MONAI_LABEL_STUDIES.rstrip("/"), prefixes[service], path]
    return await run_in_threadpool(_answer, "/".join(filter(None, words)), request, await request.body())


@cache
def _session() -> Any:
    return new_session()


class _HandedBack(StreamingResponse):
    """An answer of the server, which is closed even if the browser leaves before its end."""

    def __init__(self, answered: Any) -> None:
        self.answered = answered
        headers = {name: answered.headers[name] for name in _HANDED_BACK if name in answered.headers}
        pieces = answered.raw.stream(_PIECE, decode_content=False)
        super().__init__(pieces, status_code=answered.status_code, headers=headers | _NO_PAGE)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.answered.close()


def _answer(address: str, request: Request, body: bytes) -> StreamingResponse:
    headers: dict[str, Any] = dict.fromkeys(_HANDED_ON)  # none instead of those that `requests` sends by itself
    headers |= {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
    with answering(settings.MONAI_LABEL_STUDIES):
        answered = _session().request(
            request.method, address, params=request.url.query, headers=headers, data=body or None, stream=True
        )
    return _HandedBack(answered)
