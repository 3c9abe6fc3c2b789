import FleetModel
import Testing

@testable import Commands

/// What is said of orders that can be given and may not be meant so.
@Suite struct OrderNotesTests {
    /// One instance `i1`, and one GPU server `gpu-1` with one device of 16 GiB.
    private var fleet: FleetOverview {
        let server = GPUServerID(unchecked: "gpu-1")
        let device = DeviceDescription(
            id: DeviceID(server: server, index: 0), kind: .synthetic, model: "m", vendor: "v", driverVersion: "1",
            apiVersion: "1", memory: .gibibytes(16), computeUnits: 1, extensions: [])
        let instance = InstanceDescription(
            id: InstanceID(unchecked: "i1"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "chat"))
        return FleetOverview(
            at: .zero, term: 1,
            instances: [
                InstanceOverview(
                    description: instance, agent: AgentID(unchecked: "a"), readiness: .cold, slice: .zero, device: nil,
                    latest: nil, source: .trace, telemetryAge: .zero, forecast: nil, shortfall: nil)
            ],
            devices: [
                DeviceOverview(
                    description: device, available: true, reservedMemory: .zero, reservedCompute: .zero,
                    usedMemory: .zero, usedCompute: .zero, warmSessions: 0, reservedSessions: 0, attachedSessions: 0)
            ], totals: FleetTotals(), accuracy: AccuracyOverview())
    }

    private func notes(_ line: String) throws -> [String] {
        OrderNotes.notes(on: try ChangeFile(text: line, name: "test").changes, in: fleet)
    }

    @Test(arguments: [
        "order pin i1 gpu-1", "order pin i1 gpu-1#0", "order reserve i1 --memory 16GiB", "order maintenance gpu-1",
        "order mode forecast-only", "class quota set studio 0.25",
    ])
    func `nothing is said of what is as it should be`(line: String) throws {
        #expect(try notes(line).isEmpty)
    }

    @Test(arguments: [
        ("order pin i2 gpu-1", "no instance i2 is known"), ("order pin i1 gpu-2", "no GPU server gpu-2 is known"),
        ("order pin i1 gpu-2#3", "no GPU server gpu-2 is known"), ("order pin i1 gpu-1#3", "gpu-1 has no device 3"),
        ("order reserve i2 --memory 1GiB", "no instance i2 is known"),
        ("order reserve i1 --memory 17GiB", "no device has 17.0 GiB"),
        ("order maintenance gpu-2", "no GPU server gpu-2 is known"),
    ])
    func `a name that is not known is said, and what fits nowhere`(line: String, note: String) throws {
        let notes = try notes(line)
        #expect(notes.count == 1)
        #expect(notes.first?.hasPrefix(note) == true, "\(notes)")
    }

    @Test func `the fleet is looked at only for orders that name something`() throws {
        #expect(!OrderNotes.mayConcern([.setMode(nil), .unpin(InstanceID(unchecked: "i1"))]))
        #expect(OrderNotes.mayConcern([.pin(InstanceID(unchecked: "i1"), .server(GPUServerID(unchecked: "gpu-1")))]))
    }
}
