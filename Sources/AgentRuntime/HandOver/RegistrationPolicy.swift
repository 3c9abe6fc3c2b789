import FleetModel
import Glibc
import RemotingCore

/// Who may register itself as an instance at the agent's socket.
package enum RegistrationPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// Nobody: instances are those of the configuration.
    case off
    /// Programs of the agent's own user, and of root.
    case ownUser = "own-user"
    /// Any program that can reach the socket.
    case anyone

    enum Judgement: Equatable {
        case accepted(InstanceDescription, InstanceSelector)
        case refused(String)
    }

    /// More instances than this are not registered.
    static let maximumInstances = 256

    /// Why an instance cannot have so many virtual GPUs.
    static func cannotHave(_ gpus: Int, _ instance: InstanceID) -> String {
        let most = InstanceDescription.maximumGPUs
        guard (1...most).contains(gpus) else {
            return "instance \(instance) has \(gpus) virtual GPUs, and must have 1 to \(most)"
        }
        return "instance \(instance): the name is too long for \(gpus) virtual GPUs, each of which is named after it: "
            + "\(instance)/gpu\(gpus - 1) must have at most 128 characters"
    }

    /// Whether a program becomes an instance, and whose: where `tellsUsers`, the user that it names, or else the number of
    /// the one that it runs as.
    ///
    /// A program inside an instance may not found another one: it would leave its tenant's limits behind. The host is no
    /// such instance: it is what is left over by those within it.
    /// - Parameter present: the names in use, those of instances' further virtual GPUs among them.
    func judge(
        _ registrant: HandOverServer.Registrant, present: Set<InstanceID>, registered: Int, host: InstanceID?,
        tellsUsers: Bool = false
    ) -> Judgement {
        switch self {
        case .off:
            return .refused("this agent takes no registrations")
        case .ownUser where registrant.credentials.uid != 0 && registrant.credentials.uid != geteuid():
            return .refused("this agent takes registrations of its own user only")
        case .ownUser, .anyone:
            break
        }
        if let current = registrant.current, current != host {
            return .refused("the program belongs to the instance \(current)")
        }
        let wanted = registrant.wanted
        guard let id = InstanceID(rawValue: wanted.instance), let tenant = TenantID(rawValue: wanted.tenant),
            let application = ApplicationType(rawValue: wanted.application),
            let priorityClass = PriorityClassName(rawValue: wanted.priorityClass),
            let user = UserID(rawValue: wanted.user ?? "uid-\(registrant.credentials.uid)")
        else {
            return .refused(
                "instance, tenant, application, class and user must be names of 1 to 128 of A-Z a-z 0-9 . _ : / @ -")
        }
        let description = InstanceDescription(
            id: id, tenant: tenant, application: application, priorityClass: priorityClass,
            user: tellsUsers ? user : nil)
        guard let members = description.members(gpus: Int(wanted.gpus)) else {
            return .refused(Self.cannotHave(Int(wanted.gpus), id))
        }
        if let taken = members.map(\.id).first(where: present.contains) {
            return .refused("there is an instance \(taken) already")
        }
        guard registered < Self.maximumInstances else {
            return .refused("\(registered) instances are registered, the most that may")
        }
        switch wanted.scope {
        case .processTree:
            return .accepted(description, .processTree(root: registrant.credentials.pid))
        case .cgroup:
            guard let path = CgroupOwnership.path(of: registrant.credentials) else {
                return .refused("the program is in no cgroup that holds its user's processes alone")
            }
            return .accepted(description, .cgroup(path: path))
        }
    }
}
