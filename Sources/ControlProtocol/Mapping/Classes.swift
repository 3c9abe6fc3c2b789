package import FleetModel
import SwiftProtobuf

extension PriorityClass: WireMapped {
    package init(wire: WirePriorityClass) throws(ProtocolError) {
        self.init(
            name: try Read.identifier(wire.name, "name"), weight: try Read.rate(wire.weight, "weight"),
            serviceLevel: try Read.ratio(wire.serviceLevel, "service_level"),
            grace: try Read.duration(wire.graceNs, "grace_ns"), mayTake: wire.mayTake,
            mayBeTakenFrom: wire.mayBeTakenFrom,
            idleBudget: wire.hasIdleBudget ? try Read.ratio(wire.idleBudget, "idle_budget") : 1,
            backup: try Backup(wire: wire.backup),
            notice: wire.hasNoticeNs ? try Read.duration(wire.noticeNs, "notice_ns") : nil,
            patience: wire.hasPatienceNs ? try Read.duration(wire.patienceNs, "patience_ns") : nil)
    }

    package var wire: WirePriorityClass {
        .with {
            $0.name = name.rawValue
            $0.weight = weight
            $0.serviceLevel = serviceLevel
            $0.graceNs = grace.nanoseconds
            $0.mayTake = mayTake
            $0.mayBeTakenFrom = mayBeTakenFrom
            $0.idleBudget = idleBudget
            $0.backup = backup.wire
            if let notice { $0.noticeNs = notice.nanoseconds }
            if let patience { $0.patienceNs = patience.nanoseconds }
        }
    }
}

extension PriorityClass.Backup {
    fileprivate init(wire: WireBackup) throws(ProtocolError) {
        switch wire {
        case .unspecified, .none: self = .none
        case .warm: self = .warm
        case .reserved: self = .reserved
        case .UNRECOGNIZED(let raw): throw ProtocolError("backup", .unknownValue(raw))
        }
    }

    fileprivate var wire: WireBackup {
        switch self {
        case .none: .none
        case .warm: .warm
        case .reserved: .reserved
        }
    }
}

extension ClassRules: WireMapped {
    package init(wire: WireClassRules) throws(ProtocolError) {
        guard wire.quotas.count <= Self.quotaLimit else {
            throw ProtocolError("quotas", .tooMany(limit: Self.quotaLimit))
        }
        var quotas: [TenantID: Double] = [:]
        for (index, quota) in wire.quotas.enumerated() {
            do {
                quotas[try Read.identifier(quota.tenant, "tenant")] = try Read.ratio(quota.share, "share")
            } catch {
                throw error.within("quotas[\(index)]")
            }
        }
        self.init(
            classes: try Read.list(wire.classes, "classes", limit: 2 * Self.classLimit),
            rules: try Read.list(wire.rules, "rules", limit: Self.ruleLimit), quotas: quotas)
    }

    package var wire: WireClassRules {
        .with {
            $0.classes = classes.map(\.wire)
            $0.rules = rules.map(\.wire)
            $0.quotas = quotas.sorted { $0.key < $1.key }.map { tenant, share in
                .with {
                    $0.tenant = tenant.rawValue
                    $0.share = share
                }
            }
        }
    }
}

extension ClassRule: WireMapped {
    package init(wire: WireClassRule) throws(ProtocolError) {
        func pattern(_ isThere: Bool, _ text: String, _ field: String) throws(ProtocolError) -> String? {
            isThere ? try Read.text(text, field, limit: IdentifierAlphabet.maximumLength) : nil
        }
        self.init(
            tenant: try pattern(wire.hasTenant, wire.tenant, "tenant"),
            user: try pattern(wire.hasUser, wire.user, "user"),
            application: try pattern(wire.hasApplication, wire.application, "application"),
            instance: try pattern(wire.hasInstance, wire.instance, "instance"),
            priorityClass: try Read.identifier(wire.priorityClass, "priority_class"))
    }

    package var wire: WireClassRule {
        .with {
            if let tenant { $0.tenant = tenant }
            if let user { $0.user = user }
            if let application { $0.application = application }
            if let instance { $0.instance = instance }
            $0.priorityClass = priorityClass.rawValue
        }
    }
}

extension ClassChange: WireMapped {
    package init(wire: WireClassChange) throws(ProtocolError) {
        switch wire.change {
        case .set(let figures):
            // Ranges are the machine's to judge, which says them in words.
            self = .set(
                try Read.identifier(figures.name, "set.name"),
                ClassFigures(
                    weight: figures.hasWeight ? figures.weight : nil,
                    serviceLevel: figures.hasServiceLevel ? figures.serviceLevel : nil,
                    grace: figures.hasGraceNs ? try Read.duration(figures.graceNs, "set.grace_ns") : nil,
                    idleBudget: figures.hasIdleBudget ? figures.idleBudget : nil,
                    mayTake: figures.hasMayTake ? figures.mayTake : nil,
                    mayBeTakenFrom: figures.hasMayBeTakenFrom ? figures.mayBeTakenFrom : nil,
                    backup: figures.hasBackup ? try PriorityClass.Backup(wire: figures.backup) : nil,
                    notice: try Self.figure(figures.hasNoticeNs ? figures.noticeNs : nil, "set.notice_ns"),
                    patience: try Self.figure(figures.hasPatienceNs ? figures.patienceNs : nil, "set.patience_ns")))
        case .addRule(let added):
            let rule: ClassRule = try Read.required(added.hasRule ? added.rule : nil, "add_rule.rule")
            self = .addRule(rule, at: added.hasAt ? Int(added.at) : nil)
        case .removeRule(let place): self = .removeRule(Int(place))
        case .setQuota(let quota):
            self = .setQuota(try Read.identifier(quota.tenant, "set_quota.tenant"), quota.share)
        case .removeQuota(let tenant): self = .removeQuota(try Read.identifier(tenant, "remove_quota"))
        case .remove(let name): self = .remove(try Read.identifier(name, "remove"))
        case nil: throw ProtocolError("change", .missing)
        }
    }

    package var wire: WireClassChange {
        .with {
            switch self {
            case .set(let name, let figures): $0.set = figures.wire(of: name)
            case .addRule(let rule, let place):
                $0.addRule.rule = rule.wire
                if let place { $0.addRule.at = UInt32(clamping: place) }
            case .removeRule(let place): $0.removeRule = UInt32(clamping: place)
            case .setQuota(let tenant, let share):
                $0.setQuota.tenant = tenant.rawValue
                $0.setQuota.share = share
            case .removeQuota(let tenant): $0.removeQuota = tenant.rawValue
            case .remove(let name): $0.remove = name.rawValue
            }
        }
    }

    /// A duration that may be set to none: below 0 on the wire.
    private static func figure(_ wire: Int64?, _ field: String) throws(ProtocolError) -> Duration?? {
        guard let wire else { return nil }
        return .some(wire < 0 ? nil : try Read.duration(wire, field))
    }
}

extension ClassFigures {
    fileprivate func wire(of name: PriorityClassName) -> WireClassFigures {
        .with {
            $0.name = name.rawValue
            if let weight { $0.weight = weight }
            if let serviceLevel { $0.serviceLevel = serviceLevel }
            if let grace { $0.graceNs = grace.nanoseconds }
            if let idleBudget { $0.idleBudget = idleBudget }
            if let mayTake { $0.mayTake = mayTake }
            if let mayBeTakenFrom { $0.mayBeTakenFrom = mayBeTakenFrom }
            if let backup { $0.backup = backup.wire }
            if let notice { $0.noticeNs = notice?.nanoseconds ?? -1 }
            if let patience { $0.patienceNs = patience?.nanoseconds ?? -1 }
        }
    }
}
