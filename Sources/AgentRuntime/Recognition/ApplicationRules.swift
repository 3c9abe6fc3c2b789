package import FleetModel

/// Programs of a name are of an application type.
package struct ApplicationRule: Hashable, Sendable {
    package var program: ProgramPattern
    package var application: ApplicationType

    package init(program: ProgramPattern, application: ApplicationType) {
        self.program = program
        self.application = application
    }
}

/// How an instance whose application type nobody declared comes by one: the first rule that its program matches.
package struct ApplicationRules: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// More rules than this are not taken.
    package static let greatestCount = 256

    package var rules: [ApplicationRule]

    package init(_ rules: [ApplicationRule]) { self.rules = rules }
    package init(arrayLiteral rules: ApplicationRule...) { self.rules = rules }

    /// O(rules).
    func application(of program: ProgramName) -> ApplicationType? {
        rules.first { $0.program.matches(program) }?.application
    }
}

/// Follows what one instance runs.
///
/// The oldest of its programs that any rule matches decides. While none does, the type stays what it was, so that one
/// that starts a program after the other does not change its type between them.
struct ApplicationRecognizer {
    /// More programs of an instance than this are not looked at.
    static let greatestCount = 64

    /// `presync run`, which is no program of the instance that it starts: a rule for any name must not end there.
    private static let launcher = ProgramName("presync".utf8)

    private let rules: ApplicationRules
    private var last: [ProgramName] = []
    private var recognized: ApplicationType?

    init(rules: ApplicationRules) { self.rules = rules }

    /// Takes in the instance's programs, the oldest first.
    ///
    /// - Returns: the application type, where that is another than at the looks before. O(programs × rules) when the
    ///   programs have changed.
    mutating func look(at programs: [ProgramName]) -> ApplicationType? {
        guard programs != last else { return nil }
        last = programs
        let rules = rules
        let ofInstance = programs.lazy.filter { $0 != Self.launcher }
        guard let found = ofInstance.compactMap({ rules.application(of: $0) }).first, found != recognized else {
            return nil
        }
        recognized = found
        return found
    }
}

/// An instance whose application type the rules have found.
struct RecognizedApplication: Hashable, Sendable {
    var instance: InstanceID
    var application: ApplicationType
}
