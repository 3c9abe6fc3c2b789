import Configuration
import Foundation

/// One setting of a daemon: where it may stand, and what it means. The help text and the check for unknown keys of a
/// file are made from these.
struct Setting: Hashable {
    /// The name of the flag without dashes, and of the key in the file, in words with dashes: `memory-limit`.
    var name: String
    /// What it means, with its form and its default.
    var meaning: String

    /// What is in force where nothing is given: the end of ``meaning``, `(default: X)`; nil where it names none.
    var standard: String? {
        guard meaning.hasSuffix(")"), let start = meaning.range(of: "(default: ", options: .backwards) else {
            return nil
        }
        return String(meaning[start.upperBound...].dropLast())
    }

    /// The environment variable, for the daemon `role`: `PRESYNC_GPU_SERVER_MEMORY_LIMIT`.
    func variable(role: String) -> String {
        "PRESYNC_" + "\(role)-\(name)".uppercased().replacing("-", with: "_")
    }
}

/// A setting that stands in the file only: a list of mappings whose values are single.
struct ListSetting: Hashable {
    var name: String
    /// What it means, and what its keys are.
    var meaning: String
    /// The keys that an entry may have.
    var keys: [String]
}

/// One mapping of a ``ListSetting``.
struct SettingEntry: Hashable {
    /// `agent.instances[0] in presync.yaml`.
    var origin: String
    var values: [String: String]
}

/// Something wrong with a configuration: where, what, and what to write instead.
struct SettingProblem: Error, Hashable, CustomStringConvertible {
    /// As the user wrote it: `--period`, `PRESYNC_AGENT_PERIOD`, or `agent.period in presync.yaml`.
    var origin: String
    var cause: String
    var advice: String

    var description: String { "\(origin): \(cause)\n  next: \(advice)" }
}

/// A daemon's settings from flags, environment and a YAML file, in that precedence, with every problem collected: the
/// user sees all of them at once.
///
/// The file has a section per role, so that one file serves a host that runs several:
/// ```yaml
/// manager:
///   listen: 0.0.0.0:7400
/// agent:
///   manager: 10.0.0.5:7400
/// ```
struct Settings {
    private let role: String
    private let known: [Setting]
    private let layers: [(describe: (Setting) -> String, reader: ConfigReader)]
    /// The entries of the file's lists, by the list's name.
    private var entries: [String: [SettingEntry]] = [:]
    private(set) var problems: [SettingProblem] = []
    /// What was read from a layer, by setting name: the text and where it stands.
    private var read: [String: (text: String, origin: String)] = [:]
    /// Whether nothing will be started. Then what a daemon starts without is looked for, too.
    let isOnlyChecked: Bool

    /// The daemons, whose sections a file may have.
    static let roles = ["manager", "gpu-server", "agent"]

    /// - Parameters:
    ///   - lists: the settings that the file alone may hold.
    ///   - flags: the values that were given on the command line, by setting name.
    ///   - file: the path of a YAML file, if one was named; that it cannot be read is a problem like others.
    ///   - isOnlyChecked: whether nothing will be started, so that ``check()`` prints every setting when nothing is wrong.
    init(
        role: String, known: [Setting], lists: [ListSetting] = [], flags: [String: String],
        environment: [String: String], file: String?, isOnlyChecked: Bool = false
    ) {
        self.isOnlyChecked = isOnlyChecked
        self.role = role
        self.known = known
        var flagValues: [AbsoluteConfigKey: ConfigValue] = [:]
        for (name, value) in flags {
            flagValues[AbsoluteConfigKey([role, name])] = ConfigValue(.string(value), isSecret: false)
        }
        var layers: [(describe: (Setting) -> String, reader: ConfigReader)] = [
            ({ "--\($0.name)" }, ConfigReader(provider: InMemoryProvider(name: "flags", values: flagValues))),
            (
                { $0.variable(role: role) },
                ConfigReader(
                    provider: EnvironmentVariablesProvider(environmentVariables: environment)
                        .prefixKeys(with: ["presync"]))
            ),
        ]
        if let file {
            do {
                var section = try FileSection(file, role: role)
                let values = section.scalars(known, besides: lists)
                for list in lists { entries[list.name] = section.entries(of: list) }
                problems += section.problems
                let provider = InMemoryProvider(name: file, values: values)
                layers.append(({ "\(role).\($0.name) in \(file)" }, ConfigReader(provider: provider)))
            } catch {
                problems.append(error)
            }
        }
        self.layers = layers
    }

    /// The value of the setting `name` as `parse` reads its text, from the first layer that has one; nil where none
    /// has, and where it is wrong, which is then among the problems.
    mutating func value<Value>(_ name: String, expected: String, _ parse: (String) -> Value?) -> Value? {
        guard let setting = known.first(where: { $0.name == name }) else {
            preconditionFailure("the setting \(name) of \(role) is not declared")
        }
        for layer in layers {
            guard let text = layer.reader.string(forKey: ConfigKey([role, name])) else { continue }
            read[name] = (text, layer.describe(setting))
            if let value = parse(text) { return value }
            problems.append(
                SettingProblem(
                    origin: layer.describe(setting), cause: "'\(text)' is not \(expected)", advice: setting.meaning))
            return nil
        }
        return nil
    }

    /// The entries of a list of the file, in its order; none where it has none.
    func list(_ name: String) -> [SettingEntry] { entries[name] ?? [] }

    /// Adds that an entry of a list is wrong.
    mutating func report(_ entry: SettingEntry, _ cause: String, advice: String) {
        problems.append(SettingProblem(origin: entry.origin, cause: cause, advice: advice))
    }

    /// Adds that the value of the setting `name`, which has been read, cannot work.
    mutating func report(setting name: String, _ cause: String, advice: String) {
        problems.append(SettingProblem(origin: read[name]?.origin ?? role, cause: cause, advice: advice))
    }

    /// Adds what a daemon's own check of the whole configuration found.
    mutating func report(_ cause: String, advice: String) {
        problems.append(SettingProblem(origin: role, cause: cause, advice: advice))
    }

    /// Throws one failure that lists every problem, if there are any; else prints what is in force, where that is
    /// wanted.
    func check() throws(CommandFailure) {
        guard !problems.isEmpty else {
            if isOnlyChecked { print(inForce.rendered(header: true, style: .standardOutput)) }
            return
        }
        let count = problems.count == 1 ? "a problem" : "\(problems.count) problems"
        let list = problems.map { $0.description }.joined(separator: "\n")
        throw CommandFailure(.configuration, "the configuration of the \(role) has \(count)\n\(list)")
    }

    /// Every setting that is known, its value and where that comes from.
    var inForce: TextTable {
        var table = TextTable(titles: ["SETTING", "VALUE", "FROM"])
        table.rows = known.map { setting in
            let found = read[setting.name]
            return [
                TextTable.Cell(setting.name), TextTable.Cell(found?.text ?? setting.standard ?? "-"),
                TextTable.Cell(found?.origin ?? "default"),
            ]
        }
        return table
    }
}
