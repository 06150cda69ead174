"""Traces by OpenTelemetry, from a source's page to a target's acknowledgement, where the environment asks for them.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``, or ``OTEL_TRACES_EXPORTER=otlp``) switches
them on, with the extra ``opentelemetry`` installed; without them a span is one shared object that does nothing.
Attributes are names of the workspace, codes and counts: never a value of a record, a person, an address' path or query.
A trace never stops the work: a collector that is away costs the spans and a remark.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, Self, TypeVar

from hub.errors import HubError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

P = ParamSpec("P")
T = TypeVar("T")
Attribute = str | int | float | bool
SWITCHES: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PARENT: Final = "TRACEPARENT"
"""Whatever started this process says here what it is a part of."""
SPOKEN: Final = "http/protobuf"
CONVENTIONS: Final = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "host": "server.address",
}
"""Attributes that have a name in OpenTelemetry's conventions; others begin with cophub."""
PATIENCE: Final = 3.0
"""Seconds for what is not sent yet when a hub is closed."""
LINKS: Final = 100
"""Other traces that one span names at most: a batch of events may come of many."""
QUIET: Final = 60.0
"""Seconds between two remarks of the exporter."""
_WRITTEN: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
log = logging.getLogger("hub.tracing")


class Told(Protocol):
    """A span that is under way."""

    def tell(self, **attributes: Attribute) -> None:
        """More of what it was about: names of the workspace, codes and counts."""
        ...

    def named(self, name: str) -> None:
        """Another name, where it is known only now."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> None: ...


class _Off:
    __slots__ = ()

    def tell(self, **attributes: Attribute) -> None: ...

    def named(self, name: str) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None: ...


_OFF: Final = _Off()
_tracer: Tracer | None = None
_flush: Callable[[], object] | None = None


class _On:
    __slots__ = ("_span", "_token")

    def __init__(self, made: Span) -> None:
        self._span = made

    def tell(self, **attributes: Attribute) -> None:
        self._span.set_attributes(_names(attributes))

    def named(self, name: str) -> None:
        self._span.update_name(name)

    def __enter__(self) -> Self:
        from opentelemetry import context, trace  # noqa: PLC0415 # of the extra

        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace_: Any) -> None:
        from opentelemetry import context  # noqa: PLC0415 # of the extra
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 # the same

        context.detach(self._token)
        if kind is StopIteration:  # nothing was there any more: a span that does not end is not told
            return
        if error is not None:  # by its code: its text may hold a value
            code = error.code if isinstance(error, HubError) else type(error).__name__
            self._span.set_attribute("error.type", code)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def span(name: str, kind: str = "internal", *, after: Sequence[str] = (), **attributes: Attribute) -> Told:
    """A part of the work: use it with ``with``. It belongs to what is under way here; with ``after``, traceparents, to
    the first of them, and is linked to the others. ``kind`` is internal, server, client, producer or consumer."""
    if _tracer is None:
        return _OFF
    from opentelemetry import trace  # noqa: PLC0415 # of the extra

    parents = [one for one in dict.fromkeys(after) if one]
    links = [trace.Link(_context(one)) for one in parents[1 : LINKS + 1]]
    context = trace.set_span_in_context(trace.NonRecordingSpan(_context(parents[0]))) if parents else None
    made = _tracer.start_span(
        name, context, trace.SpanKind[kind.upper()], _names(attributes), links,
        record_exception=False, set_status_on_exception=False,
    )  # fmt: skip
    return _On(made)


def traced(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function whose calls are spans of that name."""

    def around(work: Callable[P, T]) -> Callable[P, T]:
        @wraps(work)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if _tracer is None:
                return work(*args, **kwargs)
            with span(name):
                return work(*args, **kwargs)

        return call

    return around


def each(
    name: str, items: Iterable[T], told: Callable[[T], Mapping[str, Attribute]], **attributes: Attribute
) -> Iterator[T]:
    """The same items; getting each of them is a span, with what is ``told`` of it."""
    if _tracer is None:
        yield from items
        return
    source = iter(items)
    while True:
        try:
            with span(name, "client") as one:
                one.tell(**attributes)
                item = next(source)
                one.tell(**told(item))
        except StopIteration:
            return
        yield item


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """The same work for another thread, as a part of what is under way here."""
    if _tracer is None:
        return work
    from opentelemetry import context  # noqa: PLC0415 # of the extra

    here = context.get_current()

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        token = context.attach(here)
        try:
            return work(*args, **kwargs)
        finally:
            context.detach(token)

    return call


def is_on() -> bool:
    """Whether what is asked for only to be told in a trace is worth asking."""
    return _tracer is not None


def current() -> str:
    """The traceparent (W3C) of what is under way here; empty where nothing is."""
    if _tracer is None:
        return ""
    from opentelemetry import trace  # noqa: PLC0415 # of the extra

    found = trace.get_current_span().get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}" if found.is_valid else ""


def read(text: object) -> str:
    """A traceparent that somebody else wrote; empty where it is none."""
    return text if isinstance(text, str) and _WRITTEN.fullmatch(text) else ""


def begin(environment: Mapping[str, str]) -> None:
    """Trace from now on, where the environment asks for it; once per process."""
    global _tracer, _flush
    if _tracer is not None or not _wanted(environment):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http import trace_exporter  # noqa: PLC0415 # of the extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 # the same
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 # the same
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 # the same
    except ImportError:
        log.warning("no traces, though the environment names a collector: pip install 'cophub[opentelemetry]'")
        return
    from requests import Session  # noqa: PLC0415 # it is slow to load

    session = Session()
    session.trust_env = False  # as everywhere, proxies are not taken from the environment
    for name in ("opentelemetry.exporter", "opentelemetry.sdk"):
        for part in [one for one in logging.root.manager.loggerDict if one.startswith(name)] or [name]:
            logging.getLogger(part).addFilter(_Seldom())
    named = "OTEL_SERVICE_NAME" in environment or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    # not at the interpreter's exit, where a collector that is away would hold it up
    provider = TracerProvider(
        resource=Resource.create({} if named else {"service.name": "cophub"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(trace_exporter.OTLPSpanExporter(session=session)))
    _tracer, _flush = provider.get_tracer("cophub"), provider.force_flush
    if above := read(environment.get(PARENT)):
        from opentelemetry import context, trace  # noqa: PLC0415 # of the extra

        context.attach(trace.set_span_in_context(trace.NonRecordingSpan(_context(above))))


def flush() -> None:
    """Send what is not sent yet, within ``PATIENCE`` seconds."""
    if _flush is not None:
        sending = threading.Thread(target=_flush, name="traces", daemon=True)
        sending.start()
        sending.join(PATIENCE)


def _wanted(environment: Mapping[str, str]) -> bool:
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if exporter != "otlp" and not any(environment.get(name, "").strip() for name in SWITCHES):
        return False
    protocol = next(filter(None, (environment.get(name, "").strip() for name in PROTOCOLS)), SPOKEN)
    if exporter not in ("", "otlp") or protocol != SPOKEN:
        log.warning("no traces: the hub speaks OTLP by %s, and was asked for %s", SPOKEN, exporter or protocol)
        return False
    return True


def _context(written: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415 # of the extra

    _, trace, parent, flags = written.split("-")
    return SpanContext(int(trace, 16), int(parent, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _names(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {CONVENTIONS.get(name) or f"cophub.{name}": value for name, value in attributes.items()}


class _Seldom(logging.Filter):
    """What goes wrong with every batch is told once a while."""

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR or time.monotonic() < self._until:
            return False
        self._until = time.monotonic() + QUIET
        return True
