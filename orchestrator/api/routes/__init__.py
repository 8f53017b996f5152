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

ROUTERS = tuple(
    module.router
    for module in (
        status,
        submit,
        check,
        schema,
        ls,
        show,
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
        report,
        report_metric,
        wait,
        progress,
        events,
        stop,
        health,
    )
)
