import Glibc

/// One descriptor beside one byte on a UNIX socket (`SCM_RIGHTS`, unix(7)), without waiting.
///
/// The macros of `<sys/socket.h>` are not to be had in Swift; a control message is {length, level, type, data}, aligned to
/// the machine word (cmsg(3)).
enum PassedDescriptor {
    enum Arrival {
        case nothingYet
        /// The byte has come, with or without a descriptor.
        case passed(Descriptor?)
        /// The connection has ended.
        case ended
    }

    private static let header = MemoryLayout<cmsghdr>.size

    /// False when the peer is gone or takes nothing now.
    static func send(_ descriptor: Descriptor, over connection: Descriptor) -> Bool {
        withMessage { message, control in
            var first = cmsghdr()
            first.cmsg_len = header + 4
            first.cmsg_level = SOL_SOCKET
            first.cmsg_type = Int32(SCM_RIGHTS)
            control.storeBytes(of: first, as: cmsghdr.self)
            control.storeBytes(of: descriptor.number, toByteOffset: header, as: Int32.self)
            return sendmsg(connection.number, &message, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)) == 1
        }
    }

    /// Descriptors beyond the first have no room here, and are closed by the kernel.
    static func receive(from connection: Descriptor) -> Arrival {
        withMessage { message, control in
            let count = recvmsg(connection.number, &message, Int32(MSG_DONTWAIT) | Int32(MSG_CMSG_CLOEXEC))
            guard count != 0 else { return .ended }
            guard count > 0 else { return errno == EAGAIN || errno == EINTR ? .nothingYet : .ended }
            guard message.msg_controllen >= header + 4 else { return .passed(nil) }
            let first = control.load(as: cmsghdr.self)
            guard first.cmsg_level == SOL_SOCKET, first.cmsg_type == Int32(SCM_RIGHTS) else { return .passed(nil) }
            return .passed(Descriptor(owning: control.load(fromByteOffset: header, as: Int32.self)))
        }
    }

    /// A message of one byte with room for one descriptor.
    private static func withMessage<Result>(
        _ body: (inout msghdr, UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        var byte: UInt8 = 0
        return withUnsafeMutableBytes(of: &byte) { bytes in
            withUnsafeTemporaryAllocation(byteCount: header + 8, alignment: 8) { control in
                control.initializeMemory(as: UInt8.self, repeating: 0)
                var vector = iovec(iov_base: bytes.baseAddress, iov_len: 1)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = header + 4
                    return body(&message, control)
                }
            }
        }
    }
}
