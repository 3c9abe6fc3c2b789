import ArgumentParser
import FleetModel
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
        if let value = settings.value("interface-review", expected: "a duration", Duration.init(text:)) {
            configuration.reviewEvery = value
        }
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
