import ControlLoop
import FleetModel
import RemotingCore

extension HandOverServer {
    enum Event {
        /// A program of the instance asked for the sessions of these of its virtual GPUs, all or none.
        case asked(RequestID, InstanceID, ClientLibrary?, gpus: Range<Int>)
        /// The program that asked is gone, answered or not.
        case left(RequestID)
        /// A program wants to be the root of an instance; to be answered with ``accept(_:as:now:)`` or
        /// ``refuse(_:reason:now:)-(PollToken,_,_)``.
        case wantsToRegister(Registrant)
        case unregistered(InstanceID)
        /// A program of the instance reported on it; to be answered with ``takeReport(_:now:)`` or
        /// ``refuse(_:reason:now:)-(PollToken,_,_)``.
        case reported(PollToken, InstanceID, ApplicationReport)
    }

    /// A program that wants to be the root of an instance.
    struct Registrant {
        var token: PollToken
        var wanted: InstanceRegistration
        var credentials: PeerCredentials
        /// The instance that it belongs to already.
        var current: InstanceID?
    }
}
