import FleetModel

/// What one start met. No start is without a record: the results file has a line when a burst begins, and one when it
/// has ended, which replaces the first. A start that failed says why in ``BurstMeasurements/error``.
struct BurstRecord: Hashable, Codable {
    enum Phase: String, Hashable, Codable {
        /// Before the clock was started; counted nowhere.
        case warmUp = "warm-up"
        case measured
    }

    var instance: String
    var index: Int
    var phase: Phase
    /// Seconds since the clock was started: when the burst was due and when it began.
    var scheduledSeconds: Double
    var startedSeconds: Double
    /// Seconds between the end of the burst before and this start; nil for the first.
    var idleGapSeconds: Double?
    /// Seconds that the burst took in all; nil while it is under way.
    var durationSeconds: Double?
    var plan: BurstPlan
    var measured: BurstMeasurements

    var isUnderWay: Bool { durationSeconds == nil }
    var succeeded: Bool { !isUnderWay && measured.error == nil }

    /// Whether the slice was reserved before the program asked. Not known counts as not.
    var wasReady: Bool { measured.readiness.map { $0 >= .reserved } ?? false }
}

/// How much one burst has to do.
struct BurstPlan: Hashable, Codable {
    var contextTokens: Int
    var generatedTokens: Int
    /// What is received over the network before the GPU is needed.
    var payloadBytes: Int
    var payloadSeed: UInt64
    /// The key-value cache, at ``bytesPerToken`` per token and at most the sample's cap.
    var cacheBytes: Int
    /// The kernels' number is in proportion to the generated tokens: one a token, so many seconds apart.
    var secondsPerToken: Double

    /// How long the burst should take in all when its virtual GPU is ready: the payload's way over the network, about
    /// 0.4 s on the CPU and for preparing the GPU each, and a kernel a token.
    func expectedSeconds(uplink: Int) -> Double {
        Double(payloadBytes) / Double(uplink) + 0.8 + Double(generatedTokens) * secondsPerToken
    }

    /// As in the panels of the forecast protocol: keys and values of a model of 8 billion parameters with grouped
    /// queries, 32 layers × 8 heads × 128 × 2 × 2 bytes.
    static let bytesPerToken = 131_072
}

/// What a burst measured about itself, on the monotonic clock; nil for what it did not reach.
struct BurstMeasurements: Hashable, Codable {
    /// From the program's start to its first OpenCL call, and the parts of it.
    var leadMilliseconds: Double?
    var networkMilliseconds: Double?
    var cpuMilliseconds: Double?
    /// From the first OpenCL call to the completion of a blocking write of 4 bytes.
    var firstCommandMilliseconds: Double?
    /// From the first OpenCL call to the completion of the first kernel, the build of its program included.
    var firstKernelMilliseconds: Double?
    /// From the first OpenCL call to the release of the last object.
    var gpuMilliseconds: Double?
    /// The name of the readiness that the request for the virtual GPU found; nil where the interface does not tell.
    var foundReadiness: String?
    var handoverNanoseconds: UInt64?
    var grant: UInt64?
    var payloadBytes = 0
    /// OpenCL devices that did the work, each a part of it.
    var devices: Int?
    var gpuBytes = 0
    /// Results read back and compared with the CPU's.
    var checks = 0
    var checksFailed = 0
    var error: String?

    var readiness: Readiness? { Readiness.allCases.first { $0.description == foundReadiness } }
}
