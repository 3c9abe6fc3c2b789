import Glibc

/// The kernel's table of TCP sockets in this network namespace, and its notices of sockets destroyed.
///
/// Nil where the kernel offers no socket diagnostics.
final class SocketTable {
    private let dumps: Int32
    /// Negative where the kernel offers no notices: then a socket's last bytes before its end are not seen.
    private let notices: Int32
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    /// Datagrams of one dump, and notices of one look, beyond which the rest waits or is dropped.
    private static let maximumDatagrams = 4_096

    init?() {
        dumps = Self.netlinkSocket(groups: 0, flags: Int32(SOCK_CLOEXEC.rawValue))
        guard dumps >= 0 else { return nil }
        var timeout = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(dumps, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        notices = Self.netlinkSocket(
            groups: Self.destroyedGroups, flags: Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue))
    }

    deinit {
        close(dumps)
        if notices >= 0 { close(notices) }
    }

    /// Brings the ledger up to now: about 0.2 ms, most of it for the empty places of the kernel's table.
    func update(_ ledger: inout SocketLedger) {
        drainNotices(into: &ledger)
        ledger.beginPass()
        if dump(into: &ledger) { ledger.endPass() }
    }

    /// Whether every socket was seen.
    private func dump(into ledger: inout SocketLedger) -> Bool {
        sequence &+= 1
        let request = SocketDiagnostics.dumpRequest(sequence: sequence)
        guard send(dumps, request, request.count, 0) == request.count else { return false }
        for _ in 0..<Self.maximumDatagrams {
            let count = recv(dumps, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            switch SocketDiagnostics.parse(buffer[..<count], { ledger.observe($0) }) {
            case .more: continue
            case .done: return true
            case .failed: return false
            }
        }
        return false
    }

    private func drainNotices(into ledger: inout SocketLedger) {
        guard notices >= 0 else { return }
        for _ in 0..<Self.maximumDatagrams {
            let count = recv(notices, &buffer, buffer.count, 0)
            // An overflow (ENOBUFS) has lost notices: those sockets end with what the last dump said of them.
            if count < 0, errno == EINTR || errno == ENOBUFS { continue }
            guard count > 0 else { return }
            _ = SocketDiagnostics.parse(buffer[..<count]) { ledger.destroyed($0) }
        }
    }

    private static func netlinkSocket(groups: UInt32, flags: Int32) -> Int32 {
        let descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | flags, socketDiagnostics)
        guard descriptor >= 0 else { return -1 }
        // sockaddr_nl: family, padding, port, groups.
        var address: (UInt16, UInt16, UInt32, UInt32) = (UInt16(AF_NETLINK), 0, 0, groups)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, 12) }
        }
        guard bound == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    /// NETLINK_SOCK_DIAG.
    private static let socketDiagnostics: Int32 = 4
    /// SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY, as bits.
    private static let destroyedGroups: UInt32 = 1 << 0 | 1 << 2
}

/// Which sockets processes hold, from the links in `/proc/PID/fd`.
enum SocketHolders {
    /// More descriptors of one process than this are not looked at.
    static let maximumDescriptors = 16_384

    /// Adds to `owners` each of the `wanted` inodes that the process holds. About 1.5 µs per descriptor.
    /// - Returns: how many descriptors were looked at.
    static func find(
        _ wanted: Set<UInt32>, heldBy pid: Int32, as owner: SocketOwner, _ owners: inout [UInt32: SocketOwner]
    ) -> Int {
        var looked = 0
        var target = [UInt8](repeating: 0, count: 64)
        DirectoryNames.visit("/proc/\(pid)/fd", limit: maximumDescriptors) { entry in
            looked += 1
            let count = target.withUnsafeMutableBytes { bytes in
                bytes.withMemoryRebound(to: CChar.self) { text in
                    text.baseAddress.map { readlinkat(entry.directory, entry.name, $0, text.count) } ?? 0
                }
            }
            if count > 0, let inode = socketInode(target[..<count]), wanted.contains(inode) { owners[inode] = owner }
            return true
        }
        return looked
    }

    /// The number in `socket:[4711]`; nil for any other text.
    static func socketInode(_ link: ArraySlice<UInt8>) -> UInt32? {
        guard link.starts(with: "socket:["), link.last == UInt8(ascii: "]") else { return nil }
        return ByteScanner.number(link.dropFirst(8).dropLast()).flatMap(UInt32.init(exactly:))
    }
}
