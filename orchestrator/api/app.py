"""The whole door as one ASGI application."""

from fastapi import FastAPI

from orchestrator import __version__
from orchestrator.api import problems
from orchestrator.api.boundary import Boundary
from orchestrator.api.routes import ROUTERS
from orchestrator.api.services import Services

DESCRIPTION = """The control interface of the Orchestrator daemon, over its Unix socket:
`curl --unix-socket orchestrator.sock http://daemon/v1/status`.

`{ref}` is `12` (an experiment), `12.3` (a variant), `12.3.1` (an iteration), or an experiment's name, percent-encoded.
Times are RFC 3339 in UTC. Peers are known by SO_PEERCRED; reading and controlling are separate rights.
"""


def create_app(services: Services) -> FastAPI:
    """All routes over what is behind the door."""
    app = FastAPI(
        title="Orchestrator",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # the pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        responses={"default": {"model": problems.ErrorAnswer, "description": "What went wrong."}},
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(Boundary)
    for router in ROUTERS:
        app.include_router(router)
    return app
