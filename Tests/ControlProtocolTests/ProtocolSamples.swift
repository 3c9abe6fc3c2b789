import Determinism
import FleetModel

/// Draws valid values of every message, each field from its whole range.
struct ProtocolSamples {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func maybe<T>(_ make: (inout Self) -> T) -> T? { random.chance(1, in: 2) ? make(&self) : nil }

    mutating func several<T>(_ most: UInt64 = 4, _ make: (inout Self) -> T) -> [T] {
        (0..<random.below(most + 1)).map { _ in make(&self) }
    }

    mutating func pick<T>(_ all: [T]) -> T { all[Int(random.below(UInt64(all.count)))] }

    mutating func word() -> String {
        let alphabet = Array("abcXYZ019._:/@-")
        return String((0...random.below(12)).map { _ in alphabet[Int(random.below(UInt64(alphabet.count)))] })
    }

    mutating func id<ID: FleetIdentifier>() -> ID { ID(unchecked: word()) }

    mutating func text() -> String { pick(["", "plain", "zwölf Grenzen", "日本語", "quote \" and \n line"]) }

    mutating func rate() -> Double { pick([0, 0.5, 1e12, 1e18, random.unit() * 1e6]) }

    mutating func duration() -> Duration { .nanoseconds(Int64(1 + random.below(1_000_000_000_000))) }

    mutating func moment() -> MonotonicTime { MonotonicTime(rawValue: Int64(random.below(1 << 50))) }

    mutating func epoch() -> Epoch { Epoch(term: random.next() >> 2, counter: random.next() >> 2) }

    mutating func grant() -> GrantID { GrantID(rawValue: random.next()) }

    mutating func request() -> RequestID { RequestID(rawValue: random.next()) }

    mutating func slice() -> Slice {
        Slice(memory: Bytes(Int64(random.below(1 << 48))), compute: MilliShare(Int32(random.below(1_001))))
    }

    mutating func device() -> DeviceID { DeviceID(server: id(), index: Int(random.below(1_024))) }

    mutating func endpoint() -> SessionEndpoint {
        SessionEndpoint(host: pick(["10.0.0.1", "::1", "gpu-1.example"]), port: UInt16(1 + random.below(65_535)))
    }

    mutating func version() -> InterfaceVersion {
        let bytes = (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        guard let digest = ContentDigest(bytes: bytes) else { preconditionFailure("32 bytes make a digest") }
        let number = SemanticVersion(
            UInt32(truncatingIfNeeded: random.next()), 0, 7, prerelease: pick([[], ["rc", "1"], ["alpha"]]))
        return InterfaceVersion(kind: "opencl", version: number, digest: digest)
    }

    mutating func ticket() -> SessionTicket { SessionTicket(high: random.next(), low: random.next()) }

    mutating func instance() -> InstanceDescription {
        InstanceDescription(id: id(), tenant: id(), application: id(), priorityClass: id(), user: maybe { $0.id() })
    }

    mutating func sample() -> TelemetrySample {
        TelemetrySample(
            at: moment(), cpuMilli: maybe { $0.rate() }, memory: maybe { $0.slice().memory },
            networkInRate: maybe { $0.rate() }, networkOutRate: maybe { $0.rate() },
            gpuMemory: maybe { $0.slice().memory }, gpuCompute: maybe { $0.slice().compute },
            workInFlight: maybe { $0.rate() }, userIdle: maybe { $0.duration() })
    }

    mutating func heldSession() -> HeldSession {
        HeldSession(grant: grant(), epoch: epoch(), state: pick([.opening, .held, .handedOver]))
    }

    mutating func agentMessage() -> AgentMessage {
        switch random.below(9) {
        case 0:
            .hello(
                AgentHello(
                    agent: id(), softwareVersion: text(), protocolRevision: UInt32(random.below(5)),
                    instances: several { $0.instance() }, installed: several { $0.version() },
                    held: several { $0.heldSession() }, platform: platform()))
        case 1:
            .report(
                PredictionReport(
                    sequence: random.next(), sentAt: moment(),
                    telemetry: several {
                        InstanceTelemetry(
                            instance: $0.id(), incarnation: $0.random.next(),
                            source: $0.pick([.cgroupV2, .cgroupV1, .processTree, .host, .trace]),
                            samples: $0.several { $0.sample() })
                    },
                    heartbeat: maybe {
                        AgentHeartbeat(sequence: $0.random.next(), held: $0.several { $0.heldSession() })
                    }))
        case 2: .heartbeat(AgentHeartbeat(sequence: random.next(), held: several { $0.heldSession() }))
        case 3: .instanceChanged(instance(), present: random.chance(1, in: 2))
        case 4:
            .gpuRequested(GPURequest(request: request(), instance: id(), library: maybe { $0.version().version }))
        case 5: .gpuRequestCancelled(request())
        case 6:
            .acknowledged(
                NotificationAcknowledgement(
                    grant: grant(), epoch: epoch(),
                    outcome: pick([
                        .ready, .handedOver(nil), .handedOver(request()), .failed(text()), .released, .ended,
                    ])))
        case 7: .interfaceUnavailable(version(), reason: text())
        default: .interfaceInstalled(version())
        }
    }

    mutating func platform() -> HostPlatform {
        maybe { HostPlatform(name: $0.word(), libcVersion: "2.\($0.random.below(90))") } ?? HostPlatform()
    }

    mutating func sources() -> InterfaceSources {
        InterfaceSources(
            manager: "http://10.0.0.1:7401", peers: several { "http://\($0.word()):7403" },
            testsAnew: random.chance(1, in: 2))
    }

    mutating func welcome() -> ManagerWelcome {
        ManagerWelcome(
            term: random.next(), period: duration(), softwareVersion: text(),
            takesHeartbeatsInReports: random.chance(1, in: 2))
    }

    mutating func managerToAgentMessage() -> ManagerToAgentMessage {
        switch random.below(6) {
        case 0: .welcome(welcome())
        case 1:
            .allocation(
                AllocationNotification(
                    grant: grant(), instance: id(), level: pick([.warm, .reserved]), slice: slice(),
                    endpoint: endpoint(), version: version(), ticket: ticket(), epoch: epoch(),
                    timeToLive: duration(), request: maybe { $0.request() }))
        case 2:
            .withdrawal(
                AllocationWithdrawal(grant: grant(), epoch: epoch(), reason: pick(ReclaimReason.allCases)))
        case 3: .requestRefused(request(), reason: text())
        case 4: .heartbeatAcknowledged(sequence: random.next())
        default: .prepareInterface(version(), from: sources())
        }
    }

    mutating func heldGrant() -> HeldGrant {
        HeldGrant(
            grant: grant(), instance: id(), device: device(), epoch: epoch(),
            level: pick([.warm, .reserved, .attached]), slice: slice(), endpoint: maybe { $0.endpoint() },
            usedMemory: slice().memory, usedCompute: slice().compute, workerMemory: slice().memory,
            commandTime: CommandTime(busy: duration(), processors: duration()), activity: activity())
    }

    mutating func activity() -> SessionActivity {
        SessionActivity(
            commandRate: rate(), receiveRate: rate(), sendRate: rate(), queueDepth: Int32(random.below(5_000)),
            capabilities: Set(several { $0.word() }))
    }

    mutating func deviceDescription(_ id: DeviceID) -> DeviceDescription {
        DeviceDescription(
            id: id, kind: pick([.openCL, .synthetic]), model: text(), vendor: text(), driverVersion: text(),
            apiVersion: text(), memory: slice().memory, computeUnits: Int(random.below(10_000)),
            extensions: several { $0.word() }, isHostProcessor: random.chance(1, in: 2))
    }

    mutating func workerEnd() -> WorkerEnd {
        pick([
            .closed, .failed(status: 1 + Int32(random.below(255))), .killed(signal: 1 + Int32(random.below(64))),
            .vanished, .ordered, .overran,
        ])
    }

    mutating func gpuServerMessage() -> GPUServerMessage {
        switch random.below(7) {
        case 0:
            let server: GPUServerID = id()
            let devices = (0..<Int(random.below(4))).map { deviceDescription(DeviceID(server: server, index: $0)) }
            return .hello(
                GPUServerHello(
                    server: server, softwareVersion: text(), devices: devices, held: several { $0.heldGrant() },
                    epochs: devices.map { _ in epoch() }, installed: several { $0.version() }, platform: platform(),
                    bundleSource: maybe { "http://\($0.word()):7403" } ?? "",
                    host: GPUServerHost(
                        failureDomain: maybe { $0.id() }, memory: maybe { $0.slice().memory },
                        processors: maybe { 0.5 + Double($0.random.below(64)) })))
        case 1: return .heartbeat(GPUServerHeartbeat(sequence: random.next(), held: several { $0.heldGrant() }))
        case 2:
            return .commandAnswered(
                GrantCommandAnswer(
                    grant: grant(), epoch: epoch(),
                    outcome: pick([
                        .inForce(endpoint: nil), .inForce(endpoint: endpoint()), .refusedStale(seen: epoch()),
                        .refusedMemory(free: slice().memory), .refusedAttached, .failed(text()),
                    ])))
        case 3:
            return .grantEnded(
                GrantEnd(
                    grant(), pick(ReclaimReason.allCases), worker: maybe { $0.workerEnd() },
                    wasInUse: random.chance(1, in: 2)))
        case 4: return .interfaceUnavailable(version(), reason: text())
        case 5:
            return .interfaceMeasured(
                InterfaceMeasurement(
                    version: version(), timeToOpen: duration(), commandRate: Double(random.below(1_000_000) + 1)))
        default: return .interfaceInstalled(version())
        }
    }

    mutating func managerToGPUServerMessage() -> ManagerToGPUServerMessage {
        switch random.below(5) {
        case 0: .welcome(welcome())
        case 1:
            .command(
                GrantCommand(
                    grant: grant(), instance: id(), device: device(), epoch: epoch(),
                    goal: pick([.warm, .reserved, .released]), slice: slice(), ticket: ticket(), version: version(),
                    timeToLive: duration()))
        case 2: .renew(epoch: epoch(), grants: several { $0.grant() }, timeToLive: duration())
        case 3: .heartbeatAcknowledged(sequence: random.next())
        default: .prepareInterface(version(), from: sources())
        }
    }

    mutating func event() -> FleetEvent {
        FleetEvent(
            at: moment(), kind: pick(FleetEvent.Kind.allCases), instance: maybe { $0.id() },
            grant: maybe { $0.grant() }, device: maybe { $0.device() }, detail: text())
    }

    mutating func forecast() -> DemandForecast {
        var forecast = DemandForecast(madeAt: moment(), horizons: horizons())
        for index in 0..<DemandForecast.curveCount {
            let scale = rate()
            forecast.curves[index] = QuantileCurve { Double($0) * scale }
        }
        for horizon in 0..<3 {
            forecast.onset[horizon] = Float(random.unit())
            forecast.ending[horizon] = Float(random.unit())
        }
        return forecast
    }

    mutating func trust() -> ForecastTrust {
        ForecastTrust(
            basis: pick(ForecastTrust.Basis.allCases), scored: rate(), lossAgainstClimate: maybe { $0.rate() },
            coverage95: maybe { $0.random.unit() })
    }

    mutating func horizons() -> ForecastHorizons { pick([.standard, ForecastHorizons([1, 2, 30]) ?? .standard]) }

    mutating func accuracy() -> AccuracyOverview {
        var accuracy = AccuracyOverview(
            horizons: horizons(), sampled: random.next(), scored: random.next(),
            weightedQuantileLoss: maybe { $0.rate() },
            lossAgainstClimate: maybe { $0.rate() }, coverage80: maybe { $0.random.unit() },
            coverage95: maybe { $0.random.unit() },
            applications: several { .init(application: $0.id(), trust: $0.trust()) }, promotions: random.next(),
            rollbacks: random.next())
        guard random.chance(1, in: 2) else { return accuracy }
        for resource in Resource.allCases {
            for target in ForecastTarget.allCases {
                for horizon in ForecastHorizon.allCases {
                    accuracy.cells.append(
                        .init(
                            resource: resource, target: target, horizon: horizon,
                            weightedQuantileLoss: maybe { $0.rate() }, lossAgainstClimate: maybe { $0.rate() },
                            coverage90: maybe { $0.random.unit() }, coverage95: maybe { $0.random.unit() },
                            coverage99: maybe { $0.random.unit() }))
                }
            }
        }
        return accuracy
    }

    mutating func instanceForecast() -> InstanceForecast {
        let memory = several(60) { Float($0.rate()) }
        return InstanceForecast(
            at: moment(),
            instance: InstanceOverview(
                description: instance(), agent: id(), readiness: pick(Readiness.allCases), slice: slice(),
                device: maybe { $0.device() },
                latest: LoadObservation(second: 7, gpuMemory: rate(), gpuCompute: rate()),
                source: .host, telemetryAge: duration(), forecast: maybe { $0.forecast() },
                trust: maybe { $0.trust() }, shortfall: maybe { $0.text() },
                activity: maybe { $0.activity() }),
            course: DemandCourse(memory: memory, compute: memory.map { $0 / 2 }),
            past: several(65) { samples in
                let forecast = samples.forecast()
                return PastForecast(
                    second: Int64(samples.random.below(1 << 40)), memory: forecast.curves[0],
                    compute: forecast.curves[6])
            },
            accuracy: accuracy())
    }
}
