import Testing

@testable import Observability

struct MetricsRegistryTests {
    @Test func theExpositionIsPrometheusText() async {
        let registry = MetricsRegistry()
        let requests = registry.counter("presync_requests_total", help: "Requests.")
        requests.add(2, ["found": "reserved"])
        requests.add(1, ["found": "cold"])
        registry.gauge("presync_device_memory_bytes", help: "Memory.").set(8_589_934_592, ["device": "gpu#0"])
        let seconds = registry.histogram("presync_step_seconds", help: "Step.", bounds: [0.01, 0.1])
        for value in [0.0625, 0.0078125, 5] { seconds.observe(value) }
        #expect(
            await registry.exposition() == """
                # HELP presync_device_memory_bytes Memory.
                # TYPE presync_device_memory_bytes gauge
                presync_device_memory_bytes{device="gpu#0"} 8589934592
                # HELP presync_requests_total Requests.
                # TYPE presync_requests_total counter
                presync_requests_total{found="cold"} 1
                presync_requests_total{found="reserved"} 2
                # HELP presync_step_seconds Step.
                # TYPE presync_step_seconds histogram
                presync_step_seconds_bucket{le="0.01"} 1
                presync_step_seconds_bucket{le="0.1"} 2
                presync_step_seconds_bucket{le="+Inf"} 3
                presync_step_seconds_sum 5.0703125
                presync_step_seconds_count 3
                # HELP presync_metrics_dropped_total Updates of series beyond the bound of their metric.
                # TYPE presync_metrics_dropped_total counter
                presync_metrics_dropped_total 0

                """)
    }

    @Test func labelValuesAreEscapedAndSorted() {
        let labels: MetricLabels = ["b": "quote \" slash \\ line \n", "a": "1"]
        #expect(labels.exposed == #"a="1",b="quote \" slash \\ line \n""#)
    }

    @Test func seriesBeyondTheBoundAreDroppedAndCounted() async {
        let registry = MetricsRegistry()
        let gauge = registry.gauge("presync_things", help: "Things.")
        for number in 0..<(MetricsRegistry.maximumSeries + 3) { gauge.set(1, ["id": "\(number)"]) }
        let lines = await registry.exposition().split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("presync_things{") } == MetricsRegistry.maximumSeries)
        #expect(lines.last == "presync_metrics_dropped_total 3")
    }

    @Test func aCounterNeverFalls() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("presync_grants_total", help: "Grants.")
        counter.raise(to: 7)
        counter.raise(to: 3)
        counter.add(-1)
        #expect(await registry.exposition().contains("\npresync_grants_total 7\n"))
    }

    @Test func seriesThatAreReplacedAreGone() async {
        let registry = MetricsRegistry()
        let gauge = registry.gauge("presync_sessions", help: "Sessions.")
        gauge.replaceAll([(["device": "a"], 1), (["device": "b"], 2)])
        gauge.replaceAll([(["device": "b"], 3)])
        let text = await registry.exposition()
        #expect(!text.contains("device=\"a\""))
        #expect(text.contains("presync_sessions{device=\"b\"} 3\n"))
    }

    @Test func scrapersRunBeforeTheExposition() async {
        let registry = MetricsRegistry()
        let gauge = registry.gauge("presync_term", help: "Term.")
        registry.onScrape { gauge.set(4) }
        #expect(await registry.exposition().contains("\npresync_term 4\n"))
    }
}
