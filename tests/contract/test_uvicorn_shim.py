"""What the embedded server relies on in uvicorn: named, so that a new release that lacks it fails here and not at night."""

import inspect

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import Server, ServerState

from orchestrator.api.server import Connection
from orchestrator.api.server import Server as OurServer


def parameters(function: object) -> list[str]:
    assert callable(function)
    return list(inspect.signature(function).parameters)


def test_server_can_be_started_and_stopped_without_being_run() -> None:
    """`startup` and `shutdown` take sockets; what `serve` does before them is ours to do."""
    assert parameters(Server.startup) == ["self", "sockets"]
    assert parameters(Server.shutdown) == ["self", "sockets"]
    source = inspect.getsource(Server._serve)
    assert "config.load()" in source
    assert "self.lifespan = config.lifespan_class(config)" in source


def test_only_serve_takes_signals_and_ticks() -> None:
    """Neither `startup` nor what it calls touches signals or sleeps."""
    source = inspect.getsource(Server.startup)
    assert "signal" not in source
    assert "sleep" not in source
    assert OurServer.startup is not Server.startup
    assert OurServer.shutdown is not Server.shutdown


def test_connections_get_the_state_of_the_lifespan() -> None:
    """`app_state` is `lifespan.state`, kept by a connection under this name and copied into each scope."""
    assert "app_state=self.lifespan.state" in inspect.getsource(Server.startup)
    assert "app_state" in parameters(H11Protocol.__init__)
    assert '"state": self.app_state.copy()' in inspect.getsource(H11Protocol.handle_events)


def test_connection_has_the_hooks_that_are_overridden() -> None:
    """Making, losing and refusing a connection, and ending it gently, have the names and parameters we use."""
    assert parameters(H11Protocol.connection_made) == ["self", "transport"]
    assert parameters(H11Protocol.connection_lost) == ["self", "exc"]
    assert parameters(H11Protocol.send_400_response) == ["self", "msg"]
    assert parameters(H11Protocol.shutdown) == ["self"]
    for name in ("connection_made", "connection_lost", "send_400_response"):
        assert getattr(Connection, name) is not getattr(H11Protocol, name)


def test_state_of_all_connections_is_where_it_was() -> None:
    """`ServerState` has the open connections and their tasks, and `Server` makes it in its constructor."""
    state = ServerState()
    assert state.connections == set()
    assert state.tasks == set()
    assert isinstance(Server(uvicorn.Config(lambda: None)).server_state, ServerState)
    assert "self.connections.discard(self)" in inspect.getsource(H11Protocol.connection_lost)
