package import FleetModel

/// What instances' caches of compiled kernels may take of a GPU server's disk, and for how long they are kept.
package struct KernelCacheLimits: Hashable, Sendable {
    /// Bytes on the disk of one instance's cache.
    package var perInstance: Bytes
    /// Bytes on the disk of all of them.
    package var inAll: Bytes
    /// How long an instance's cache is kept after its last worker.
    package var age: Duration

    package static let leastBytes = Bytes.mebibytes(16)
    package static let ages: ClosedRange<Duration> = .seconds(60)...Duration.seconds(366 * 86_400)

    package init(
        perInstance: Bytes = .mebibytes(512), inAll: Bytes = .gibibytes(8), age: Duration = .seconds(30 * 86_400)
    ) {
        self.perInstance = perInstance
        self.inAll = inAll
        self.age = age
    }

    /// The size at which a cache ends the workers that use it: nothing can be taken from it while they run, and what a
    /// program compiles could fill the disk.
    var ofRunning: Bytes {
        let (doubled, overflows) = perInstance.rawValue.multipliedReportingOverflow(by: 2)
        return overflows ? Bytes(.max) : Bytes(doubled)
    }

    /// Everything that is wrong, a sentence fragment each.
    func validate() -> [String] {
        var problems: [String] = []
        for (name, bytes) in [("an instance", perInstance), ("all instances", inAll)] where bytes < Self.leastBytes {
            problems.append("a kernel cache of \(bytes.rawValue) bytes for \(name) is below 16 MiB")
        }
        if !Self.ages.contains(age) {
            problems.append("kernel caches are kept for \(age.inSeconds) s, which must be a minute to a year")
        }
        return problems
    }
}
