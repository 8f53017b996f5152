"""One file a verb, each with a `router`. A route parses, asks the engine or a view, and renders.

`ROUTERS` are all of them. Not allowed here: anything that two verbs share (it belongs one floor up, in `api`).
"""

from orchestrator.api.routes import (
    best,
    cancel,
    check,
    events,
    explain,
    export,
    health,
    logs,
    ls,
    pause,
    progress,
    report,
    report_metric,
    resume,
    retry,
    rm,
    schema,
    show,
    status,
    stop,
    submit,
    wait,
    why,
)

# What a first experiment asks for comes first: FastAPI makes a router ready when the first request comes past it, which takes half a
# millisecond for each, of the event loop that has that experiment to begin.
ROUTERS = tuple(
    module.router
    for module in (
        submit,
        progress,
        wait,
        status,
        show,
        report,
        check,
        schema,
        ls,
        rm,
        pause,
        resume,
        cancel,
        retry,
        best,
        export,
        logs,
        explain,
        why,
        report_metric,
        events,
        stop,
        health,
    )
)
