package import FleetModel
import Glibc
import InterfaceCore

extension HostPlatform {
    /// The machine that this program runs on.
    package static var current: HostPlatform {
        // As "glibc 2.36".
        var text = [CChar](repeating: 0, count: 64)
        let count = confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count)
        let words = String(decoding: text.prefix(max(0, min(count, text.count) - 1)).map(UInt8.init), as: UTF8.self)
        return HostPlatform(
            name: BundlePlatform.current.description,
            libcVersion: words.split(separator: " ").last.map(String.init) ?? "")
    }
}
