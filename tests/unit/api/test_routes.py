"""Claims about the table of routes."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from orchestrator.api import routes
from orchestrator.api.services import CONTROLLING, READING, REPORTING

OPEN = {"healthz", "readyz"}


def all_routes() -> Iterator[APIRoute]:
    for router in routes.ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield route


ROUTES = sorted(all_routes(), key=lambda route: route.name)


def test_every_file_of_the_folder_is_served() -> None:
    """No route file is forgotten in the table."""
    files = {path.stem for path in Path(routes.__file__).parent.glob("*.py")} - {"__init__"}
    assert {id(import_module(f"{routes.__name__}.{name}").router) for name in files} == {
        id(router) for router in routes.ROUTERS
    }


def test_what_a_first_experiment_asks_for_comes_first() -> None:
    """A router is made ready when the first request comes past it, which the beginning of that experiment would wait for."""
    first = [router.routes[0] for router in routes.ROUTERS[:3]]
    assert [route.name for route in first if isinstance(route, APIRoute)] == ["submit", "progress", "wait"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_needs_one_right(route: APIRoute) -> None:
    """A route that changes something, or runs code, needs control; the others reading; only health needs none."""
    needed = [right for right in (READING, CONTROLLING, REPORTING) if right in route.dependencies]
    if route.name in OPEN:
        assert needed == []
    elif route.name == "report_metric":  # the same right as control, without a line in the log for each
        assert needed == [REPORTING]
    else:
        assert needed == [READING if route.methods == {"GET"} else CONTROLLING]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = FastAPI(generate_unique_id_function=lambda route: route.name)
    for router in routes.ROUTERS:
        app.include_router(router)
    return app.openapi()


def test_operations_are_named_after_their_verbs(document: dict[str, Any]) -> None:
    """Operation ids are the verbs, each once, and each says what it does."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert sorted(operation["operationId"] for operation in operations) == [route.name for route in ROUTES]
    assert all(operation["description"] for operation in operations)
