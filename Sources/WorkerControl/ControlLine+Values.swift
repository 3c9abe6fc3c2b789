import FleetModel

/// The bounds of what a line may say, which are a manager's. A GPU server hands on what its workers tell it, and a
/// manager that is told more takes that for the GPU server's fault, and the link of all its sessions with it.
enum ControlLimits {
    /// Bytes of memory.
    static let memory: Int64 = 1 << 48
    /// Terms and counters are below it.
    static let epoch: UInt64 = 1 << 62
    /// Nanoseconds: ten years.
    static let duration: Int64 = 315_360_000_000_000_000
    static let device: UInt16 = 1_023
    static let host = 253
    static let capability = 64
    /// Bytes of a reason.
    static let reason = 500
}

extension ControlLine {
    /// A number from 0 to `greatest`.
    func amount(_ key: String, to greatest: Int64) -> Int64? {
        self[key].flatMap { Int64($0) }.flatMap { (0...greatest).contains($0) ? $0 : nil }
    }

    func flag(_ key: String) -> Bool? {
        self[key].flatMap { Bool($0) }
    }

    /// `memory=` bytes and `compute=` thousandths of a device.
    var slice: Slice? {
        get {
            guard let memory = amount("memory", to: ControlLimits.memory),
                let compute = amount("compute", to: Int64(MilliShare.wholeDevice.rawValue))
            else { return nil }
            return Slice(memory: Bytes(memory), compute: MilliShare(Int32(compute)))
        }
        set {
            self["memory"] = newValue.map { String($0.memory.rawValue) }
            self["compute"] = newValue.map { String($0.compute.rawValue) }
        }
    }

    /// `epoch=TERM.COUNTER`.
    var epoch: Epoch? {
        get {
            guard let epoch = self["epoch"].flatMap({ Epoch(controlText: $0) }), epoch.term < ControlLimits.epoch,
                epoch.counter < ControlLimits.epoch
            else { return nil }
            return epoch
        }
        set { self["epoch"] = newValue?.description }
    }

    /// `host=`, a name or a numeric address, and `port=`.
    var endpoint: SessionEndpoint? {
        get {
            guard let host = self["host"], (1...ControlLimits.host).contains(host.utf8.count),
                host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), let port = self["port"].flatMap({ UInt16($0) }),
                port > 0
            else { return nil }
            return SessionEndpoint(host: host, port: port)
        }
        set {
            self["host"] = newValue?.host
            self["port"] = newValue.map { String($0.port) }
        }
    }

    /// `high=` and `low=`, each 64 bits as a decimal number.
    var ticket: SessionTicket? {
        get {
            guard let high = self["high"].flatMap({ UInt64($0) }), let low = self["low"].flatMap({ UInt64($0) })
            else { return nil }
            return SessionTicket(high: high, low: low)
        }
        set {
            self["high"] = newValue.map { String($0.high) }
            self["low"] = newValue.map { String($0.low) }
        }
    }
}

extension Epoch {
    /// `TERM.COUNTER`, as ``description`` writes it.
    init?(controlText text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let term = UInt64(parts[0]), let counter = UInt64(parts[1]) else { return nil }
        self.init(term: term, counter: counter)
    }
}
