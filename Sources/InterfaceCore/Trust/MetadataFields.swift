/// Members of a JSON object, read with the checks that metadata needs. Errors name the member.
struct MetadataFields {
    let members: [ExactText: JSONValue]
    /// What the object is, for messages.
    let name: String

    init(_ value: JSONValue?, _ name: String) throws(TrustError) {
        guard case .object(let members) = value else { throw TrustError(.malformed, "\(name) is not an object") }
        self.members = members
        self.name = name
    }

    private func malformed(_ member: ExactText, _ expected: String) -> TrustError {
        TrustError(.malformed, "\(name): \(member) is not \(expected)")
    }

    func has(_ member: ExactText) -> Bool { members[member] != nil }

    func text(_ member: ExactText) throws(TrustError) -> ExactText {
        guard case .text(let text) = members[member] else { throw malformed(member, "a text") }
        return text
    }

    func integer(_ member: ExactText, atLeast least: Int64) throws(TrustError) -> Int64 {
        guard case .integer(let value) = members[member], value >= least else {
            throw malformed(member, "an integer from \(least)")
        }
        return value
    }

    func integerIfPresent(_ member: ExactText, atLeast least: Int64) throws(TrustError) -> Int64? {
        has(member) ? try integer(member, atLeast: least) : nil
    }

    func boolean(_ member: ExactText) throws(TrustError) -> Bool {
        guard case .boolean(let value) = members[member] else { throw malformed(member, "true or false") }
        return value
    }

    func array(_ member: ExactText) throws(TrustError) -> [JSONValue] {
        guard case .array(let values) = members[member] else { throw malformed(member, "an array") }
        return values
    }

    func texts(_ member: ExactText) throws(TrustError) -> [ExactText] {
        var texts: [ExactText] = []
        for value in try array(member) {
            guard case .text(let text) = value else { throw malformed(member, "an array of texts") }
            texts.append(text)
        }
        return texts
    }

    func object(_ member: ExactText) throws(TrustError) -> MetadataFields {
        try MetadataFields(members[member], "\(name): \(member)")
    }

    /// Each member's value as fields of its own.
    func objects() throws(TrustError) -> [(name: ExactText, fields: MetadataFields)] {
        var objects: [(name: ExactText, fields: MetadataFields)] = []
        for (member, value) in members {
            objects.append((member, try MetadataFields(value, "\(name): \(member.text.debugDescription)")))
        }
        return objects
    }
}
