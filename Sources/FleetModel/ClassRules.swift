/// Which class an instance has, what the classes are, and how much a tenant may have prepared: what an operator sets
/// while the manager runs.
package struct ClassRules: Hashable, Sendable {
    /// Classes that the operator has set, ascending by name; they take the place of configured ones of the same name.
    package var classes: [PriorityClass]
    /// The first that matches gives the class; without one it is what the instance declares.
    package var rules: [ClassRule]
    /// For each tenant that has a quota the share, 0 to 1, of the pool's memory.
    package var quotas: [TenantID: Double]

    package init(classes: [PriorityClass] = [], rules: [ClassRule] = [], quotas: [TenantID: Double] = [:]) {
        self.classes = classes
        self.rules = rules
        self.quotas = quotas
    }

    /// These rules with all classes that are in force: `configured` and those that were set.
    package func inForce(over configured: [PriorityClass]) -> Self {
        let names = Set(classes.map(\.name))
        var all = self
        all.classes = (classes + configured.filter { !names.contains($0.name) }).sorted { one, other in
            (other.weight, one.name) < (one.weight, other.name)
        }
        return all
    }

    /// The class of an instance, by rules in force; ``PriorityClass/standard`` where the name is of no class.
    /// Where it is not known whose the instance is, no rule on users matches.
    package func priority(of instance: InstanceDescription) -> PriorityClass {
        let name = className(of: instance)
        return classes.first { $0.name == name } ?? classes.first { $0.name == PriorityClass.standard.name }
            ?? .standard
    }

    private func className(of instance: InstanceDescription) -> PriorityClassName {
        rules.first { $0.matches(instance) }?.priorityClass ?? instance.priorityClass
    }

    /// The class that an instance should have and that there is not; nil where there is.
    package func missingClass(of instance: InstanceDescription) -> PriorityClassName? {
        let name = className(of: instance)
        return classes.contains { $0.name == name } || name == PriorityClass.standard.name ? nil : name
    }
}

/// Gives a class to the instances that match each of its patterns.
package struct ClassRule: Hashable, Sendable {
    /// `*` stands for any characters, every other character for itself; nil matches all.
    package var tenant: String?
    /// A user's name or number, as its agent gives it.
    package var user: String?
    package var application: String?
    package var instance: String?
    package var priorityClass: PriorityClassName

    package init(
        tenant: String? = nil, user: String? = nil, application: String? = nil, instance: String? = nil,
        priorityClass: PriorityClassName
    ) {
        self.tenant = tenant
        self.user = user
        self.application = application
        self.instance = instance
        self.priorityClass = priorityClass
    }

    func matches(_ description: InstanceDescription) -> Bool {
        func fits(_ pattern: String?, _ name: String?) -> Bool {
            guard let pattern else { return true }
            return name.map { Self.matches(pattern, $0) } ?? false
        }
        return fits(instance, description.id.rawValue) && fits(application, description.application.rawValue)
            && fits(tenant, description.tenant.rawValue) && fits(user, description.user?.rawValue)
    }

    /// Whether `text` is what `pattern` describes. O(product of the lengths) at worst; both are at most 128 characters.
    package static func matches(_ pattern: String, _ text: String) -> Bool {
        let (pattern, text) = (Array(pattern.utf8), Array(text.utf8))
        var (at, position) = (0, 0)
        // Where the last star is, and up to where its text reaches: where what follows does not fit, it takes one more.
        var star: (at: Int, position: Int)?
        while position < text.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, position)
                at += 1
            } else if at < pattern.count, pattern[at] == text[position] {
                at += 1
                position += 1
            } else if let last = star {
                star = (last.at, last.position + 1)
                (at, position) = (last.at + 1, last.position + 1)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}

/// One thing that an operator changes.
package enum ClassChange: Hashable, Sendable {
    /// Sets what is given of a class; what is not given stays, and of a new class is that of
    /// ``PriorityClass/standard``.
    case set(PriorityClassName, ClassFigures)
    /// Takes back what was set of a class: a configured one is as configured again, any other is gone. Refused while a
    /// rule gives a class that would be gone.
    case remove(PriorityClassName)
    /// Puts a rule before the one at this place, from 0; nil puts it last.
    case addRule(ClassRule, at: Int?)
    case removeRule(Int)
    case setQuota(TenantID, Double)
    case removeQuota(TenantID)
}

/// What of a class is to be changed.
package struct ClassFigures: Hashable, Sendable {
    package var weight: Double?
    package var serviceLevel: Double?
    package var grace: Duration?
    package var idleBudget: Double?
    package var mayTake: Bool?
    package var mayBeTakenFrom: Bool?
    package var backup: PriorityClass.Backup?
    /// `.some(nil)`: its sessions are never taken, its requests wait as long as their programs.
    package var notice: Duration??
    package var patience: Duration??

    package init(
        weight: Double? = nil, serviceLevel: Double? = nil, grace: Duration? = nil, idleBudget: Double? = nil,
        mayTake: Bool? = nil, mayBeTakenFrom: Bool? = nil, backup: PriorityClass.Backup? = nil,
        notice: Duration?? = nil, patience: Duration?? = nil
    ) {
        self.backup = backup
        self.notice = notice
        self.patience = patience
        self.weight = weight
        self.serviceLevel = serviceLevel
        self.grace = grace
        self.idleBudget = idleBudget
        self.mayTake = mayTake
        self.mayBeTakenFrom = mayBeTakenFrom
    }
}

/// Why a change is refused, in a sentence fragment.
package struct OrderError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension ClassRules {
    package static let classLimit = 64
    package static let ruleLimit = 1_024
    package static let quotaLimit = 4_096

    /// Carries out one change, or none of it.
    /// - Parameter configured: the classes that there are without any that was set.
    package mutating func apply(_ change: ClassChange, configured: [PriorityClass]) throws(OrderError) {
        let inForce = inForce(over: configured)
        switch change {
        case .set(let name, let figures):
            var set = inForce.classes.first { $0.name == name } ?? .standard
            set.name = name
            set.take(figures)
            try set.validate()
            classes.removeAll { $0.name == name }
            guard classes.count < Self.classLimit else {
                throw OrderError("there are \(Self.classLimit) classes, the most that may be")
            }
            classes.append(set)
            classes.sort { $0.name < $1.name }
        case .remove(let name):
            guard classes.contains(where: { $0.name == name }) else {
                let isThere = inForce.classes.contains { $0.name == name }
                throw OrderError(isThere ? "class \(name) is as configured" : "there is no class \(name)")
            }
            if !configured.contains(where: { $0.name == name }),
                let place = rules.firstIndex(where: { $0.priorityClass == name })
            {
                throw OrderError("rule \(place + 1) gives class \(name): remove it first")
            }
            classes.removeAll { $0.name == name }
        case .addRule(let rule, let place):
            try rule.validate()
            guard inForce.classes.contains(where: { $0.name == rule.priorityClass }) else {
                throw OrderError("there is no class \(rule.priorityClass): set it first")
            }
            let place = place ?? rules.count
            guard (0...rules.count).contains(place) else {
                throw OrderError("there is no place \(place + 1) among the rules, of which there are \(rules.count)")
            }
            guard rules.count < Self.ruleLimit else {
                throw OrderError("there are \(Self.ruleLimit) rules, the most that may be")
            }
            rules.insert(rule, at: place)
        case .removeRule(let place):
            guard rules.indices.contains(place) else {
                throw OrderError("there is no rule \(place + 1): the last is \(rules.count)")
            }
            rules.remove(at: place)
        case .setQuota(let tenant, let share):
            guard (0...1).contains(share) else {
                throw OrderError("the quota is a share of the pool's memory, 0 to 1")
            }
            guard quotas[tenant] != nil || quotas.count < Self.quotaLimit else {
                throw OrderError("there are \(Self.quotaLimit) quotas, the most that may be")
            }
            quotas[tenant] = share
        case .removeQuota(let tenant):
            guard quotas.removeValue(forKey: tenant) != nil else {
                throw OrderError("tenant \(tenant) has no quota")
            }
        }
    }
}

extension ClassRule {
    package func validate() throws(OrderError) {
        let patterns = [("tenant", tenant), ("user", user), ("application", application), ("instance", instance)]
        guard patterns.contains(where: { $0.1 != nil }) else {
            throw OrderError("a rule names a tenant, a user, an application or an instance")
        }
        for (what, pattern) in patterns {
            guard let pattern else { continue }
            guard IdentifierAlphabet.accepts(String(pattern.map { $0 == "*" ? "-" : $0 })) else {
                throw OrderError("\(what): '\(pattern)' is no name, with * for any characters")
            }
        }
    }
}

extension PriorityClass {
    fileprivate mutating func take(_ figures: ClassFigures) {
        weight = figures.weight ?? weight
        serviceLevel = figures.serviceLevel ?? serviceLevel
        grace = figures.grace ?? grace
        idleBudget = figures.idleBudget ?? idleBudget
        mayTake = figures.mayTake ?? mayTake
        mayBeTakenFrom = figures.mayBeTakenFrom ?? mayBeTakenFrom
        backup = figures.backup ?? backup
        notice = figures.notice ?? notice
        patience = figures.patience ?? patience
    }

    /// - Throws: the first figure that is out of its range.
    package func validate() throws(OrderError) {
        guard weight > 0, weight <= 1_000_000 else {
            throw OrderError("the weight is above 0 and at most 1,000,000")
        }
        guard (0.5...0.99).contains(serviceLevel) else {
            throw OrderError("the service level is between 0.5 and 0.99")
        }
        guard grace >= .zero, grace <= .seconds(86_400) else {
            throw OrderError("the grace is between 0 and a day")
        }
        for (what, duration) in [("notice", notice), ("patience", patience)] {
            guard let duration else { continue }
            guard duration >= .zero, duration <= .seconds(86_400) else {
                throw OrderError("the \(what) is between 0 and a day, or never")
            }
        }
        guard (0...1).contains(idleBudget) else {
            throw OrderError("the idle budget is a share of the pool's memory, 0 to 1")
        }
    }
}
