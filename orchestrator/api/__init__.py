"""The socket door: HTTP/1.1 and JSON over a Unix socket. FastAPI and uvicorn live only here.

`socket.py` binds, `server.py` serves, `peers.py` and `rights.py` say who asks and what they may, `problems.py` and `boundary.py` make
every refusal look the same, `streams.py` holds what is longer than one answer, `app.py` puts it together, `routes/` has one file a
verb. A route parses, asks the engine or a view, and renders.

Not allowed here: deciding anything, SQL, settings (the daemon hands values in), the browser door.
"""

from orchestrator.api.app import create_app
from orchestrator.api.rights import Rules, Who
from orchestrator.api.server import Server, serve
from orchestrator.api.services import Host, Services
from orchestrator.api.socket import adopt, bind

__all__ = ["Host", "Rules", "Server", "Services", "Who", "adopt", "bind", "create_app", "serve"]
