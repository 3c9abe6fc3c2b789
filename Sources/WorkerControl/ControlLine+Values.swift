import FleetModel

extension ControlLine {
    /// A number from 0 up.
    func amount(_ key: String) -> Int64? {
        self[key].flatMap { Int64($0) }.flatMap { $0 < 0 ? nil : $0 }
    }

    func flag(_ key: String) -> Bool? {
        self[key].flatMap { Bool($0) }
    }

    /// `memory=` bytes and `compute=` thousandths, each from 0 up.
    var slice: Slice? {
        get {
            guard let memory = amount("memory"), let compute = amount("compute").flatMap(Int32.init(exactly:))
            else { return nil }
            return Slice(memory: Bytes(memory), compute: MilliShare(compute))
        }
        set {
            self["memory"] = newValue.map { String($0.memory.rawValue) }
            self["compute"] = newValue.map { String($0.compute.rawValue) }
        }
    }

    /// `epoch=TERM.COUNTER`.
    var epoch: Epoch? {
        get { self["epoch"].flatMap { Epoch(controlText: $0) } }
        set { self["epoch"] = newValue?.description }
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
