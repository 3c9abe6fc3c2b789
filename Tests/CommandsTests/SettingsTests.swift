import FleetModel
import Foundation
import Testing

@testable import Commands

@Suite struct SettingsTests {
    private static let known = [
        Setting(name: "listen", meaning: "HOST:PORT"), Setting(name: "period", meaning: "a duration such as 1s"),
        Setting(name: "colour", meaning: "a colour (default: red)"),
    ]

    private func settings(flags: [String: String] = [:], environment: [String: String] = [:], yaml: String? = nil)
        throws -> Settings
    {
        var path: String?
        if let yaml {
            let file = NSTemporaryDirectory() + "/presync-settings-\(UUID().uuidString).yaml"
            try yaml.write(toFile: file, atomically: true, encoding: .utf8)
            path = file
        }
        defer { if let path { try? FileManager.default.removeItem(atPath: path) } }
        return Settings(role: "gpu-server", known: Self.known, flags: flags, environment: environment, file: path)
    }

    @Test func `a flag goes before the environment, and that before the file`() throws {
        let yaml = "gpu-server:\n  listen: file\n  period: 3\nagent:\n  anything: 1\n"
        let environment = ["PRESYNC_GPU_SERVER_LISTEN": "environment"]
        var all = try settings(flags: ["listen": "flag"], environment: environment, yaml: yaml)
        #expect(all.value("listen", expected: "text") { $0 } == "flag")
        #expect(all.value("period", expected: "a number") { Int($0) } == 3)
        var two = try settings(environment: environment, yaml: yaml)
        #expect(two.value("listen", expected: "text") { $0 } == "environment")
        var one = try settings(yaml: yaml)
        #expect(one.value("listen", expected: "text") { $0 } == "file")
        #expect(one.problems.isEmpty)
    }

    @Test func `all problems are reported at once, each with where it stands`() throws {
        var settings = try settings(
            flags: ["period": "soon"], environment: ["PRESYNC_GPU_SERVER_LISTEN": "?"],
            yaml: "gpu-server:\n  taste: sweet\n")
        #expect(settings.value("period", expected: "a duration") { Duration(text: $0) } == nil)
        #expect(settings.value("listen", expected: "an address") { _ -> String? in nil } == nil)
        let failure = #expect(throws: CommandFailure.self) { try settings.check() }
        let text = failure?.cause ?? ""
        #expect(failure?.status == .configuration)
        #expect(text.contains("has 3 problems"))
        #expect(text.contains("--period: 'soon' is not a duration"))
        #expect(text.contains("PRESYNC_GPU_SERVER_LISTEN: '?' is not an address"))
        #expect(text.contains("gpu-server.taste in "))
    }

    @Test func `a section that is no daemon's is a problem, and an empty one is none`() throws {
        let settings = try settings(yaml: "gpu-sever:\n  listen: x\ngpu-server:\nagent:\n  anything: 1\n")
        #expect(settings.problems.map(\.cause) == ["is not the section of a daemon"])
        #expect(settings.problems.first?.origin.hasPrefix("gpu-sever in ") == true)
        #expect(settings.problems.first?.advice == "known are manager, gpu-server, agent")
    }

    @Test func `what is in force is shown with where it stands`() throws {
        var settings = try settings(
            flags: ["listen": "flag"], environment: ["PRESYNC_GPU_SERVER_LISTEN": "environment"],
            yaml: "gpu-server:\n  period: 3\n")
        _ = settings.value("listen", expected: "text") { $0 }
        _ = settings.value("period", expected: "a number") { Int($0) }
        _ = settings.value("colour", expected: "text") { $0 }
        let lines = settings.inForce.rendered(header: false, style: .plain).split(separator: "\n")
        #expect(lines[0].split(separator: " ") == ["listen", "flag", "--listen"])
        #expect(lines[1].contains("gpu-server.period in "))
        #expect(lines[2].split(separator: " ") == ["colour", "red", "default"])
    }

    @Test(arguments: ["[", "- 1", "gpu-server: 3", "gpu-server:\n  listen: [1]\n"])
    func `a file that is not of the documented form is a problem and no crash`(yaml: String) throws {
        let settings = try settings(yaml: yaml)
        #expect(settings.problems.count == 1)
    }

    @Test(arguments: [("120s", 120.0), ("2m", 120), ("500ms", 0.5), ("3", 3), ("1h", 3_600), ("0s", 0)])
    func `durations read with their unit`(text: String, seconds: Double) {
        #expect(Duration(text: text) == .seconds(seconds))
    }

    @Test(arguments: ["", "s", "-1s", "1d", "nan", "inf", "1e300", "99999999999h"])
    func `what is not a duration is refused`(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test(arguments: [("1GiB", Int64(1) << 30), ("512MiB", 512 << 20), ("10", 10)])
    func `amounts of memory read with their unit`(text: String, expected: Int64) {
        #expect(BytesArgument(argument: text)?.bytes.rawValue == expected)
    }

    @Test(arguments: ["", "MiB", "-1", "1.5GiB", "9999999999999999999", "8388608TiB"])
    func `what is not an amount of memory is refused`(text: String) {
        #expect(BytesArgument(argument: text) == nil)
    }
}
