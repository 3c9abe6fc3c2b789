import ControlProtocol
import GRPCCore

/// `presync.v1.AgentLink`: hands each stream to the agents' links.
struct AgentLinkService: WireAgentLink.SimpleServiceProtocol {
    let links: PeerLinks<AgentRole>

    func connect(
        request: RPCAsyncSequence<WireAgentEnvelope, any Error>,
        response: RPCWriter<WireManagerToAgentEnvelope>, context: ServerContext
    ) async throws {
        try await links.serve(request, response, from: context.remotePeer)
    }
}

/// `presync.v1.GPUServerLink`: hands each stream to the GPU servers' links.
struct GPUServerLinkService: WireGPUServerLink.SimpleServiceProtocol {
    let links: PeerLinks<GPUServerRole>

    func connect(
        request: RPCAsyncSequence<WireGpuServerEnvelope, any Error>,
        response: RPCWriter<WireManagerToGpuServerEnvelope>, context: ServerContext
    ) async throws {
        try await links.serve(request, response, from: context.remotePeer)
    }
}
