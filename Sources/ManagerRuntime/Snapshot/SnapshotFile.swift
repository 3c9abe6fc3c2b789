import ForecastCore
import Glibc
import StateStore

/// Where a manager keeps what its forecaster has learned: a file of its state directory.
struct SnapshotFile: Sendable {
    /// Why a file is not gone on from.
    struct Refusal: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    let path: String
    /// Where the last file that was refused is kept, for whoever wants to know why.
    var refusedPath: String { path + ".refused" }

    init(stateDirectory: String) { path = stateDirectory + "/forecasts.snapshot" }

    /// A forecaster that goes on from the file; nil where there is none. Reads no more than the greatest snapshot.
    func restore(_ configuration: FleetForecaster.Configuration) throws(Refusal) -> FleetForecaster? {
        do {
            guard let bytes = try StateFile.read(path, atMost: FleetSnapshot.greatestSize + 1) else { return nil }
            return try FleetForecaster(configuration: configuration, snapshot: bytes)
        } catch {
            throw Refusal(description: "\(error)")
        }
    }

    /// Replaces the file whole. Blocks until it is on disk.
    /// - Returns: its size in bytes.
    func write(_ snapshot: FleetSnapshot) throws(StateFile.Failure) -> Int {
        let bytes = snapshot.encoded()
        try StateFile.replace(path, with: bytes)
        return bytes.count
    }

    /// Moves the file to ``refusedPath``, in place of the one that was refused before.
    /// - Returns: whether it is there.
    func setAside() -> Bool { rename(path, refusedPath) == 0 }
}
