import FleetModel
import Glibc

/// How long the people who are logged in have left their terminals alone. Only read where the configuration allows it;
/// what they type is never seen, nor who they are.
enum UserActivity {
    /// The terminals of login sessions in a `utmp` file (utmp(5), 384-byte records), at most 256.
    static func terminals(_ bytes: ArraySlice<UInt8>) -> [String] {
        var found: [String] = []
        var rest = bytes
        while rest.count >= recordSize, found.count < 256 {
            let record = Array(rest.prefix(recordSize))
            rest = rest.dropFirst(recordSize)
            let type = Int16(bitPattern: UInt16(record[0]) | UInt16(record[1]) << 8)
            guard type == userProcess else { continue }
            let line = record[8..<40].prefix { $0 != 0 }
            // A terminal's name is a path below /dev; nothing else is followed.
            let isName = line.allSatisfy { byte in
                byte == UInt8(ascii: "/") || Character(Unicode.Scalar(byte)).isLetter
                    || Character(Unicode.Scalar(byte)).isNumber
            }
            if !line.isEmpty, isName { found.append(String(decoding: line, as: UTF8.self)) }
        }
        return found
    }

    /// The shortest idle time of any logged-in terminal; nil when nobody is logged in.
    static func shortestIdle(utmp path: String = "/run/utmp") -> Duration? {
        var buffer = [UInt8](repeating: 0, count: 384 * 256)
        guard let bytes = KernelFile.contents(of: path, into: &buffer) else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return terminals(bytes).compactMap { terminal -> Duration? in
            var status = stat()
            guard stat("/dev/" + terminal, &status) == 0 else { return nil }
            return .seconds(max(0, now.tv_sec - status.st_atim.tv_sec))
        }.min()
    }

    private static let recordSize = 384
    private static let userProcess: Int16 = 7
}
