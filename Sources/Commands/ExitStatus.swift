import ArgumentParser

/// What `presync` ends with, after BSD's `sysexits.h`, so that scripts can tell the reasons apart.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    /// A check or a run that was carried out and found something wrong.
    case failure = 1
    /// The command line is not understood.
    case usage = 64
    /// A file that was named cannot be read, or is not what it should be.
    case noInput = 66
    /// The manager or the agent does not answer.
    case unavailable = 69
    /// A failure of Presync's own.
    case software = 70
    /// A configuration that cannot work.
    case configuration = 78

    var code: ExitCode { ExitCode(rawValue) }

    var meaning: String {
        switch self {
        case .success: "success"
        case .failure: "the run ended, and something in it failed"
        case .usage: "the command line is not understood"
        case .noInput: "a named file cannot be read or is malformed"
        case .unavailable: "the manager or the agent does not answer"
        case .software: "an internal failure"
        case .configuration: "the configuration is wrong (every problem is listed)"
        }
    }

    /// For the help text: a line per code.
    static let table = allCases.map { status in
        let code = String(status.rawValue)
        return "  " + code + String(repeating: " ", count: 4 - code.count) + status.meaning
    }.joined(separator: "\n")
}

/// Why a command could not do what it was asked, with what to do next, and the exit status that says so.
struct CommandFailure: Error, Hashable, CustomStringConvertible {
    var status: ExitStatus
    var cause: String
    /// The next step, as an instruction.
    var advice: String

    init(_ status: ExitStatus, _ cause: String, advice: String = "") {
        self.status = status
        self.cause = cause
        self.advice = advice
    }

    var description: String { advice.isEmpty ? cause : "\(cause)\n  next: \(advice)" }
}
