/// What a group of instances is entitled to.
package struct PriorityClass: Hashable, Sendable, Codable {
    package var name: PriorityClassName
    /// How much a saved second of this class counts against another's; greater is served first. Above 0.
    package var weight: Double
    /// The quantile of forecast peak demand that a reservation covers, 0.5 to 0.99.
    package var serviceLevel: Double
    /// How long a reservation that is not used is kept.
    package var grace: Duration
    /// Whether unused reservations of lower classes may be taken for this one.
    package var mayTake: Bool
    /// Whether an unused reservation of this class may be taken for a higher one.
    package var mayBeTakenFrom: Bool
    /// The share of the pool's memory that reservations of this class may hold before a program attaches, 0 to 1.
    package var idleBudget: Double
    /// What is kept on a second GPU server while an instance of this class has a slice.
    package var backup: Backup

    /// How far the second session of an instance is prepared, for the loss of the first one's GPU server.
    package enum Backup: String, Hashable, Sendable, Codable, CaseIterable {
        case none
        /// A worker with an open context and no memory.
        case warm
        /// A slice of the same size.
        case reserved

        /// The level that the second session is kept at; nil where there is none.
        package var level: Readiness? {
            switch self {
            case .none: nil
            case .warm: .warm
            case .reserved: .reserved
            }
        }
    }
    /// After how long a notice a session of this class that a program uses may be ended for a waiting program of a higher
    /// class; nil: never.
    package var notice: Duration?
    /// How long a request of this class waits for a slice before it is refused; nil: as long as its program does.
    package var patience: Duration?

    package init(
        name: PriorityClassName, weight: Double, serviceLevel: Double, grace: Duration, mayTake: Bool,
        mayBeTakenFrom: Bool, idleBudget: Double = 1, backup: Backup = .none, notice: Duration? = nil,
        patience: Duration? = nil
    ) {
        self.backup = backup
        self.notice = notice
        self.patience = patience
        self.name = name
        self.weight = weight
        self.serviceLevel = serviceLevel
        self.grace = grace
        self.mayTake = mayTake
        self.mayBeTakenFrom = mayBeTakenFrom
        self.idleBudget = idleBudget
    }

    /// Interactive work that takes precedence.
    package static let interactive = PriorityClass(
        name: PriorityClassName(unchecked: "interactive"), weight: 4, serviceLevel: 0.95, grace: .seconds(6),
        mayTake: true, mayBeTakenFrom: false)
    /// What an instance has that names no class.
    package static let standard = PriorityClass(
        name: PriorityClassName(unchecked: "standard"), weight: 2, serviceLevel: 0.9, grace: .seconds(4), mayTake: true,
        mayBeTakenFrom: true)
    /// Work that can wait.
    package static let batch = PriorityClass(
        name: PriorityClassName(unchecked: "batch"), weight: 1, serviceLevel: 0.8, grace: .seconds(2), mayTake: false,
        mayBeTakenFrom: true)

    /// The classes that exist without configuration, highest weight first.
    package static let builtIn: [PriorityClass] = [.interactive, .standard, .batch]
}

/// A compute instance as its agent declares it.
package struct InstanceDescription: Hashable, Sendable, Codable {
    package var id: InstanceID
    package var tenant: TenantID
    package var application: ApplicationType
    package var priorityClass: PriorityClassName
    /// Who uses it; nil where that is not known, or not permitted to be told.
    package var user: UserID?
    /// The set that it belongs to, by the name of the set's first member; nil where it is alone. The members are one
    /// instance's several virtual GPUs: they have their slices on different devices.
    package var set: InstanceID?

    package init(
        id: InstanceID, tenant: TenantID, application: ApplicationType,
        priorityClass: PriorityClassName = PriorityClass.standard.name, user: UserID? = nil, set: InstanceID? = nil
    ) {
        self.set = set
        self.id = id
        self.tenant = tenant
        self.application = application
        self.priorityClass = priorityClass
        self.user = user
    }
}

extension InstanceDescription {
    /// The most virtual GPUs that one instance may have.
    package static let maximumGPUs = 16

    /// An instance with several virtual GPUs as the members of a set: itself, and one for each further virtual GPU, named
    /// after it (`render`, `render/gpu1`). With one it is alone. Nil where that is not a number from 1 to ``maximumGPUs``, or
    /// a name would be too long.
    package func members(gpus: Int) -> [InstanceDescription]? {
        guard (1...Self.maximumGPUs).contains(gpus) else { return nil }
        var members: [InstanceDescription] = []
        for number in 0..<gpus {
            guard let id = id.virtualGPU(number) else { return nil }
            var member = self
            member.id = id
            member.set = gpus > 1 ? self.id : nil
            members.append(member)
        }
        return members
    }
}

extension InstanceID {
    /// What one of the instance's virtual GPUs is called, from 0 on: the first as the instance. Nil where that is too long.
    package func virtualGPU(_ number: Int) -> InstanceID? {
        number == 0 ? self : InstanceID(rawValue: "\(rawValue)/gpu\(number)")
    }
}
