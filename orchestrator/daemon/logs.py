"""Structured logs: one JSON document a line, or coloured lines for a person at a terminal. All libraries' logs go the same way."""

import logging
import logging.config
from typing import Protocol, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
CHATTY = ("uvicorn.access", "asyncio", "aiosqlite")


class Sink(Protocol):
    """Where lines go."""

    def write(self, text: str) -> int:
        """Take text that ends in a newline."""
        ...

    def flush(self) -> None:
        """Hold nothing back."""
        ...


def level_of(name: str, *, verbosity: int) -> int:
    """The level in force: what the settings say, unless the command line asked for more or less."""
    if verbosity:
        return logging.DEBUG if verbosity > 0 else logging.WARNING
    return LEVELS[name]


def set_up(sink: Sink, *, level: int, as_json: bool, colours: bool = False) -> None:
    """Send every log line of this process to the sink. Ids bound with structlog's contextvars are in each line."""
    file = cast("TextIO", sink)
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Tracebacks are text without the values of variables: those would tell secrets of the environment.
    console = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)
    ending: list[Processor] = [console]
    if as_json:
        ending = [
            structlog.processors.format_exc_info,
            _known_keys_first,
            structlog.processors.JSONRenderer(default=str),
        ]
    structlog.configure(
        processors=[*common, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=file),
        cache_logger_on_first_use=True,
    )
    _route_libraries(file, level=level, before=common, ending=ending)


def _route_libraries(file: TextIO, *, level: int, before: list[Processor], ending: list[Processor]) -> None:
    handler = logging.StreamHandler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name, _text_as_event],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _known_keys_first(_logger: object, _method: str, event: EventDict) -> EventDict:
    """When, how bad and what stand where the eye looks for them."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
    return {**first, **event}


def _text_as_event(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A library's sentence is no name of a fact: it becomes the message of one."""
    return {**event, "event": "library_message", "message": event["event"]}
