import Dashboard
import FleetModel
import InterfaceCore
import InterfaceStore

/// What a change of a repository did.
struct InterfaceChangeView: RenderableAnswer {
    struct Pending: Encodable {
        var version: Int64
        var missingSignatures: Int
    }

    /// New versions, by role.
    var versions: [String: Int64]
    var pendingRoot: Pending?
    /// What else there is to say, a line each.
    var notes: [String]

    init(_ change: TrustRepository.Change, notes: [String] = []) {
        versions = Dictionary(uniqueKeysWithValues: change.versions.map { ($0.key.description, $0.value) })
        pendingRoot = change.pending.map { Pending(version: $0.version, missingSignatures: $0.missing) }
        self.notes = notes
        if let pendingRoot {
            self.notes.append(
                "root version \(pendingRoot.version) waits for \(pendingRoot.missingSignatures) more signature(s)")
            self.notes.append("next: presync interface root payload, and presync interface root add-signature")
        }
    }

    func table() -> TextTable {
        var table = TextTable(titles: ["ROLE", "NEW VERSION"])
        for role in RoleName.topLevel {
            if let version = versions[role.description] { table.rows.append(["\(role)", "\(version)"]) }
        }
        for note in notes { table.rows.append([TextTable.Cell("note"), TextTable.Cell(note, .notice)]) }
        return table
    }
}

/// Published bundles.
struct InterfaceListView: RenderableAnswer {
    struct Bundle: Encodable {
        var kind: String
        var version: String
        var platform: String
        var digest: String
        var changed: String
        /// The reason; absent where it may be used.
        var revoked: String?

        init(_ bundle: PublishedBundle) {
            kind = bundle.version.kind
            version = bundle.version.version.description
            platform = bundle.platform
            digest = bundle.version.digest.description
            changed = bundle.changed.description
            revoked = bundle.revocation
        }
    }

    var bundles: [Bundle]

    init(_ bundles: [PublishedBundle]) { self.bundles = bundles.map(Bundle.init) }

    func table() -> TextTable {
        TextTable(
            titles: ["KIND", "VERSION", "PLATFORM", "STATE", "SINCE", "DIGEST"],
            rows: bundles.map { bundle in
                [
                    TextTable.Cell(bundle.kind), TextTable.Cell(bundle.version), TextTable.Cell(bundle.platform),
                    bundle.revoked.map { TextTable.Cell("revoked: \($0)", .bad) } ?? TextTable.Cell("usable", .good),
                    TextTable.Cell(bundle.changed), TextTable.Cell(String(bundle.digest.prefix(16)), .faint),
                ]
            }, emptyText: "nothing is published")
    }
}

/// One published bundle with its files.
struct InterfaceShowView: RenderableAnswer {
    struct File: Encodable {
        var path: String
        var bytes: Int64
        var digest: String
    }

    var bundle: InterfaceListView.Bundle
    var files: [File]

    func table() -> TextTable {
        var table = TextTable(titles: ["WHAT", "VALUE"])
        table.rows = [
            ["kind", "\(bundle.kind)"], ["version", "\(bundle.version)"], ["platform", "\(bundle.platform)"],
            ["digest", "\(bundle.digest)"], ["since", "\(bundle.changed)"],
            [
                "state",
                bundle.revoked.map { TextTable.Cell("revoked: \($0)", .bad) } ?? TextTable.Cell("usable", .good),
            ],
        ]
        for file in files { table.rows.append(["file", "\(file.path), \(file.bytes) bytes, \(file.digest)"]) }
        return table
    }
}

/// Keys that were made.
struct InterfaceKeysView: RenderableAnswer {
    struct Key: Encodable {
        var file: String
        var keyid: String
        var `public`: String

        init(_ key: KeyFolder.Key) {
            file = key.file
            keyid = key.record.keyID.text
            `public` = key.publicKey
        }
    }

    var keys: [Key]

    func table() -> TextTable {
        TextTable(
            titles: ["FILE", "KEY ID", "PUBLIC KEY"],
            rows: keys.map { [TextTable.Cell($0.file), TextTable.Cell($0.keyid), TextTable.Cell($0.public)] })
    }
}

/// What a check of a repository found.
struct InterfaceVerificationView: RenderableAnswer {
    var versions: [String: Int64]
    /// By role.
    var expires: [String: String]
    var targets: Int
    var bytes: Int64
    var problems: [String]

    init(_ report: RepositoryReport) {
        versions = Dictionary(uniqueKeysWithValues: report.versions.map { ($0.key.description, $0.value) })
        expires = Dictionary(uniqueKeysWithValues: report.expires.map { ($0.key.description, $0.value.description) })
        targets = report.targets
        bytes = report.bytes
        problems = report.problems
    }

    func table() -> TextTable {
        var table = TextTable(titles: ["WHAT", "STATE"])
        for role in RoleName.topLevel {
            guard let version = versions[role.description] else { continue }
            table.rows.append(["\(role)", "version \(version), expires \(expires[role.description] ?? "?")"])
        }
        table.rows.append(["targets", "\(targets) files, \(bytes) bytes"])
        for problem in problems { table.rows.append(["problem", TextTable.Cell(problem, .bad)]) }
        if problems.isEmpty { table.rows.append(["verified", TextTable.Cell("everything", .good)]) }
        return table
    }
}
