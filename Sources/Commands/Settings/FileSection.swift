import Configuration
import Foundation
import Yams

/// A role's section of a YAML file, with what is wrong in it.
struct FileSection {
    private let path: String
    private let role: String
    private let mapping: Node.Mapping?
    private(set) var problems: [SettingProblem] = []

    /// - Throws: why nothing of the file can be used.
    init(_ path: String, role: String) throws(SettingProblem) {
        self.path = path
        self.role = role
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw SettingProblem(origin: path, cause: "cannot be read", advice: "name a readable file with --config")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw SettingProblem(origin: path, cause: "is not YAML: \(error)", advice: "correct the line named")
        }
        mapping = try Self.section(of: root, path, role: role, problems: &problems)
    }

    /// The role's mapping, nil where the file has none; sections of no daemon are problems.
    private static func section(
        of root: Node?, _ path: String, role: String, problems: inout [SettingProblem]
    ) throws(SettingProblem) -> Node.Mapping? {
        guard let root, root.null == nil else { return nil }
        guard let sections = root.mapping else {
            throw SettingProblem(
                origin: path, cause: "is not a mapping", advice: "write a section for each daemon: manager:")
        }
        for (key, _) in sections where !Settings.roles.contains(key.string ?? "") {
            problems.append(
                SettingProblem(
                    origin: "\(key.string ?? "a key") in \(path)", cause: "is not the section of a daemon",
                    advice: "known are " + Settings.roles.joined(separator: ", ")))
        }
        guard let section = root[role], section.null == nil else { return nil }
        guard let found = section.mapping else {
            throw SettingProblem(
                origin: "\(role) in \(path)", cause: "is not a mapping",
                advice: "write one setting a line below \(role):")
        }
        return found
    }

    /// The scalars of the section, as texts; keys that are neither known nor a list's are problems.
    mutating func scalars(_ known: [Setting], besides lists: [ListSetting]) -> [AbsoluteConfigKey: ConfigValue] {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (key, value) in mapping ?? [:] {
            let name = key.string ?? ""
            if lists.contains(where: { $0.name == name }) { continue }
            guard known.contains(where: { $0.name == name }), let scalar = value.scalar else {
                let names = known.map(\.name) + lists.map(\.name)
                report(
                    name, value.scalar == nil ? "is not a single value" : "is not a setting of the \(role)",
                    advice: "known are " + names.sorted().joined(separator: ", "))
                continue
            }
            values[AbsoluteConfigKey([role, name])] = ConfigValue(.string(scalar.string), isSecret: false)
        }
        return values
    }

    /// The entries of a list; what is no mapping of single values under its keys is a problem.
    mutating func entries(of list: ListSetting) -> [SettingEntry] {
        guard let node = mapping?[list.name] else { return [] }
        guard let sequence = node.sequence else {
            report(list.name, "is not a list", advice: list.meaning)
            return []
        }
        return sequence.indices.compactMap { index in
            let place = "\(list.name)[\(index)]"
            guard let entry = sequence[index].mapping else {
                report(place, "is not a mapping", advice: list.meaning)
                return nil
            }
            var values: [String: String] = [:]
            for (key, value) in entry {
                guard let name = key.string, list.keys.contains(name), let scalar = value.scalar else {
                    report(
                        "\(place).\(key.string ?? "")",
                        value.scalar == nil ? "is not a single value" : "is no key of \(list.name)",
                        advice: "known are " + list.keys.joined(separator: ", "))
                    continue
                }
                values[name] = scalar.string
            }
            return SettingEntry(origin: origin(of: place), values: values)
        }
    }

    private func origin(of name: String) -> String { "\(role).\(name) in \(path)" }

    private mutating func report(_ name: String, _ cause: String, advice: String) {
        problems.append(SettingProblem(origin: origin(of: name), cause: cause, advice: advice))
    }
}
