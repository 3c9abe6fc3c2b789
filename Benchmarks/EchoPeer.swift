import ControlProtocol
import FleetModel
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2

/// What the transport alone costs: a server with the manager's service and settings that reads what agents send, and
/// answers each report, and does nothing else. `presync-bench echo-peer ADDRESS`.
enum EchoPeer {
    static let command = "echo-peer"

    static func run(on address: ManagerAddress) async throws {
        let inputEnds = Thread {
            _ = try? FileHandle.standardInput.readToEnd()
            exit(0)
        }
        inputEnds.start()
        try await GRPCServer(transport: ControlTransport.server(on: address), services: [Service()]).serve()
    }

    private struct Service: WireAgentLink.SimpleServiceProtocol {
        func connect(
            request: RPCAsyncSequence<WireAgentEnvelope, any Error>,
            response: RPCWriter<WireManagerToAgentEnvelope>, context: ServerContext
        ) async throws {
            for try await envelope in request {
                switch try envelope.frame() {
                case .message(.hello):
                    let welcome = ManagerWelcome(term: 1, period: .seconds(1), softwareVersion: "echo")
                    try await response.write(WireManagerToAgentEnvelope(.message(.welcome(welcome))))
                case .message(.report(let report)):
                    let answer = ManagerToAgentMessage.heartbeatAcknowledged(
                        sequence: report.heartbeat?.sequence ?? 0)
                    try await response.write(WireManagerToAgentEnvelope(.message(answer)))
                default:
                    break
                }
            }
        }
    }
}
