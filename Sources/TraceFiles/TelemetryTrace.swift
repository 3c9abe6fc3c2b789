package import FleetModel

/// One instance's telemetry of one second, as a trace holds it.
package struct TelemetryTraceRow: Hashable, Sendable {
    /// Seconds since the trace's origin, 0 to 10^9; it does not fall from row to row.
    package var time: Double
    package var instance: InstanceID
    package var application: ApplicationType
    package var gpuMemory: Bytes
    /// Thousandths of one device, the mean of the second.
    package var gpuCompute: Double
    /// Requests that arrived in the second.
    package var requests: Double?
    /// Thousandths of a core.
    package var cpuMilli: Double?
    package var memory: Bytes?
    /// Bytes per second.
    package var networkInRate: Double?
    package var networkOutRate: Double?
    /// Seconds since the user last did something, the least in the second.
    package var userIdle: Double?

    package init(
        time: Double, instance: InstanceID, application: ApplicationType, gpuMemory: Bytes, gpuCompute: Double,
        requests: Double? = nil, cpuMilli: Double? = nil, memory: Bytes? = nil, networkInRate: Double? = nil,
        networkOutRate: Double? = nil, userIdle: Double? = nil
    ) {
        self.time = time
        self.instance = instance
        self.application = application
        self.gpuMemory = gpuMemory
        self.gpuCompute = gpuCompute
        self.requests = requests
        self.cpuMilli = cpuMilli
        self.memory = memory
        self.networkInRate = networkInRate
        self.networkOutRate = networkOutRate
        self.userIdle = userIdle
    }

    /// The row of what was observed, with seconds counted from `origin`. What is beyond a column's range is written as
    /// its end, so that a reader takes every row.
    package init(_ observed: InstanceObservation, origin: Int64) {
        func within(_ range: ClosedRange<Double>, _ value: Double) -> Double {
            value.isFinite ? min(max(value, range.lowerBound), range.upperBound) : range.lowerBound
        }
        let load = observed.load
        self.init(
            time: within(TelemetryTraceRange.times, Double(load.second) - Double(origin)), instance: observed.instance,
            application: observed.application,
            gpuMemory: Bytes(Int64(within(TelemetryTraceRange.amounts, load.gpuMemory))),
            gpuCompute: within(TelemetryTraceRange.shares, load.gpuCompute),
            requests: load.workInFlight.map { within(TelemetryTraceRange.rates, $0) },
            cpuMilli: load.cpuMilli.map { within(TelemetryTraceRange.rates, $0) },
            memory: load.hostMemory.map { Bytes(Int64(within(TelemetryTraceRange.amounts, $0))) },
            networkInRate: load.networkIn.map { within(TelemetryTraceRange.rates, $0) },
            networkOutRate: load.networkOut.map { within(TelemetryTraceRange.rates, $0) },
            userIdle: load.userIdleSeconds.map { within(TelemetryTraceRange.times, $0) })
    }

    /// The row as the forecaster takes it in.
    package var observation: LoadObservation {
        LoadObservation(
            second: Int64(time), gpuMemory: Double(gpuMemory.rawValue), gpuCompute: gpuCompute, cpuMilli: cpuMilli,
            hostMemory: memory.map { Double($0.rawValue) }, networkIn: networkInRate, networkOut: networkOutRate,
            workInFlight: requests, userIdleSeconds: userIdle)
    }
}

/// The columns of a telemetry trace, in the order in which they are written.
package enum TelemetryTraceColumn: String, CaseIterable, Sendable {
    case time = "time_s"
    case instance
    case application
    case gpuMemory = "gpu_memory_bytes"
    case gpuCompute = "gpu_compute_millishare"
    case requests
    case cpuMilli = "cpu_milli"
    case memory = "memory_bytes"
    case networkInRate = "network_in_rate"
    case networkOutRate = "network_out_rate"
    case userIdle = "user_idle_s"
}

/// What the columns of a telemetry trace may hold.
enum TelemetryTraceRange {
    static let times = 0.0...1e9
    /// 256 TiB.
    static let amounts = 0.0...0x1p48
    /// 64 devices.
    static let shares = 0.0...64_000
    static let rates = 0.0...1e12
}

/// Reads a telemetry trace, plain or gzip, row by row. Memory does not grow with the file, but for the instances that have
/// a row in one second; a second row of one in the same second is refused.
///
/// `time_s`, `instance`, `application`, `gpu_memory_bytes` and `gpu_compute_millishare` must be there; the rest may be
/// absent, as columns or as empty fields.
package final class TelemetryTraceReader {
    private let table: TableReader
    private let time: TableColumn
    private let instance: TableColumn
    private let application: TableColumn
    private let gpuMemory: TableColumn
    private let gpuCompute: TableColumn
    private let requests: TableColumn?
    private let cpuMilli: TableColumn?
    private let memory: TableColumn?
    private let networkInRate: TableColumn?
    private let networkOutRate: TableColumn?
    private let userIdle: TableColumn?
    private let longest: Double
    private var firstTime: Double?
    private var lastTime = 0.0
    /// Those of which the last second has a row.
    private var inSecond: Set<InstanceID> = []

    package init(path: String, limits: TraceLimits = TraceLimits()) throws(TraceError) {
        table = try TableReader(path: path, limits: limits)
        longest = limits.seconds
        time = try table.column(TelemetryTraceColumn.time.rawValue)
        instance = try table.column(TelemetryTraceColumn.instance.rawValue)
        application = try table.column(TelemetryTraceColumn.application.rawValue)
        gpuMemory = try table.column(TelemetryTraceColumn.gpuMemory.rawValue)
        gpuCompute = try table.column(TelemetryTraceColumn.gpuCompute.rawValue)
        requests = table.optionalColumn(TelemetryTraceColumn.requests.rawValue)
        cpuMilli = table.optionalColumn(TelemetryTraceColumn.cpuMilli.rawValue)
        memory = table.optionalColumn(TelemetryTraceColumn.memory.rawValue)
        networkInRate = table.optionalColumn(TelemetryTraceColumn.networkInRate.rawValue)
        networkOutRate = table.optionalColumn(TelemetryTraceColumn.networkOutRate.rawValue)
        userIdle = table.optionalColumn(TelemetryTraceColumn.userIdle.rawValue)
    }

    /// The next row, or nil after the last.
    package func next() throws(TraceError) -> TelemetryTraceRow? {
        guard let row = try table.next() else { return nil }
        guard let instance = InstanceID(rawValue: row.text(instance)) else {
            throw row.invalid(instance, "'\(row.excerpt(instance))' is not an identifier")
        }
        guard let application = ApplicationType(rawValue: row.text(application)) else {
            throw row.invalid(application, "'\(row.excerpt(application))' is not an identifier")
        }
        let now = try row.number(time, in: TelemetryTraceRange.times)
        guard now >= lastTime else {
            throw TraceError(
                .outOfOrder, file: row.file, line: row.line, column: time.name, cause: "\(now) after \(lastTime)")
        }
        if Int64(now) > Int64(lastTime) { inSecond.removeAll(keepingCapacity: true) }
        lastTime = now
        guard inSecond.insert(instance).inserted else {
            throw row.invalid(self.instance, "'\(instance)' has a second row in second \(Int64(now))")
        }
        let first = firstTime ?? now
        firstTime = first
        guard now - first <= longest else {
            throw TraceError(
                .limitExceeded, file: row.file, line: row.line, column: time.name,
                cause: "\(now) is \(now - first) s after the first row, more than \(longest)")
        }
        return TelemetryTraceRow(
            time: now, instance: instance, application: application,
            gpuMemory: Bytes(Int64(try row.number(gpuMemory, in: TelemetryTraceRange.amounts))),
            gpuCompute: try row.number(gpuCompute, in: TelemetryTraceRange.shares),
            requests: try row.optionalNumber(requests, in: TelemetryTraceRange.rates),
            cpuMilli: try row.optionalNumber(cpuMilli, in: TelemetryTraceRange.rates),
            memory: try row.optionalNumber(memory, in: TelemetryTraceRange.amounts).map { Bytes(Int64($0)) },
            networkInRate: try row.optionalNumber(networkInRate, in: TelemetryTraceRange.rates),
            networkOutRate: try row.optionalNumber(networkOutRate, in: TelemetryTraceRange.rates),
            userIdle: try row.optionalNumber(userIdle, in: TelemetryTraceRange.times))
    }
}

/// A whole telemetry trace in memory.
package struct TelemetryTrace: Sendable {
    /// In file order: times do not fall.
    package var rows: [TelemetryTraceRow]

    package init(rows: [TelemetryTraceRow]) { self.rows = rows }

    /// Reads a whole file. `limits.rows` bounds the memory: about 150 bytes a row.
    package static func read(path: String, limits: TraceLimits = TraceLimits()) throws(TraceError) -> TelemetryTrace {
        let reader = try TelemetryTraceReader(path: path, limits: limits)
        var rows: [TelemetryTraceRow] = []
        while let row = try reader.next() { rows.append(row) }
        return TelemetryTrace(rows: rows)
    }
}
