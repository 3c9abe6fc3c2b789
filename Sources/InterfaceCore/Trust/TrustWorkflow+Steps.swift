/// What follows each answer.
extension TrustWorkflow {
    mutating func startFromRoot(_ bytes: [UInt8]?) throws(TrustError) -> [Effect] {
        guard let bytes else { throw TrustError(.notInitialised, "there is no trusted root yet") }
        trusted = try TrustedMetadata(root: bytes, cryptography: cryptography, limits: limits)
        return source == .storage ? try endRoots() : try fetchRoot(versions: 0)
    }

    /// Asks for the version after the one in force, until there is none (5.3.3).
    mutating func fetchRoot(versions: Int) throws(TrustError) -> [Effect] {
        guard versions < limits.rootVersions else {
            throw TrustError(.tooLarge, "more than \(limits.rootVersions) versions of the root in one refresh")
        }
        let (version, overflows) = (trusted?.root.header.version ?? 0).addingReportingOverflow(1)
        guard !overflows else { return try endRoots() }
        state = .fetchingRoot(versions: versions)
        return [.fetch(RemoteFile(path: RoleName.root.fileName(version: version), maximum: limits.root))]
    }

    mutating func endRoots() throws(TrustError) -> [Effect] {
        let now = now
        try withTrusted { trusted throws(TrustError) in try trusted.checkRoot(at: now) }
        state = .readingTimestamp
        return [.readStored(.timestamp)]
    }

    mutating func takeStoredTimestamp(_ bytes: [UInt8]?) throws(TrustError) -> [Effect] {
        let now = now
        if let bytes {
            // What is stored helps where it can still be trusted, and is no obstacle where not.
            _ = try? withTrusted { trusted throws(TrustError) in
                try trusted.updateTimestamp(bytes, .stored, at: now)
            }
        }
        if source == .storage { return try endTimestamp() }
        state = .fetchingTimestamp
        return [.fetch(RemoteFile(path: RoleName.timestamp.fileName(version: nil), maximum: limits.timestamp))]
    }

    mutating func endTimestamp() throws(TrustError) -> [Effect] {
        let now = now
        try withTrusted { trusted throws(TrustError) in try trusted.checkTimestamp(at: now) }
        state = .readingSnapshot
        return [.readStored(.snapshot)]
    }

    mutating func takeStoredSnapshot(_ bytes: [UInt8]?) throws(TrustError) -> [Effect] {
        let now = now
        if let bytes {
            _ = try? withTrusted { trusted throws(TrustError) in try trusted.updateSnapshot(bytes, .stored, at: now) }
            if trusted?.isSnapshotCurrent(bytes, at: now) == true {
                return readTargets(Visit(role: .targets, delegator: .root), nil)
            }
        }
        guard source == .repository, let reference = trusted?.timestamp?.snapshot else { throw notStored(.snapshot) }
        state = .fetchingSnapshot
        return [.fetch(try remoteFile(.snapshot, reference, maximum: limits.snapshot))]
    }

    mutating func readTargets(_ visit: Visit, _ search: Search?) -> [Effect] {
        state = .readingTargets(visit, search)
        return [.readStored(visit.role)]
    }

    mutating func takeStoredTargets(
        _ bytes: [UInt8]?, _ visit: Visit, _ search: Search?
    ) throws(TrustError) -> [Effect] {
        let reference = try withTrusted { trusted throws(TrustError) in try trusted.reference(visit.role) }
        if let bytes, (try? takeTargets(bytes, visit)) != nil { return try endTargets(search) }
        guard source == .repository else { throw notStored(visit.role) }
        state = .fetchingTargets(visit, search)
        return [.fetch(try remoteFile(visit.role, reference, maximum: limits.targets))]
    }

    mutating func takeTargets(_ bytes: [UInt8], _ visit: Visit) throws(TrustError) {
        let now = now
        try withTrusted { trusted throws(TrustError) in
            try trusted.updateTargets(bytes, visit.role, under: visit.delegator, at: now)
        }
    }

    mutating func endTargets(_ search: Search?) throws(TrustError) -> [Effect] {
        if let search { return try advance(search) }
        state = .ready
        return [.refreshed]
    }

    /// Asks the next role, until one has the path or there is none left (5.6.7). A role counts once, however many
    /// delegate to it; where one cannot be had or is not to be trusted, the whole search fails, because another role's
    /// word must not stand for it.
    mutating func advance(_ search: Search) throws(TrustError) -> [Effect] {
        var search = search
        while let visit = search.waiting.last {
            guard !search.visited.contains(visit.role) else {
                search.waiting.removeLast()
                continue
            }
            guard search.visited.count < limits.roles else {
                throw TrustError(.tooLarge, "more than \(limits.roles) roles may have \(search.path)")
            }
            guard let targets = trusted?.targets(visit.role, under: visit.delegator) else {
                return readTargets(visit, search)
            }
            search.waiting.removeLast()
            search.visited.insert(visit.role)
            if let target = targets.targets[search.path] {
                state = .ready
                return [.found(target)]
            }
            guard let delegations = targets.delegations else { continue }
            var next: [Visit] = []
            for role in try delegations.roles(for: search.path, by: cryptography) {
                next.append(Visit(role: role.name, delegator: visit.role))
                if role.isTerminating {
                    search.waiting = []
                    break
                }
            }
            search.waiting += next.reversed()
        }
        state = .ready
        return [.notFound]
    }

    private func notStored(_ role: RoleName) -> TrustError {
        TrustError(.missing, "no valid metadata of \(role) is stored")
    }

    private func remoteFile(
        _ role: RoleName, _ reference: MetadataReference, maximum: Int
    ) throws(TrustError) -> RemoteFile {
        if let length = reference.length, length > Int64(maximum) {
            throw TrustError(.tooLarge, "\(role): \(length) bytes are announced, \(maximum) are allowed")
        }
        let version = trusted?.root.isConsistent == true ? reference.version : nil
        return RemoteFile(
            path: role.fileName(version: version), maximum: reference.length.map(Int.init) ?? maximum)
    }
}
