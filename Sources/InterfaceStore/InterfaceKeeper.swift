package import FleetModel
import InterfaceCore
package import Logging
import Synchronization

/// What a daemon hears from its ``InterfaceKeeper``.
package enum InterfaceNews: Sendable {
    /// Verified, in force and, where there is one, through its self-test.
    case ready(ActiveBundle)
    /// Could not be made ready, or may not be used any longer: why.
    case unusable(InterfaceVersion, reason: String)
}

/// Keeps a host's interface versions for a daemon: installs what is ordered, asks time and again whether what is
/// installed may still be used, and makes room. One thing after the other, in one task.
///
/// Sessions that run are not touched: what is not usable any longer is only not begun with, and files that are in use stay.
package final class InterfaceKeeper: Sendable {
    private enum Order {
        case prepare(InterfaceVersion, InterfaceSources)
        /// What was installed in a life before, and has not been tested since something changed.
        case test(ActiveBundle)
        case review
    }

    private struct Known {
        /// Usable, the last put in force last.
        var usable: [InterfaceVersion] = []
        var sources: InterfaceSources?
        /// What a session, or a program that was handed a library, may still need.
        var inUse: Set<ContentDigest> = []
    }

    private let host: HostInterfaces
    private let selfTest: BundleSelfTest
    private let logger: Logger
    private let known = Mutex(Known())
    private let orders: AsyncStream<Order>
    private let ordering: AsyncStream<Order>.Continuation

    /// How many orders may wait; a full queue drops more, and whoever ordered orders again.
    private static let waitingLimit = 64

    /// - Parameter selfTest: what a version has to stand on this host before it is ready.
    package init(_ host: HostInterfaces, logger: Logger, selfTest: BundleSelfTest = .none) {
        self.host = host
        self.logger = logger
        self.selfTest = selfTest
        (orders, ordering) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.waitingLimit))
    }

    /// Orders a version to be made ready. Returns at once.
    package func prepare(_ version: InterfaceVersion, from sources: InterfaceSources) {
        ordering.yield(.prepare(version, sources))
    }

    /// Says which versions are in use, so that they stay on the disk.
    package func use(_ digests: Set<ContentDigest>) { known.withLock { $0.inUse = digests } }

    /// What is installed and may be used by what was trusted last, each verified and put in force; to be called once, at
    /// the start. What has to be tested first is left to ``run(_:)``, which tells of it: the start waits for no test.
    package func takeUpInstalled() async -> [ActiveBundle] {
        var ready: [ActiveBundle] = []
        let logger = logger
        let active = await host.activateInstalled { version, error in
            logger.warning(
                "an installed bundle is left out", metadata: ["version": "\(version)", "error": "\(error)"])
        }
        for bundle in active {
            if selfTest.isPassed(bundle) { ready.append(bundle) } else { ordering.yield(.test(bundle)) }
        }
        known.withLock { $0.usable = ready.map(\.version) }
        return ready
    }

    /// Carries out orders until the task is cancelled.
    package func run(_ tell: @escaping @Sendable (InterfaceNews) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: self.host.reviewPeriod)) != nil { self.ordering.yield(.review) }
            }
            group.addTask {
                for await order in self.orders {
                    switch order {
                    case .prepare(let version, let sources): await self.prepare(version, sources, tell)
                    case .test(let bundle): await self.makeReady(bundle.version, tell) { bundle }
                    case .review: await self.review(tell)
                    }
                }
            }
            // Both end when they are cancelled.
            await group.next()
            group.cancelAll()
        }
    }

    private func prepare(
        _ version: InterfaceVersion, _ sources: InterfaceSources, _ tell: (InterfaceNews) async -> Void
    ) async {
        known.withLock { $0.sources = sources }
        await makeReady(version, tell) { try await host.prepare(version, from: sources) }
        await makeRoom(without: [], tell)
    }

    /// Calls a version ready when it is in force and has stood its test.
    private func makeReady(
        _ version: InterfaceVersion, _ tell: (InterfaceNews) async -> Void,
        _ putInForce: () async throws -> ActiveBundle
    ) async {
        do {
            let active = try await putInForce()
            try await selfTest.run(active)
            known.withLock { known in
                known.usable.removeAll { $0 == version }
                known.usable.append(version)
            }
            await tell(.ready(active))
        } catch is CancellationError {
            return
        } catch {
            logger.warning("a bundle cannot be used", metadata: ["version": "\(version)", "reason": "\(error)"])
            known.withLock { $0.usable.removeAll { $0 == version } }
            await putLastInForce()
            await tell(.unusable(version, reason: "\(error)"))
        }
    }

    /// What programs find under the name of what is in force is not to be what was refused.
    private func putLastInForce() async {
        guard let last = known.withLock({ $0.usable.last }) else { return }
        do { _ = try await host.putInForce(last) } catch {
            logger.warning("no bundle is in force", metadata: ["error": "\(error)"])
        }
    }

    private func review(_ tell: (InterfaceNews) async -> Void) async {
        let (usable, sources) = known.withLock { ($0.usable, $0.sources) }
        guard !usable.isEmpty else { return }
        let refused = await host.review(usable, sources: sources)
        for (version, reason) in refused {
            known.withLock { $0.usable.removeAll { $0 == version } }
            logger.warning("a bundle may not be used any longer", metadata: ["version": "\(version)"])
            await tell(.unusable(version, reason: reason))
        }
        if !refused.isEmpty { await putLastInForce() }
        await makeRoom(without: Set(refused.map(\.version.digest)), tell)
    }

    /// Removes versions above the quota, and those of `unwanted` that nobody uses. The last that was made ready stays, and
    /// the one before it, which is what to go back to.
    private func makeRoom(without unwanted: Set<ContentDigest>, _ tell: (InterfaceNews) async -> Void) async {
        let kept = known.withLock { $0.inUse.union($0.usable.suffix(2).map(\.digest)) }
        do {
            let report = try host.collectGarbage(keeping: kept, unwanted: unwanted)
            for version in report.removed {
                logger.info("a bundle is removed", metadata: ["version": "\(version)"])
                let wasUsable = known.withLock { known in
                    defer { known.usable.removeAll { $0 == version } }
                    return known.usable.contains(version)
                }
                if wasUsable { await tell(.unusable(version, reason: "it made room for others")) }
            }
        } catch {
            logger.warning("no room is made for bundles", metadata: ["error": "\(error)"])
        }
    }
}
