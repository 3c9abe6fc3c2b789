import Determinism
import FleetModel
import InterfaceCore
import Testing

/// Which version is chosen, and that nothing forbidden ever is.
@Suite struct InterfaceSelectionTests {
    static let linux = HostPlatform(name: "linux-x86_64-glibc", libcVersion: "2.36")

    static func version(_ minor: UInt32) -> InterfaceVersion {
        InterfaceVersion(
            kind: "opencl", version: SemanticVersion(1, minor, 0),
            digest: ContentDigest(bytes: [UInt8](repeating: UInt8(minor), count: 32)) ?? .zero)
    }

    static func offer(
        _ minor: UInt32, capabilities: [String] = [], requires: [String] = [], leastLibc: String = "",
        architecture: String = "x86_64", serves: [UInt32] = [], wire: ClosedRange<UInt32> = 1...1
    ) throws -> InterfaceOffer {
        let platform = BundlePlatform(operatingSystem: "linux", architecture: architecture, libc: "glibc")
        let files = try [("client", BundleFile.Role.clientLibrary), ("worker", .worker)].map { name, role in
            BundleFile(path: try #require(BundlePath(name)), role: role, size: 1, digest: .zero)
        }
        return InterfaceOffer(
            version(minor),
            manifest: try BundleManifest(
                kind: "opencl", version: SemanticVersion(1, minor, 0), platform: try #require(platform),
                wireRevisions: wire, requiredCapabilities: requires, files: files,
                testedWith: serves.map { version($0).digest }, leastLibcVersion: leastLibc,
                capabilities: capabilities))
    }

    static func question(
        installed: [InterfaceVersion] = [], rule: VersionRule? = nil, needs: Set<String> = [], canary: Bool = true
    ) -> InterfaceSelection.Question {
        let end = InterfaceSelection.End(platform: linux, installed: installed)
        return InterfaceSelection.Question(
            kind: "opencl", client: end, server: end, rule: rule, needs: needs, isCanary: canary)
    }

    @Test func theNewestIsWantedAndTheNewestOfBothEndsChosen() throws {
        let offers = try [Self.offer(1), Self.offer(2)]
        let selection = InterfaceSelection(Self.question(installed: [Self.version(1)]), offers: offers)
        #expect(selection.wanted == Self.version(2))
        #expect(selection.chosen == Self.version(1))
    }

    private static func ends(
        client: [UInt32], server: [UInt32], rule: VersionRule? = nil
    ) -> InterfaceSelection.Question {
        InterfaceSelection.Question(
            kind: "opencl",
            client: InterfaceSelection.End(platform: linux, installed: client.map(version)),
            server: InterfaceSelection.End(platform: linux, installed: server.map(version)), rule: rule)
    }

    @Test func aLibraryThatIsLoadedIsServedByTheBestWorkerThatCan() throws {
        let offers = try [Self.offer(1), Self.offer(2), Self.offer(3, serves: [2], wire: 1...2)]
        func pair(_ library: UInt32, preferred: UInt32? = nil) -> InterfaceSelection.Pair? {
            var question = Self.ends(client: [1, 2, 3], server: [1, 2, 3])
            question.library = Self.version(library).version
            question.preferred = preferred.map { Self.version($0).version }
            return InterfaceSelection(question, offers: offers).chosenPair
        }
        #expect(pair(1) == InterfaceSelection.Pair(client: Self.version(1), worker: Self.version(1)))
        #expect(pair(2) == InterfaceSelection.Pair(client: Self.version(2), worker: Self.version(3)))
        #expect(pair(2, preferred: 2) == InterfaceSelection.Pair(client: Self.version(2), worker: Self.version(2)))
        #expect(pair(3) == InterfaceSelection.Pair(client: Self.version(3), worker: Self.version(3)))
        #expect(pair(4) == nil)
    }

    @Test func aNewerWorkerServesAnOlderClientWhereNothingIsShared() throws {
        let offers = try [Self.offer(1), Self.offer(2), Self.offer(3, serves: [1, 2], wire: 1...2)]
        func pair(_ client: [UInt32], _ server: [UInt32], _ rule: VersionRule? = nil) -> InterfaceSelection.Pair? {
            InterfaceSelection(Self.ends(client: client, server: server, rule: rule), offers: offers).chosenPair
        }
        func versions(_ client: UInt32, _ worker: UInt32) -> InterfaceSelection.Pair {
            InterfaceSelection.Pair(client: Self.version(client), worker: Self.version(worker))
        }
        #expect(pair([1, 2], [3]) == versions(2, 3), "the best of the clients that it serves")
        #expect(pair([1], [3]) == versions(1, 3))
        #expect(pair([1, 2], [1, 3]) == versions(1, 1), "one bundle on both ends goes before two")
        #expect(pair([3], [1, 2]) == nil, "an older worker knows nothing of a newer client")
        #expect(pair([1], [2]) == nil)
        #expect(pair([1], [3], VersionRule("1.1.0")) == nil, "a rule is for both ends")
    }

    @Test func aWorkerServesNoClientThatSpeaksNoRevisionOfIts() throws {
        let offers = try [Self.offer(1, wire: 1...1), Self.offer(2, serves: [1], wire: 2...2)]
        #expect(InterfaceSelection(Self.ends(client: [1], server: [2]), offers: offers).chosenPair == nil)
    }

    @Test func whatTheWorkloadUsedGoesBeforeWhatIsNewer() throws {
        let offers = try [Self.offer(1, capabilities: ["shared-memory"]), Self.offer(2)]
        #expect(InterfaceSelection(Self.question(), offers: offers).wanted == Self.version(2))
        let needing = Self.question(needs: ["shared-memory"])
        #expect(InterfaceSelection(needing, offers: offers).wanted == Self.version(1))
    }

    @Test func aHostGetsWhatItCanLoad() throws {
        let offers = try [Self.offer(1), Self.offer(2, leastLibc: "2.39"), Self.offer(3, architecture: "aarch64")]
        let selection = InterfaceSelection(Self.question(), offers: offers)
        #expect(selection.wanted == Self.version(1))
        #expect(selection.candidates.count { $0.obstacles.contains(.clientPlatform(Self.linux)) } == 2)
    }

    @Test func aDeviceGetsWhatItCanRun() throws {
        var question = Self.question()
        question.device = DeviceDescription(
            id: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), kind: .synthetic, model: "m", vendor: "v",
            driverVersion: "1", apiVersion: "3", memory: .gibibytes(1), computeUnits: 1, extensions: ["cl_khr_fp64"])
        let offers = try [
            Self.offer(1, requires: ["cl_khr_fp64"]), Self.offer(2, requires: ["cl_khr_fp16", "cl_khr_fp64"]),
        ]
        let selection = InterfaceSelection(question, offers: offers)
        #expect(selection.wanted == Self.version(1))
        #expect(selection.candidates.last?.obstacles == [.deviceLacks(["cl_khr_fp16"])])
    }

    @Test func aRuleIsKept() throws {
        let offers = try [Self.offer(1), Self.offer(2), Self.offer(3)]
        for (text, minor) in [("1.1.0", UInt32(1)), ("<1.3.0", 2), (">=1.1.0 <1.2.0", 1)] {
            let rule = try #require(VersionRule(text))
            #expect(InterfaceSelection(Self.question(rule: rule), offers: offers).wanted == Self.version(minor))
        }
        let none = Self.question(rule: VersionRule(">=2.0.0"))
        #expect(InterfaceSelection(none, offers: offers).wanted == nil)
    }

    @Test func failuresAndSlownessSpeakAgainstTheNewer() throws {
        let offers = try [Self.offer(1), Self.offer(2)]
        var good = VersionRecord()
        var bad = VersionRecord()
        for _ in 0..<200 {
            good.sessionOpened(in: .milliseconds(20))
            bad.sessionOpened(in: .milliseconds(20))
        }
        for _ in 0..<20 { bad.sessionFailed() }
        let failing = [Self.version(1): good, Self.version(2): bad]
        #expect(InterfaceSelection(Self.question(), offers: offers) { failing[$0] }.wanted == Self.version(1))

        var slow = good
        var fast = good
        slow.selfTested(InterfaceMeasurement(version: Self.version(2), timeToOpen: .zero, commandRate: 1_000))
        fast.selfTested(InterfaceMeasurement(version: Self.version(1), timeToOpen: .zero, commandRate: 2_000))
        let rates = [Self.version(1): fast, Self.version(2): slow]
        #expect(InterfaceSelection(Self.question(), offers: offers) { rates[$0] }.wanted == Self.version(1))
    }

    @Test func oneFailureIsNoVerdict() throws {
        let offers = try [Self.offer(1), Self.offer(2)]
        var record = VersionRecord()
        record.sessionFailed()
        #expect(InterfaceSelection(Self.question(), offers: offers) { _ in record }.wanted == Self.version(2))
    }

    @Test func onlyCanariesTryWhatIsNotKnown() throws {
        let offers = try [Self.offer(1), Self.offer(2)]
        var known = VersionRecord()
        for _ in 0..<VersionRecord.enough { known.sessionOpened(in: .milliseconds(20)) }
        let records = [Self.version(1): known]
        #expect(
            InterfaceSelection(Self.question(canary: false), offers: offers) { records[$0] }.wanted == Self.version(1))
        #expect(
            InterfaceSelection(Self.question(canary: true), offers: offers) { records[$0] }.wanted == Self.version(2))
        // Where nothing is known somebody must begin.
        #expect(InterfaceSelection(Self.question(canary: false), offers: offers).wanted == Self.version(2))
    }

    @Test func aRefusalListsWhatBothSidesHave() throws {
        var question = Self.question()
        question.client.installed = [Self.version(1)]
        question.server.installed = [Self.version(2)]
        let selection = InterfaceSelection(question, offers: try [Self.offer(1), Self.offer(2)])
        let refusal = #expect(throws: NoSharedVersion.self) { try selection.choose(question) }
        #expect(refusal?.agent == [Self.version(1)])
        #expect(refusal?.server == [Self.version(2)])
        #expect(refusal?.description.contains("1.1.0") == true)
    }

    /// Whatever the circumstances: what is chosen is at both ends, allowed, and as good as anything that is.
    @Test func nothingForbiddenIsEverChosen() throws {
        var random = SeededGenerator(seed: 5)
        let all = try (0..<6).map {
            try Self.offer(
                UInt32($0), capabilities: $0 % 2 == 0 ? ["a"] : ["a", "b"], leastLibc: $0 == 4 ? "2.40" : "")
        }
        for _ in 0..<2_000 {
            func some() -> [InterfaceVersion] { all.map(\.version).filter { _ in random.chance(1, in: 2) } }
            let offers = all.filter { _ in random.chance(3, in: 4) }
            var question = Self.question(needs: random.chance(1, in: 2) ? ["b"] : [], canary: random.chance(1, in: 2))
            question.client.installed = some()
            question.server.installed = some()
            for version in some() where random.chance(1, in: 3) { question.client.unusable[version] = "broken" }
            if random.chance(1, in: 3) { question.rule = VersionRule("<1.\(1 + random.below(6)).0") }
            let quarantined = Dictionary(uniqueKeysWithValues: some().prefix(1).map { ($0, "crashes") })
            let selection = InterfaceSelection(question, offers: offers, quarantined: quarantined)
            #expect(selection.candidates.count == offers.count)

            func isPossible(_ offer: InterfaceOffer) -> Bool {
                question.client.unusable[offer.version] == nil && quarantined[offer.version] == nil
                    && offer.manifest?.leastLibcVersion.isEmpty == true
                    && question.rule?.allows(offer.version.version) ?? true
            }
            let possible = offers.filter(isPossible)
            let shared = possible.filter {
                question.client.installed.contains($0.version) && question.server.installed.contains($0.version)
            }
            // The slow way: the fewest unmet needs, then the last in the operator's order.
            func best(_ offers: [InterfaceOffer]) -> InterfaceVersion? {
                let unmet = { (offer: InterfaceOffer) in
                    question.needs.subtracting(offer.manifest?.capabilities ?? []).count
                }
                let least = offers.map(unmet).min()
                return offers.last { unmet($0) == least }?.version
            }
            #expect(selection.wanted == best(possible))
            #expect(selection.chosen == best(shared))
        }
    }
}

@Suite struct VersionRuleTests {
    @Test(arguments: ["1.2.0", ">=1.2.0", "<2.0.0", ">=1.2.0 <2.0.0", ">=1.0.0-beta.1"])
    func rulesComeBackAsTheyWereWritten(text: String) throws {
        #expect(try #require(VersionRule(text)).description == text)
    }

    @Test(arguments: [
        "", "latest", "1.2", ">1.0.0", ">=1.0.0 >=2.0.0", ">=2.0.0 <1.0.0", ">=1.0.0 <1.0.0", "1.0.0 <2.0.0",
    ])
    func whatIsNoRuleIsRefused(text: String) { #expect(VersionRule(text) == nil) }

    @Test func theNarrowerRuleGoesBeforeTheWider() throws {
        let instance = InstanceDescription(
            id: InstanceID(unchecked: "i"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "a"))
        let night = PriorityClassName(unchecked: "night")
        var rules = VersionRules()
        let scopes: [VersionRules.Scope] = [
            .priorityClass(night), .tenant(instance.tenant), .application(instance.application),
            .instance(instance.id),
        ]
        #expect(rules.rule(for: instance, class: night) == nil)
        for (minor, scope) in scopes.enumerated() {
            let rule = VersionRule(only: SemanticVersion(1, UInt32(minor), 0))
            rules.set(rule, for: scope)
            #expect(rules.rule(for: instance, class: night)?.rule == rule)
        }
        rules.set(nil, for: .instance(instance.id))
        #expect(rules.rule(for: instance, class: night)?.scope == .application(instance.application))
    }
}
