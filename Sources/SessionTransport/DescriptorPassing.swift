import Glibc

/// Descriptors beside bytes on a UNIX socket (`SCM_RIGHTS`, unix(7)).
///
/// The macros of `<sys/socket.h>` are not to be had in Swift; control messages are {length, level, type, data}, each
/// aligned to the machine word (cmsg(3)).
package enum DescriptorPassing {
    /// As many descriptors as come or go with one message here.
    package static let most = 4
    private static let header = MemoryLayout<cmsghdr>.size

    /// Sends bytes without waiting, with `descriptors` beside the first of them.
    /// - Returns: how many bytes were taken; negative for an error, whose number is in `errno`.
    package static func send(_ bytes: UnsafeRawBufferPointer, passing descriptors: [CInt], on socket: CInt) -> Int {
        precondition(descriptors.count <= most)
        return withUnsafeTemporaryAllocation(byteCount: header + most * 4, alignment: 8) { control in
            var vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
            return withUnsafeMutablePointer(to: &vector) { vector in
                var message = msghdr()
                message.msg_iov = vector
                message.msg_iovlen = 1
                if !descriptors.isEmpty {
                    let length = header + descriptors.count * 4
                    control.initializeMemory(as: UInt8.self, repeating: 0)
                    var first = cmsghdr()
                    first.cmsg_len = length
                    first.cmsg_level = SOL_SOCKET
                    first.cmsg_type = CInt(SCM_RIGHTS)
                    control.storeBytes(of: first, as: cmsghdr.self)
                    for (index, descriptor) in descriptors.enumerated() {
                        control.storeBytes(of: descriptor, toByteOffset: header + index * 4, as: CInt.self)
                    }
                    message.msg_control = control.baseAddress
                    message.msg_controllen = (length + 7) & ~7
                }
                return sendmsg(socket, &message, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
            }
        }
    }

    /// One `recvmsg`: how many bytes came (0 at the end, below 0 on an error, whose number is in `errno`), and the
    /// descriptors that came along, which are the caller's to close.
    package static func receive(
        _ socket: CInt, into space: UnsafeMutableRawBufferPointer
    ) -> (count: Int, descriptors: [CInt]) {
        withUnsafeTemporaryAllocation(byteCount: header + most * 4, alignment: 8) { control in
            var vector = iovec(iov_base: space.baseAddress, iov_len: space.count)
            var message = msghdr()
            message.msg_control = control.baseAddress
            message.msg_controllen = control.count
            let count = withUnsafeMutablePointer(to: &vector) { vector in
                message.msg_iov = vector
                message.msg_iovlen = 1
                return recvmsg(socket, &message, CInt(MSG_CMSG_CLOEXEC))
            }
            guard count > 0, message.msg_controllen >= header else { return (count, []) }
            let first = control.load(as: cmsghdr.self)
            guard first.cmsg_level == SOL_SOCKET, first.cmsg_type == CInt(SCM_RIGHTS),
                first.cmsg_len >= header
            else { return (count, []) }
            let descriptors = min((Int(first.cmsg_len) - header) / 4, most)
            return (count, (0..<descriptors).map { control.load(fromByteOffset: header + $0 * 4, as: CInt.self) })
        }
    }
}
