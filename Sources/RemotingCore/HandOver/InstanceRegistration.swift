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
    /// How many virtual GPUs the instance has, 1 to ``HandOverDemand/maximumGPUs``: as many as its programs may ask for at
    /// once.
    package var gpus: UInt8

    /// What belongs to the instance.
    package enum Scope: UInt8, Hashable, Sendable {
        /// The program, and all that descends from it.
        case processTree = 0
        /// All in the cgroup that the program is in when it registers, as the agent finds it.
        case cgroup = 1
    }

    package init(
        instance: String, tenant: String, application: String, isApplicationDeclared: Bool = true,
        priorityClass: String, scope: Scope = .processTree, user: String? = nil, gpus: UInt8 = 1
    ) {
        self.instance = instance
        self.tenant = tenant
        self.application = application
        self.isApplicationDeclared = isApplicationDeclared
        self.priorityClass = priorityClass
        self.scope = scope
        self.user = user
        self.gpus = gpus
    }

    /// The lowest revision that can say it.
    var revision: UInt16 {
        if gpus != 1 { return SessionRevision.severalGPUs }
        return user == nil && isApplicationDeclared ? SessionRevision.first : SessionRevision.sharedMemory
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
        guard let scope = Scope(rawValue: bits & ~(Self.undeclaredBit | Self.userBit | Self.gpusBit)) else {
            throw RemotingError(.malformed, "a registration of unknown scope \(bits)")
        }
        self.scope = scope
        isApplicationDeclared = bits & Self.undeclaredBit == 0
        user = bits & Self.userBit == 0 ? nil : try reader.readText(maximum: maximum)
        gpus = bits & Self.gpusBit == 0 ? 1 : try Self.readSeveral(&reader)
    }

    /// The number of virtual GPUs of an instance with more than one: of one it is not said.
    private static func readSeveral(_ reader: inout ByteReader) throws(RemotingError) -> UInt8 {
        let gpus: UInt8 = try reader.read()
        guard (2...HandOverDemand.maximumGPUs).contains(gpus) else {
            throw RemotingError(.malformed, "a registration with \(gpus) virtual GPUs")
        }
        return gpus
    }

    func write(to writer: inout ByteWriter) {
        for text in [instance, tenant, application, priorityClass] {
            writer.write(text: text, maximum: Self.nameLength)
        }
        var bits = scope.rawValue
        if !isApplicationDeclared { bits |= Self.undeclaredBit }
        if user != nil { bits |= Self.userBit }
        if gpus != 1 { bits |= Self.gpusBit }
        writer.write(bits)
        if let user { writer.write(text: user, maximum: Self.nameLength) }
        if gpus != 1 { writer.write(gpus) }
    }

    /// Beside the scope.
    private static let undeclaredBit: UInt8 = 2
    /// Beside the scope: a user follows.
    private static let userBit: UInt8 = 4
    /// Beside the scope: the number of virtual GPUs follows, last.
    private static let gpusBit: UInt8 = 8
}
