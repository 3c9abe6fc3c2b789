import CInterfaceEdition
import RemotingCore

extension InterfaceEdition {
    /// The edition that this library was linked as.
    static let linked =
        InterfaceEdition(rawValue: UInt8(truncatingIfNeeded: presync_interface_edition())) ?? .basic
}
