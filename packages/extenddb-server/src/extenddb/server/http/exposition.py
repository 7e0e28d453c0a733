"""Counts in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from extenddb.server.http.metrics import BOUNDS, EVENTS, GAUGES, Family, Labelled, Totals

_UNKNOWN = "unknown"


def text(totals: Totals) -> bytes:
    """Return all figures as a scrape reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(totals))
    return generate_latest(registry)


class _Snapshot(Collector):
    """Turns counts into metric families when the registry asks."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        errors = CounterMetricFamily(
            "extenddb_errors", "Requests answered with an error.", labels=("operation", "type")
        )
        latency = HistogramMetricFamily(
            "extenddb_request_seconds", "Seconds from a complete request to its answer.", labels=("operation",)
        )
        requests = CounterMetricFamily("extenddb_requests", "Requests answered.", labels=("operation",))
        for name, counts in sorted(self._totals.operations.items()):
            label = name or _UNKNOWN
            requests.add_metric((label,), sum(counts.buckets))
            latency.add_metric((label,), _cumulated(counts.buckets), counts.seconds)
            for kind, count in sorted(counts.errors.items()):
                errors.add_metric((label, kind), count)
        gauge = GaugeMetricFamily("extenddb_in_flight", "Requests being answered by this process.")
        gauge.add_metric((), self._totals.in_flight)
        return (
            *(requests, latency, errors, gauge),
            *_families(CounterMetricFamily, EVENTS, self._totals.events),
            *_families(GaugeMetricFamily, GAUGES, self._totals.gauges),
        )


def _families(
    kind: type[CounterMetricFamily | GaugeMetricFamily], known: Mapping[str, Family], figures: Mapping[str, Labelled]
) -> Iterator[Metric]:
    for name, labelled in figures.items():
        about = known[name]
        family = kind(f"extenddb_{name}", about.help, labels=(about.label,) if about.label else ())
        for label, figure in sorted(labelled.items()):
            family.add_metric((label,) if about.label else (), figure)
        yield family


def _cumulated(buckets: list[int]) -> list[tuple[str, float]]:
    total = 0
    cumulated: list[tuple[str, float]] = []
    for bound, count in zip((*BOUNDS, float("inf")), buckets, strict=True):
        total += count
        cumulated.append((str(bound) if bound != float("inf") else "+Inf", float(total)))
    return cumulated
