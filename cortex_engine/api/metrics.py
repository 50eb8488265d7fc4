"""Figures for Prometheus: requests as they go by, and the library when it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cortex_engine.core.app import ModelState
from cortex_engine.core.calibration import RecallCertificate
from cortex_engine.suite import CortexSuite

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Figures:
    """The counters of one application. Labels hold routes and states, never what somebody asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cortex_http_requests",
            "Requests that were answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "cortex_http_request_seconds",
            "Time to the end of the answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.open = Gauge("cortex_http_requests_open", "Requests being answered now.", registry=self.registry)

    def page(self, suite: CortexSuite) -> bytes:
        """Everything in Prometheus' text format."""
        library = CollectorRegistry()
        library.register(_LibraryFigures(suite))
        return generate_latest(self.registry) + generate_latest(library)


class _LibraryFigures(Collector):
    """Sizes and states of the library at this moment."""

    def __init__(self, suite: CortexSuite) -> None:
        self._suite = suite

    def collect(self) -> Iterator[GaugeMetricFamily]:
        counts, queue = self._suite.counts(), self._suite.queue_progress()
        figures = {
            "cortex_documents": ("Documents in the library.", counts.documents),
            "cortex_pages": ("Pages of all documents.", counts.pages),
            "cortex_passages": ("Passages of all documents.", counts.passages),
            "cortex_original_bytes": ("Bytes of all originals.", counts.bytes),
            "cortex_collections": ("Collections.", counts.collections),
            "cortex_queue_files": ("Files of the jobs that have not ended.", queue.total),
            "cortex_queue_files_done": ("Those of them that are finished.", queue.done),
            "cortex_queue_files_failed": ("Those of them that did not go in.", queue.failed),
            "cortex_queue_trouble": ("1 when the queue cannot be worked on.", int(bool(queue.trouble))),
        }
        for name, (text, value) in figures.items():
            yield GaugeMetricFamily(name, text, value=value)
        models = GaugeMetricFamily("cortex_model_state", "1 for the state a model is in.", labels=["role", "state"])
        for model in self._suite.model_statuses():
            for state in ModelState:
                models.add_metric([model.role, state.value], int(model.state is state))
        yield models
        yield from _recall(self._suite.recall_certificates())


def _recall(certificates: Sequence[RecallCertificate]) -> Iterator[GaugeMetricFamily]:
    """The recall certificate; without samples there is no recall to tell."""
    ends = GaugeMetricFamily(
        "cortex_recall_at_10",
        "Measured share of the ten nearest passages that searches find; low and high: 95 % interval.",
        labels=["model", "model_id", "estimate"],
    )
    samples = GaugeMetricFamily(
        "cortex_recall_samples", "Searches compared with the exact scan.", labels=["model", "model_id"]
    )
    widening = GaugeMetricFamily(
        "cortex_recall_widening",
        "Factor by which searches ask for more candidates than they need; 0: all vectors are scanned.",
        labels=["model", "model_id"],
    )
    for each in certificates:
        if each.exact or each.samples or not each.widening:
            for name, value in (("mean", each.recall), ("low", each.low), ("high", each.high)):
                ends.add_metric([each.model, each.model_id, name], value)
        samples.add_metric([each.model, each.model_id], each.samples)
        widening.add_metric([each.model, each.model_id], each.widening)
    yield from (ends, samples, widening)


class Measuring:
    """Counts every request, refused ones too."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun, outer = 500, time.perf_counter(), scope.get("route")

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._figures.open.track_inprogress():
            try:
                await self._app(scope, receive, noting)
            finally:
                matched = scope.get("route")
                route = "unmatched" if matched is outer else getattr(matched, "path_format", "unmatched")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._figures.requests.labels(method, route, status).inc()
                self._figures.seconds.labels(route).observe(time.perf_counter() - begun)
