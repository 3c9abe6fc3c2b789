/// Which versions an operator allows: one (`1.2.0`), or a range (`>=1.2.0`, `<2.0.0`, `>=1.2.0 <2.0.0`).
package struct VersionRule: Hashable, Sendable, LosslessStringConvertible {
    /// The lowest that is allowed; nil for no bound.
    package let least: SemanticVersion?
    /// The lowest above it that is not allowed; nil for no bound. Where it equals ``least``, that one alone is allowed.
    package let bound: SemanticVersion?

    /// This version and no other.
    package init(only version: SemanticVersion) {
        least = version
        bound = version
    }

    /// From `least` up to, and without, `bound`; nil where that is no version at all, or every one.
    package init?(from least: SemanticVersion?, below bound: SemanticVersion?) {
        if least == nil, bound == nil { return nil }
        if let least, let bound, least >= bound { return nil }
        self.least = least
        self.bound = bound
    }

    /// As an operator writes it; nil where it is neither form.
    package init?(_ text: String) {
        if let version = SemanticVersion(text) {
            self.init(only: version)
            return
        }
        var least: SemanticVersion?
        var bound: SemanticVersion?
        for part in text.split(separator: " ") {
            if part.hasPrefix(">="), least == nil, let version = SemanticVersion(String(part.dropFirst(2))) {
                least = version
            } else if part.hasPrefix("<"), bound == nil, let version = SemanticVersion(String(part.dropFirst())) {
                bound = version
            } else {
                return nil
            }
        }
        self.init(from: least, below: bound)
    }

    package func allows(_ version: SemanticVersion) -> Bool {
        if let least, least == bound { return version == least }
        return (least.map { version >= $0 } ?? true) && (bound.map { version < $0 } ?? true)
    }

    package var description: String {
        if let least, least == bound { return least.description }
        return [least.map { ">=\($0)" }, bound.map { "<\($0)" }].compactMap(\.self).joined(separator: " ")
    }
}

/// What operators have ruled about versions, by whom it is for.
package struct VersionRules: Hashable, Sendable {
    /// Whom a rule is for.
    package enum Scope: Hashable, Sendable, CustomStringConvertible {
        case instance(InstanceID)
        case application(ApplicationType)
        case tenant(TenantID)
        case priorityClass(PriorityClassName)

        /// What kind of scope it is, as stores and commands write it.
        package enum Kind: String, Hashable, Sendable, CaseIterable {
            case instance, application, tenant
            case priorityClass = "class"
        }

        package var kind: Kind {
            switch self {
            case .instance: .instance
            case .application: .application
            case .tenant: .tenant
            case .priorityClass: .priorityClass
            }
        }

        package var name: String {
            switch self {
            case .instance(let id): id.rawValue
            case .application(let type): type.rawValue
            case .tenant(let id): id.rawValue
            case .priorityClass(let name): name.rawValue
            }
        }

        /// Nil where `name` is none of that kind.
        package init?(_ kind: Kind, _ name: String) {
            let scope: Self? =
                switch kind {
                case .instance: InstanceID(rawValue: name).map { .instance($0) }
                case .application: ApplicationType(rawValue: name).map { .application($0) }
                case .tenant: TenantID(rawValue: name).map { .tenant($0) }
                case .priorityClass: PriorityClassName(rawValue: name).map { .priorityClass($0) }
                }
            guard let scope else { return nil }
            self = scope
        }

        /// `instance chat-1`, `class batch`.
        package var description: String { "\(kind.rawValue) \(name)" }
    }

    package private(set) var rules: [Scope: VersionRule] = [:]

    package init(_ rules: [Scope: VersionRule] = [:]) { self.rules = rules }

    /// Sets a scope's rule, in place of the one that it had; nil takes it away.
    package mutating func set(_ rule: VersionRule?, for scope: Scope) { rules[scope] = rule }

    /// By scope: kinds in the order in which they count, then by name. O(rules)
    package var sorted: [(scope: Scope, rule: VersionRule)] {
        let order: [Scope.Kind] = [.instance, .application, .tenant, .priorityClass]
        return order.flatMap { kind in
            rules.filter { $0.key.kind == kind }.sorted { $0.key.name < $1.key.name }
                .map { (scope: $0.key, rule: $0.value) }
        }
    }

    /// These, in place of those of `others` for the same scopes.
    package func over(_ others: VersionRules) -> VersionRules {
        // Asked for every instance each period, and mostly one of them says nothing.
        if rules.isEmpty { return others }
        if others.rules.isEmpty { return self }
        return VersionRules(others.rules.merging(rules) { _, own in own })
    }

    /// The rule for an instance: its own, else that of its application, of its tenant, of its class. The narrower goes
    /// before the wider and replaces it, so that an exception can be made of any rule.
    package func rule(for instance: InstanceDescription, class name: PriorityClassName) -> (
        scope: Scope, rule: VersionRule
    )? {
        func rule(_ scope: Scope) -> (scope: Scope, rule: VersionRule)? { rules[scope].map { (scope, $0) } }
        return rule(.instance(instance.id)) ?? rule(.application(instance.application)) ?? rule(
            .tenant(instance.tenant))
            ?? rule(.priorityClass(name))
    }
}
