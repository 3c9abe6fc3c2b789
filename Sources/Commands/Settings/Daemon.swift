import ArgumentParser
import Foundation
import Logging
import Observability
import ServiceLifecycle
import UnixSignals

/// What all daemons have in common when they run: logs on standard error, an end by SIGTERM or SIGINT.
enum Daemon {
    /// The settings that every daemon has.
    static let commonSettings = [
        Setting(name: "log-level", meaning: "trace, debug, info, notice, warning, error or critical (default: info)"),
        Setting(name: "log-format", meaning: "logfmt or json (default: logfmt)"),
    ]

    /// The log configuration that the common settings ask for.
    static func logging(_ settings: inout Settings) -> LogConfiguration {
        var configuration = LogConfiguration()
        let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        if let level = settings.value("log-level", expected: "one of \(levels)", Logger.Level.init(rawValue:)) {
            configuration.level = level
        }
        let formats = LogConfiguration.Format.allCases.map(\.rawValue).joined(separator: ", ")
        if let format = settings.value(
            "log-format", expected: "one of \(formats)", LogConfiguration.Format.init(rawValue:))
        {
            configuration.format = format
        }
        return configuration
    }

    /// Makes the folder of a daemon's state where it is missing, and takes it for this process until it ends, however it
    /// ends: a second manager on the same state would take over from the first, and a second GPU server its workers.
    /// A user who may not do so learns what to do instead.
    static func takeStateDirectory(_ path: String) throws(CommandFailure) {
        var prefix = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            prefix += "/" + part
            // That it exists is said before what may not be written; below a file nothing can be made.
            guard mkdir(prefix, 0o700) == 0 || errno == EEXIST else { throw unusable(path) }
        }
        guard access(path + "/.", R_OK | W_OK | X_OK) == 0 else { throw unusable(path) }
        // Never closed: the lock is the process's, and children do not inherit it.
        let lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw unusable(path) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw CommandFailure(
                .configuration, "the state directory \(path) is in use by another process",
                advice: "end that one, or name another folder with --state-directory")
        }
    }

    /// The failure that `errno` tells of.
    private static func unusable(_ stateDirectory: String) -> CommandFailure {
        CommandFailure(
            .configuration, "the state directory \(stateDirectory) cannot be used: \(String(cString: strerror(errno)))",
            advice: "name a folder that you may write to with --state-directory")
    }

    /// Runs `service` until it ends, a signal comes or, where that is wanted, standard input ends. A failure of the
    /// service is one of the command.
    static func run(_ service: some Service, name: String, options: DaemonOptions, logger: Logger) async throws {
        var services = [
            ServiceGroupConfiguration.ServiceConfiguration(
                service: service, successTerminationBehavior: .gracefullyShutdownGroup, serviceName: name)
        ]
        if options.untilInputEnds {
            services.append(
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: InputEnd(), successTerminationBehavior: .gracefullyShutdownGroup, serviceName: "input"))
        }
        var configuration = ServiceGroupConfiguration(services: services, logger: logger)
        configuration.gracefulShutdownSignals = [.sigterm, .sigint]
        configuration.maximumGracefulShutdownDuration = .seconds(20)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            throw CommandFailure(
                .software, "the \(name) ended: \(error)", advice: "mend what it names; the log says what came before")
        }
    }
}

/// A service that ends when standard input does.
private struct InputEnd: Service {
    func run() async throws {
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        // A thread of its own: reading blocks, and cannot be cancelled. It ends with the process.
        Thread.detachNewThread {
            ParentWatch.discardInput()
            continuation.finish()
        }
        await cancelWhenGracefulShutdown {
            for await _ in ends {}
        }
    }
}
