import ArgumentParser
import FleetModel
import Foundation
import InterfaceStore

/// The settings by which agents and GPU servers come by interface versions.
enum InterfaceSettings {
    static let known = [
        Setting(
            name: "interface-root",
            meaning: "file of the repository's trusted root (default: the first that the manager shows)"),
        Setting(
            name: "interface-require-root",
            meaning: "install nothing without interface-root: yes or no (default: no)"),
        Setting(
            name: "interface-mirrors",
            meaning: "URLs or folders of copies of the repository, asked first, with commas (default: none)"),
        Setting(name: "interface-quota", meaning: "the most that unused versions may take (default: 2GiB)"),
        Setting(
            name: "interface-review", meaning: "how often versions are checked for revocation (default: 1m)"),
    ]

    static func read(_ settings: inout Settings, into configuration: inout HostInterfacesConfiguration) {
        configuration.root = settings.value("interface-root", expected: "a full path") { $0.hasPrefix("/") ? $0 : nil }
        if let value = settings.value("interface-require-root", expected: "yes or no", YesOrNo.init) {
            configuration.requiresRoot = value.isYes
        }
        if let value = settings.value(
            "interface-mirrors", expected: "a list", { $0.split(separator: ",").map(String.init) })
        {
            configuration.mirrors = value
        }
        if let value = settings.value("interface-quota", expected: "an amount of memory", BytesArgument.init(argument:))
        {
            configuration.quota = value.bytes.rawValue
        }
        if let value = settings.value("interface-review", expected: Duration.expected, Duration.init(text:)) {
            configuration.reviewEvery = value
        }
        reportMissing(&settings, configuration)
    }

    /// Reports what is named and not there. Nothing is installed without the root; mirrors are only asked first, and may be
    /// mounted later.
    private static func reportMissing(_ settings: inout Settings, _ configuration: HostInterfacesConfiguration) {
        if let root = configuration.root, isFolder(root) || !FileManager.default.isReadableFile(atPath: root) {
            settings.report(
                setting: "interface-root", "\(root) is no file that can be read",
                advice: "name the repository's first root, which is metadata/1.root.json there")
        }
        guard settings.isOnlyChecked else { return }
        for mirror in configuration.mirrors where mirror.hasPrefix("/") && !isFolder(mirror) {
            settings.report(
                setting: "interface-mirrors", "\(mirror) is no folder",
                advice: "name folders and URLs of copies of the repository")
        }
    }

    static func isFolder(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
}

/// The flags of these settings.
struct InterfaceSettingOptions: ParsableArguments {
    @Option(help: .hidden) var interfaceRoot: String?
    @Option(help: .hidden) var interfaceRequireRoot: String?
    @Option(help: .hidden) var interfaceMirrors: String?
    @Option(help: .hidden) var interfaceQuota: String?
    @Option(help: .hidden) var interfaceReview: String?
}
