"""Object storage on loopback: moto's server, in front of which what goes wrong between the two can be had."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Final

import boto3  # pyright: ignore[reportMissingTypeStubs] - it has none
from werkzeug.serving import make_server

__all__ = ["SECRET", "ObjectStore", "serving"]

SECRET: Final = "wJalr-canary-of-a-secret-key"  # noqa: S105 - of a test
BUCKET: Final = "backups"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class ObjectStore:
    """Where it is, and what it does wrong: `refuse` answers 500, `cut` closes in the middle of an answer."""

    endpoint: str = ""
    refuse: Callable[[str, str], bool] = lambda method, path: False  # noqa: ARG005 - nothing is refused
    cut: Callable[[str, str], bool] = lambda method, path: False  # noqa: ARG005 - nothing is cut
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _client: Any = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": "AKIATESTCANARY",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self) -> Any:
        if self._client is None:  # which takes longer than whatever is asked of it
            made: Any = boto3
            self._client = made.client(
                "s3",
                endpoint_url=self.endpoint,
                region_name="us-east-1",
                aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=SECRET,
            )
        return self._client

    def listed(self) -> list[str]:
        listed = self.client().list_objects_v2(Bucket=BUCKET)
        return sorted(one["Key"] for one in listed.get("Contents", ()))


@contextmanager
def serving() -> Generator[ObjectStore]:
    """Serve until the block is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what moto brings with it
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - slow to load, and it has none
            DomainDispatcherApplication,
            create_backend_app,
        )
    store, inner = ObjectStore(), DomainDispatcherApplication(create_backend_app)

    def application(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environment["REQUEST_METHOD"], environment["PATH_INFO"]
        store.asked.append((method, path))
        if store.refuse(method, path):
            environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        answer = inner(environment, start)
        return halved(answer) if store.cut(method, path) else answer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        store.client().create_bucket(Bucket=BUCKET)
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def halved(answer: Iterable[bytes]) -> Iterator[bytes]:
    """Give the first half of an answer, and then break the connection."""
    whole = b"".join(answer)
    yield whole[: len(whole) // 2]
    raise ConnectionResetError
