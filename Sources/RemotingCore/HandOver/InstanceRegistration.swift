/// Who an instance is. The texts are what the peer wrote, at most 128 bytes each: check them as identifiers.
package struct InstanceRegistration: Hashable, Sendable {
    package static let nameLength = 128

    package var instance: String
    package var tenant: String
    package var application: String
    /// Whether the application type is what the user said. Where it is the program's name instead, the agent's rules may
    /// say another.
    package var isApplicationDeclared: Bool
    package var priorityClass: String
    package var scope: Scope
    /// Who uses it, where the program says so. An agent passes it on only where that is permitted.
    package var user: String?

    /// What belongs to the instance.
    package enum Scope: UInt8, Hashable, Sendable {
        /// The program, and all that descends from it.
        case processTree = 0
        /// All in the cgroup that the program is in when it registers, as the agent finds it.
        case cgroup = 1
    }

    package init(
        instance: String, tenant: String, application: String, isApplicationDeclared: Bool = true,
        priorityClass: String, scope: Scope = .processTree, user: String? = nil
    ) {
        self.instance = instance
        self.tenant = tenant
        self.application = application
        self.isApplicationDeclared = isApplicationDeclared
        self.priorityClass = priorityClass
        self.scope = scope
        self.user = user
    }
}

extension InstanceRegistration {
    init(_ reader: inout ByteReader) throws(RemotingError) {
        let maximum = Self.nameLength
        instance = try reader.readText(maximum: maximum)
        tenant = try reader.readText(maximum: maximum)
        application = try reader.readText(maximum: maximum)
        priorityClass = try reader.readText(maximum: maximum)
        let bits: UInt8 = try reader.read()
        guard let scope = Scope(rawValue: bits & ~(Self.undeclaredBit | Self.userBit)) else {
            throw RemotingError(.malformed, "a registration of unknown scope \(bits)")
        }
        self.scope = scope
        isApplicationDeclared = bits & Self.undeclaredBit == 0
        user = bits & Self.userBit == 0 ? nil : try reader.readText(maximum: maximum)
    }

    func write(to writer: inout ByteWriter) {
        for text in [instance, tenant, application, priorityClass] {
            writer.write(text: text, maximum: Self.nameLength)
        }
        writer.write(
            scope.rawValue | (isApplicationDeclared ? 0 : Self.undeclaredBit) | (user == nil ? 0 : Self.userBit))
        if let user { writer.write(text: user, maximum: Self.nameLength) }
    }

    /// Beside the scope.
    private static let undeclaredBit: UInt8 = 2
    /// Beside the scope: a user follows.
    private static let userBit: UInt8 = 4
}
