"""The server: those of MONAI Label's requests that this bundle needs, behind the guard.

Uvicorn starts it in place of MONAI Label's own, which answers any page and hands values on unchecked. What it does not
have: pages of other hosts, whole-slide images, scoring, and replacing or deleting the weights by a request.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from monailabel.config import settings
from monailabel.endpoints import (
    activelearning,
    batch_infer,
    datastore,
    infer,
    info,
    logs,
    model,
    session,
    train,
)
from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException
from monailabel.interfaces.utils.app import app_instance

from scripts.core import most_telling, one_line

from . import pages
from .app import HOST, HOST_VARIABLE, TOKEN_VARIABLE
from .dicomweb import DATASTORE, proxy
from .dicomweb.datastore import dicom_seg
from .guard import Guard, answer, check_access, is_token
from .request import (
    BATCH,
    INFER,
    SAMPLE,
    check_inside,
    check_options,
    check_parameters,
    check_plain_name,
    check_training,
    check_upload,
)

logger = logging.getLogger(__name__)

BODIES: dict[str, Callable[[Any], None]] = {
    "/train/": check_training,
    "/train/{model}": check_training,
    "/batch/infer/{model}": lambda given: check_options(given, BATCH),
    "/activelearning/{strategy}": lambda given: check_options(given, SAMPLE),
}


_STATUS = {"UserConnectionError": 502, "UserOSError": 507, "UserMemoryError": 507, "UserFileNotFoundError": 404}
"""The status of a refusal where nothing is wrong with the request, or it asks for what is not there; else it is 400."""


async def check(request: Request) -> None:
    """Check a request before MONAI Label reads it.

    Raises:
        UserError: for anything that it may not hold.
    """
    route = request.scope["route"].path
    remote = settings.MONAI_LABEL_STUDIES.startswith(DATASTORE)
    for name, value in [*request.query_params.multi_items(), *request.path_params.items()]:
        check_parameters({name: value}, remote)
        if name == "image" and value:
            _check_image(value, route, remote)
    if route in BODIES and request.method == "POST" and (body := await request.body()):
        BODIES[route](_json(body, "the request"))
    elif not route.startswith("/proxy/"):  # that reads the bytes themselves, and hands them on
        await _check_form(request, route, remote)


async def _check_form(request: Request, route: str, remote: bool) -> None:
    form = await request.form()
    for name, value in form.multi_items():
        if not isinstance(value, str):
            check_upload(name, value.filename, remote)
        elif name in ("params", "info"):
            given = _json(value, name)
            check_options(given, INFER if route == "/infer/{model}" else None)  # else it is only kept in the list


def _json(text: str | bytes, what: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        raise HTTPException(400, f"{what}: is not JSON; send a JSON object") from None


def _check_image(image: str, route: str, remote: bool) -> None:
    if route == "/infer/{model}" and os.path.isabs(image) and not remote:
        check_inside("image", image, settings.MONAI_LABEL_STUDIES)
    else:
        check_plain_name("image", image)


class OneLine:
    """ASGI application around another, which answers what it refuses in one line."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, and answer in its place if it is refused."""
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            told = most_telling(error)
            kinds = {kind.__name__ for kind in type(told).__mro__}  # MONAI Label loads this bundle's modules anew
            missing = isinstance(error, ImageNotFoundException | LabelNotFoundException)
            if scope["type"] != "http" or not (missing or "UserError" in kinds):
                raise
            line = str(error) if missing else one_line(told)
            logger.warning("refused: %s", line)
            status = next((status for kind, status in _STATUS.items() if kind in kinds), 400)
            await answer(send, 404 if missing else status, line)


@asynccontextmanager
async def _app(_: FastAPI) -> AsyncIterator[None]:
    instance = app_instance()
    instance.guarded = True
    instance.server_mode(True)
    instance.on_init_complete()
    yield


def make_server(host: str, token: str | None, origins: Iterable[str] = ()) -> FastAPI:
    """Return the server.

    Args:
        host: the address that it listens on.
        token: see `Guard`.
        origins: see `Guard`.

    Raises:
        UserError: if others could reach it without a token.
    """
    check_access(host, token)
    app = FastAPI(title=settings.MONAI_LABEL_PROJECT_NAME, docs_url=None, redoc_url=None, lifespan=_app)
    for module in (activelearning, batch_infer, datastore, infer, info, logs, model, session, train, proxy, pages):
        if module is model:  # weights are replaced by a training alone
            kept = [route for route in model.router.routes if not route.methods & {"PUT", "DELETE"}]
            model.router.routes[:] = kept
        app.include_router(module.router, dependencies=[Depends(check)])

    @app.get("/", include_in_schema=False)
    def first_page() -> RedirectResponse:
        """Lead to OHIF, or to what the server knows: FastAPI's own page comes from another host."""
        return RedirectResponse("/ohif/" if settings.MONAI_LABEL_STUDIES.startswith(DATASTORE) else "/info/")

    infer.nifti_to_dicom_seg = dicom_seg  # in place of MONAI Label's, which calls every organ a spleen
    _ask_for_token(app, token)
    app.add_middleware(OneLine)
    app.add_middleware(Guard, host=host, token=token, origins=origins)
    return app


def _ask_for_token(app: FastAPI, token: str | None) -> None:
    """Answer as MONAI Label does with its own way to log in, which 3D Slicer asks for."""

    @app.get("/auth/")
    def auth_enabled() -> dict[str, bool]:
        return {"enabled": token is not None}

    @app.post("/auth/token")
    def access_token(password: Annotated[str, Form()] = "") -> dict[str, str | None]:
        if token is not None and not is_token(password, token):
            raise HTTPException(401, "the password is not the token that the server was started with")
        return {"access_token": token, "token_type": "bearer"}

    @app.get("/auth/token/valid")
    def valid_token() -> dict[str, str]:
        return {"username": "admin"}


app = make_server(
    os.environ.get(HOST_VARIABLE, HOST),
    os.environ.get(TOKEN_VARIABLE),
    [str(origin) for origin in settings.MONAI_LABEL_CORS_ORIGINS],
)
