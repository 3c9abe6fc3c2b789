import FleetModel
import SwiftProtobuf

// Which interface versions are allowed for whom.

extension WireInterfacePin {
    init(_ scope: VersionRules.Scope, _ rule: VersionRule?) {
        self.init()
        switch scope {
        case .instance(let id): instance = id.rawValue
        case .application(let type): application = type.rawValue
        case .tenant(let id): tenant = id.rawValue
        case .priorityClass(let name): className = name.rawValue
        }
        versions = rule?.description ?? ""
    }

    /// No rule where none is given: the pin is taken back.
    func scopeAndRule() throws(ProtocolError) -> (VersionRules.Scope, VersionRule?) {
        let scope: VersionRules.Scope
        switch self.scope {
        case .instance(let name): scope = .instance(try Read.identifier(name, "instance"))
        case .application(let name): scope = .application(try Read.identifier(name, "application"))
        case .tenant(let name): scope = .tenant(try Read.identifier(name, "tenant"))
        case .className(let name): scope = .priorityClass(try Read.identifier(name, "class_name"))
        case nil: throw ProtocolError("scope", .missing)
        }
        let text = try Read.text(versions, "versions", limit: ProtocolLimits.versionRuleBytes)
        if text.isEmpty { return (scope, nil) }
        guard let rule = VersionRule(text) else { throw ProtocolError("versions", .outOfRange) }
        return (scope, rule)
    }
}

extension VersionRules {
    init(_ wire: [WireInterfacePin]) throws(ProtocolError) {
        self.init()
        guard wire.count <= OperatorOrders.versionRuleLimit else {
            throw ProtocolError("interface_pins", .tooMany(limit: OperatorOrders.versionRuleLimit))
        }
        for (index, pin) in wire.enumerated() {
            do throws(ProtocolError) {
                let (scope, rule) = try pin.scopeAndRule()
                guard let rule else { throw ProtocolError("versions", .missing) }
                set(rule, for: scope)
            } catch { throw error.within("interface_pins[\(index)]") }
        }
    }
}
