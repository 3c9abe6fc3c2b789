import COpenCL
import FleetModel
import Observability

/// One burst: receive, work on the CPU, work on the GPU, check, and measure all of it.
struct Burst {
    var plan: BurstPlan
    var payloadPort: UInt16
    var bytesPerSecond: Int
    /// When the process began its work.
    var began = MonotonicClock.now()

    /// What the other buffers take, with room to spare.
    private static let memoryBesideCache = 1 << 20

    /// Carries the burst out. What fails is in the measurements' error, with what was measured until then.
    func run() -> BurstMeasurements {
        var measured = BurstMeasurements()
        do {
            let seed = try prepare(&measured)
            try workOnGPU(seed: seed, &measured)
        } catch {
            measured.error = String(describing: error)
        }
        return measured
    }

    /// Network and CPU; returns the seed that the GPU's work starts from.
    private func prepare(_ measured: inout BurstMeasurements) throws(CommandFailure) -> UInt32 {
        let request = PayloadRequest(
            bytes: plan.payloadBytes, seed: plan.payloadSeed, bytesPerSecond: bytesPerSecond)
        let start = MonotonicClock.now()
        let payload = try PayloadClient.receive(request, port: payloadPort)
        let received = MonotonicClock.now()
        measured.payloadBytes = payload.count
        measured.networkMilliseconds = (received - start).inMilliseconds
        let seed = PayloadSignature.digest(PayloadSignature.compute(payload))
        measured.cpuMilliseconds = (MonotonicClock.now() - received).inMilliseconds
        return seed
    }

    private func workOnGPU(seed: UInt32, _ measured: inout BurstMeasurements) throws(OpenCLFailure) {
        let firstCall = MonotonicClock.now()
        measured.leadMilliseconds = (firstCall - began).inMilliseconds
        func elapsed() -> Double { (MonotonicClock.now() - firstCall).inMilliseconds }

        let sessions = try GPUSession.all()
        defer {
            for session in sessions { session.close() }
            measured.gpuMilliseconds = elapsed()
        }
        measured.devices = sessions.count
        let firstCommandTarget = try sessions[0].buffer(bytes: 4)
        try sessions[0].write([seed], to: firstCommandTarget)
        measured.firstCommandMilliseconds = elapsed()
        note(sessions[0].presyncFacts(), &measured)

        var shares: [Share] = []
        for session in sessions {
            shares.append(
                try prefill(session, bytes: plan.cacheBytes / sessions.count, seed: seed, since: firstCall, &measured))
        }
        try generate(shares, seed: seed, &measured)
    }

    /// What one device has of the work: a part of the cache, and what reads it.
    private struct Share {
        var session: GPUSession
        var decode: GPUSession.Kernel
        var cache: cl_mem
        var entries: UInt32
        var results: cl_mem
    }

    /// Fills a cache of `bytes` on one device, or of what it has.
    private func prefill(
        _ session: GPUSession, bytes: Int, seed: UInt32, since firstCall: MonotonicTime,
        _ measured: inout BurstMeasurements
    ) throws(OpenCLFailure) -> Share {
        let program = try session.program(source: CacheKernels.source)
        let prefill = try session.kernel("prefill", of: program)
        let decode = try session.kernel("decode", of: program)
        // As an inference server does: the cache takes what it wants of what the device has.
        let available = try session.deviceMemory() - Self.memoryBesideCache
        let entries = max(CacheKernels.resultCount, min(bytes, available) / 4)
        let cache = try session.buffer(bytes: entries * 4)
        measured.gpuBytes += entries * 4
        let entriesPerToken = BurstPlan.bytesPerToken / 4
        for first in stride(from: 0, to: entries, by: entriesPerToken) {
            let items = min(entriesPerToken, entries - first)
            try session.launch(
                prefill, [.buffer(cache), .number(UInt32(first)), .number(seed)], items: items)
            guard measured.firstKernelMilliseconds == nil else { continue }
            try session.finish()
            measured.firstKernelMilliseconds = (MonotonicClock.now() - firstCall).inMilliseconds
        }
        try session.finish()
        return Share(
            session: session, decode: decode, cache: cache, entries: UInt32(entries),
            results: try session.buffer(bytes: CacheKernels.resultCount * 4))
    }

    /// One kernel a token, on the devices in turn, at the pace at which a model would give tokens; the results of each are
    /// read back.
    private func generate(
        _ shares: [Share], seed: UInt32, _ measured: inout BurstMeasurements
    ) throws(OpenCLFailure) {
        let start = MonotonicClock.now()
        for token in 0..<plan.generatedTokens {
            let share = shares[token % shares.count]
            let arguments: [GPUSession.Argument] = [
                .buffer(share.cache), .buffer(share.results), .number(share.entries),
                .number(CacheKernels.readsPerItem), .number(UInt32(token)),
            ]
            try share.session.launch(share.decode, arguments, items: CacheKernels.resultCount)
            let values = try share.session.read(CacheKernels.resultCount, from: share.results)
            // One item a token is recomputed, a different one each time: all kernels are checked at little cost.
            let item = CacheKernels.mixed(UInt32(token) ^ seed) % UInt32(CacheKernels.resultCount)
            let expected = CacheKernels.expectedResult(
                item: item, token: UInt32(token), entries: share.entries, seed: seed)
            measured.checks += 1
            if values[Int(item)] != expected { measured.checksFailed += 1 }
            let due = start + .seconds(plan.secondsPerToken * Double(token + 1))
            if due > MonotonicClock.now() { MonotonicClock.sleep(until: due) }
        }
        if measured.checksFailed > 0 {
            throw OpenCLFailure("check", "\(measured.checksFailed) of \(measured.checks) results are wrong")
        }
    }

    private func note(
        _ facts: (grant: UInt64, foundReadiness: UInt8, handoverNanoseconds: UInt64)?,
        _ measured: inout BurstMeasurements
    ) {
        guard let facts else { return }
        measured.grant = facts.grant
        measured.foundReadiness = Readiness(rawValue: facts.foundReadiness)?.description
        measured.handoverNanoseconds = facts.handoverNanoseconds
    }
}
