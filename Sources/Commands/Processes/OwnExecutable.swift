import Foundation

/// Where this program's own file lies, and the files that are installed beside it.
enum OwnExecutable {
    /// The absolute path of the running program.
    static var path: String {
        let link = "/proc/self/exe"
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) ?? CommandLine.arguments[0]
    }

    static var directory: String { (path as NSString).deletingLastPathComponent }

    /// The path of a file of this build, `presync-worker` for example: beside the program, or in a `lib` folder next
    /// to the program's folder.
    static func companion(_ name: String) throws(CommandFailure) -> String {
        let candidates = [directory + "/" + name, directory + "/../lib/" + name, directory + "/../lib/presync/" + name]
        if let found = candidates.first(where: { FileManager.default.isReadableFile(atPath: $0) }) { return found }
        throw CommandFailure(
            .configuration, "\(name) is not beside \(path)",
            advice: "build the whole package (swift build -c release), or install \(name) into the same folder")
    }
}

/// TCP ports for a system that lives on one machine.
enum FreePort {
    /// A port of the loopback address that nobody listens on now. Somebody else may take it before it is used, so
    /// whoever gets it must cope with a failure to bind.
    static func find() throws(CommandFailure) -> UInt16 {
        let listener = try LoopbackListener()
        defer { listener.close() }
        return listener.port
    }

    /// `ports` where nobody listens on any of them now, else as many others.
    static func find(preferring ports: [UInt16]) throws(CommandFailure) -> [UInt16] {
        let listeners = ports.compactMap { try? LoopbackListener(port: $0) }
        defer { for listener in listeners { listener.close() } }
        if listeners.count == ports.count { return ports }
        var found: [UInt16] = []
        for _ in ports { found.append(try find()) }
        return found
    }
}
