/// One server of a cluster trace: a row of the openb node lists (Alibaba, cluster-trace-gpu-v2023).
package struct ClusterNodeRow: Hashable, Sendable {
    package var name: String
    /// Thousandths of a core, 0 to 10^9.
    package var cpuMilli: Int
    /// MiB, 0 to 10^9.
    package var memory: Int
    /// Devices, 0 to 16.
    package var devices: Int
    /// The devices' model; empty where there are none.
    package var model: String
}

/// One request of a cluster trace: a row of the openb pod lists.
package struct ClusterPodRow: Hashable, Sendable {
    package var name: String
    /// Thousandths of a core, 0 to 10^9.
    package var cpuMilli: Int
    /// MiB, 0 to 10^9.
    package var memory: Int
    /// Devices, 0 to 16.
    package var devices: Int
    /// Thousandths of each device: 1 to 1,000, and 1,000 where there are several; 0 without a device.
    package var share: Int
    /// Models that will do, as the trace lists them (`gpu_spec`); empty where all do, or without a device.
    package var models: [String]
}

/// Reads the node and pod lists of a cluster trace, plain or gzip.
///
/// Nodes have the columns `sn`, `cpu_milli`, `memory_mib`, `gpu` and `model`; pods `name`, `cpu_milli`, `memory_mib`,
/// `num_gpu`, `gpu_milli`, and optionally `gpu_spec` (models with a bar between them). Other columns are ignored.
package enum ClusterTrace {
    private static let amounts = 0.0...1e9
    private static let deviceCounts = 0.0...16.0
    private static let nameBytes = 128
    /// Rows that are read at most where the caller sets no other limit: about 200 bytes of memory each.
    package static let limits = TraceLimits(rows: 1_000_000)

    /// Every node in file order. Names are unique, and there is at least one.
    package static func nodes(
        path: String, limits: TraceLimits = Self.limits
    ) throws(TraceError) -> [ClusterNodeRow] {
        let table = try TableReader(path: path, limits: limits)
        let (name, model) = (try table.column("sn"), try table.column("model"))
        let (cpu, memory) = (try table.column("cpu_milli"), try table.column("memory_mib"))
        let devices = try table.column("gpu")
        var rows: [ClusterNodeRow] = []
        var names: Set<String> = []
        while let row = try table.next() {
            let node = ClusterNodeRow(
                name: try row.name(name), cpuMilli: try row.whole(cpu, in: amounts),
                memory: try row.whole(memory, in: amounts), devices: try row.whole(devices, in: deviceCounts),
                model: try row.text(model, bytes: nameBytes))
            guard names.insert(node.name).inserted else { throw row.invalid(name, "\(node.name) is there twice") }
            guard node.devices == 0 || !node.model.isEmpty else {
                throw row.invalid(model, "empty though the node has devices")
            }
            rows.append(node)
        }
        guard !rows.isEmpty else { throw TraceError(.cannotRead, file: path, cause: "no nodes") }
        return rows
    }

    /// Every pod in file order; at least one.
    package static func pods(path: String, limits: TraceLimits = Self.limits) throws(TraceError) -> [ClusterPodRow] {
        let table = try TableReader(path: path, limits: limits)
        let name = try table.column("name")
        let (cpu, memory) = (try table.column("cpu_milli"), try table.column("memory_mib"))
        let (devices, share) = (try table.column("num_gpu"), try table.column("gpu_milli"))
        let models = table.optionalColumn("gpu_spec")
        var rows: [ClusterPodRow] = []
        while let row = try table.next() {
            var pod = ClusterPodRow(
                name: try row.name(name), cpuMilli: try row.whole(cpu, in: amounts),
                memory: try row.whole(memory, in: amounts), devices: try row.whole(devices, in: deviceCounts),
                share: try row.whole(share, in: 0...1_000), models: [])
            if pod.devices == 0 {
                pod.share = 0
            } else {
                guard pod.share > 0 else { throw row.invalid(share, "0 though the pod has a device") }
                guard pod.devices == 1 || pod.share == 1_000 else {
                    throw row.invalid(share, "\(pod.share) of each of \(pod.devices) devices: several are whole")
                }
                if let models { pod.models = try row.models(models) }
            }
            rows.append(pod)
        }
        guard !rows.isEmpty else { throw TraceError(.cannotRead, file: path, cause: "no pods") }
        return rows
    }
}

extension TableRow {
    private static let nameBytes = 128
    private static let modelBytes = 1_024

    /// A whole number in `range`; what is written as one with a fraction of 0 counts.
    fileprivate func whole(_ column: TableColumn, in range: ClosedRange<Double>) throws(TraceError) -> Int {
        let value = try number(column, in: range)
        guard let whole = Int(exactly: value) else { throw invalid(column, "\(excerpt(column)) is not a whole number") }
        return whole
    }

    fileprivate func name(_ column: TableColumn) throws(TraceError) -> String {
        let name = try text(column, bytes: Self.nameBytes)
        guard !name.isEmpty else { throw invalid(column, "empty where a name is expected") }
        return name
    }

    fileprivate func text(_ column: TableColumn, bytes: Int) throws(TraceError) -> String {
        let text = text(column)
        guard text.utf8.count <= bytes else { throw invalid(column, "longer than \(bytes) bytes") }
        return text
    }

    fileprivate func models(_ column: TableColumn) throws(TraceError) -> [String] {
        try text(column, bytes: Self.modelBytes).split(separator: "|").map(String.init)
    }
}
