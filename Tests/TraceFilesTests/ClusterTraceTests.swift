import Testing

@testable import TraceFiles

@Suite struct ClusterTraceTests {
    private static let nodeHeader = "sn,cpu_milli,memory_mib,gpu,model\n"
    private static let podHeader = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"

    @Test func `nodes and pods are read with what the placement needs`() throws {
        let nodes = try TemporaryFile(Self.nodeHeader + "n-0,96000,393216,8,G2\nn-1,32000,262144,0,\n")
        #expect(
            try ClusterTrace.nodes(path: nodes.path) == [
                ClusterNodeRow(name: "n-0", cpuMilli: 96_000, memory: 393_216, devices: 8, model: "G2"),
                ClusterNodeRow(name: "n-1", cpuMilli: 32_000, memory: 262_144, devices: 0, model: ""),
            ])
        let pods = try TemporaryFile(
            Self.podHeader + "p-0,4000,100,1,460,T4|P100\np-1,8000,200,2,1000,\np-2,1,1,0,500,T4\n")
        #expect(
            try ClusterTrace.pods(path: pods.path) == [
                ClusterPodRow(
                    name: "p-0", cpuMilli: 4_000, memory: 100, devices: 1, share: 460, models: ["T4", "P100"]),
                ClusterPodRow(name: "p-1", cpuMilli: 8_000, memory: 200, devices: 2, share: 1_000, models: []),
                ClusterPodRow(name: "p-2", cpuMilli: 1, memory: 1, devices: 0, share: 0, models: []),
            ])
    }

    @Test func `the models are optional`() throws {
        let pods = try TemporaryFile("name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1,1,1,1000\n")
        #expect(try ClusterTrace.pods(path: pods.path).map(\.models) == [[]])
    }

    @Test(arguments: [
        ("sn,cpu_milli\n", ":1: column model: missing; the header has: sn,cpu_milli"),
        (nodeHeader, ": no nodes"),
        (nodeHeader + "a,1,1,1,A\na,1,1,1,A\n", ":3: column sn: a is there twice"),
        (nodeHeader + ",1,1,1,A\n", ":2: column sn: empty where a name is expected"),
        (nodeHeader + "a,1.5,1,1,A\n", ":2: column cpu_milli: 1.5 is not a whole number"),
        (nodeHeader + "a,1,1,17,A\n", ":2: column gpu: 17 is outside 0.0...16.0"),
        (nodeHeader + "a,1,1,1,\n", ":2: column model: empty though the node has devices"),
    ])
    func `errors in nodes name file, line, column and cause`(text: String, expected: String) throws {
        let file = try TemporaryFile(text)
        let error = #expect(throws: TraceError.self) { try ClusterTrace.nodes(path: file.path) }
        #expect(error?.description == file.path + expected)
    }

    @Test(arguments: [
        (podHeader, ": no pods"),
        (podHeader + "a,1,1,1,0,\n", ":2: column gpu_milli: 0 though the pod has a device"),
        (podHeader + "a,1,1,2,500,\n", ":2: column gpu_milli: 500 of each of 2 devices: several are whole"),
        (podHeader + "a,-1,1,1,500,\n", ":2: column cpu_milli: -1 is outside 0.0...1000000000.0"),
        (podHeader + "a,1,1,1,1001,\n", ":2: column gpu_milli: 1001 is outside 0.0...1000.0"),
    ])
    func `errors in pods name file, line, column and cause`(text: String, expected: String) throws {
        let file = try TemporaryFile(text)
        let error = #expect(throws: TraceError.self) { try ClusterTrace.pods(path: file.path) }
        #expect(error?.description == file.path + expected)
    }

    @Test func `no more rows are read than the limit allows`() throws {
        let file = try TemporaryFile(Self.nodeHeader + "a,1,1,1,A\nb,1,1,1,A\n")
        let error = #expect(throws: TraceError.self) {
            try ClusterTrace.nodes(path: file.path, limits: TraceLimits(rows: 1))
        }
        #expect(error?.code == .limitExceeded)
    }
}
