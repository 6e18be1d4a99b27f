"""A collector of OpenTelemetry on loopback: takes OTLP over HTTP, and keeps what it is told."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

__all__ = ["Collector", "collecting", "plain"]

TAKEN = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}


class Collector:
    """What it was told, in order; and how it answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.sent = b""
        """All bytes that ever came in."""
        self.refuses: dict[str, int] = {}
        """Status that a path is answered with, instead of being taken."""
        self.address = ""

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for request in self._of("/v1/traces")
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    @property
    def records(self) -> list[Any]:
        return [
            record
            for request in self._of("/v1/logs")
            for group in request.resource_logs
            for scope in group.scope_logs
            for record in scope.log_records
        ]

    @property
    def measured(self) -> dict[str, Any]:
        """Give the metrics as they were told last, by name."""
        return {
            metric.name: metric
            for request in self._of("/v1/metrics")
            for group in request.resource_metrics
            for scope in group.scope_metrics
            for metric in scope.metrics
        }

    def span(self, name: str) -> Any:
        [found] = [one for one in self.spans if one.name == name]
        return found

    def _of(self, path: str) -> list[Any]:
        return [request for at, request in self.requests if at == path]


@contextmanager
def collecting() -> Generator[Collector]:
    """Let a collector listen until the block is left."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.sent += body
            asked, answer = TAKEN[self.path]
            refused = collector.refuses.get(self.path)
            if refused is None:
                collector.requests.append((self.path, asked.FromString(body)))
                collector.headers.append(dict(self.headers))
            content = b"" if refused else answer().SerializeToString()
            self.send_response(refused or 200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    collector.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def plain(attributes: Any) -> dict[str, Any]:
    """Give attributes as Python has them."""
    return {one.key: value_of(one.value) for one in attributes}


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [value_of(one) for one in found.values] if kind == "array_value" else found
