import Determinism
import FleetModel
import Testing

@testable import AllocationCore

@Suite struct FragmentationTableTests {
    private let kind = ServerKind(model: "A")

    private func gaps(_ values: [Int16]) -> SIMD16<Int16> {
        var gaps = SIMD16<Int16>(repeating: 0)
        for (lane, value) in values.enumerated() { gaps[lane] = value }
        return gaps
    }

    private func amount(_ mix: RequestMix, _ values: [Int16], cpu: Int, kind: ServerKind? = nil) -> Int {
        FragmentationTable(typical: mix, kind: kind ?? self.kind)
            .amount(gaps: gaps(values), totalGap: values.reduce(0) { $0 + Int($1) }, freeCPU: cpu)
    }

    @Test func `gaps that are too small are lost where the request fits`() {
        #expect(amount(RequestMix([share(500)]), [300, 700, 500], cpu: 8_000) == 300)
    }

    @Test func `all is lost without the processors, the devices or the model`() {
        #expect(amount(RequestMix([share(500, cpu: 9_000)]), [300, 700], cpu: 8_000) == 1_000)
        #expect(amount(RequestMix([share(800)]), [300, 700], cpu: 8_000) == 1_000)
        #expect(amount(RequestMix([whole(2)]), [1_000, 700], cpu: 8_000) == 1_700)
        #expect(amount(RequestMix([share(100, models: ["B"])]), [300, 700], cpu: 8_000) == 1_000)
        #expect(amount(RequestMix([host(cpu: 1_000)]), [300, 700], cpu: 8_000) == 1_000)
    }

    @Test func `requests weigh as often as they come`() {
        let mix = RequestMix([share(500), share(500), share(500), whole(2)])
        #expect(amount(mix, [1_000, 400], cpu: 64_000) == 3 * 400 + 1_400)
    }

    @Test func `a share counts as the larger of its compute and its memory`() {
        let small = ServerKind(model: "A", deviceMemory: 10_000)
        #expect(amount(RequestMix([share(100, memory: 6_001)]), [600, 700], cpu: 64_000, kind: small) == 600)
        #expect(amount(RequestMix([share(100, memory: 10_001)]), [1_000], cpu: 64_000, kind: small) == 1_000)
    }

    /// The definition, request by request.
    private func slow(_ mix: RequestMix, _ values: [Int16], cpu: Int, kind: ServerKind) -> Int {
        let total = values.reduce(0) { $0 + Int($1) }
        return mix.entries.reduce(0) { sum, entry in
            let needs: (devices: Int, gap: Int)? =
                switch entry.shape.devices {
                case .none, .partition: nil
                case .whole(let count): (count, 1_000)
                case .share: entry.shape.dominantShare(deviceMemory: kind.deviceMemory).map { (1, $0) }
                }
            let suits = entry.shape.models.isEmpty || entry.shape.models.contains(kind.model)
            guard let needs, suits, entry.shape.cpuMilli <= cpu,
                values.count(where: { Int($0) >= needs.gap }) >= needs.devices
            else { return sum + entry.count * total }
            return sum + entry.count * values.reduce(0) { $0 + (Int($1) < needs.gap ? Int($1) : 0) }
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `the table says what the definition says`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let mix = RequestMix((0..<40).map { _ in drawnShape(&random) })
        let kind = ServerKind(model: random.chance(1, in: 2) ? "A" : "B", deviceMemory: Int(random.below(3)) * 8_000)
        let values = (0..<Int(random.below(17))).map { _ in
            random.chance(1, in: 3) ? 1_000 : Int16(random.below(1_001))
        }
        let cpu = Int(random.below(12_000))
        #expect(amount(mix, values, cpu: cpu, kind: kind) == slow(mix, values, cpu: cpu, kind: kind))
    }

    @Test func `typical requests are the most frequent that cover 95 per cent`() {
        let mix = RequestMix(
            Array(repeating: share(300), count: 60) + Array(repeating: share(400), count: 34) + [share(500)]
                + [share(510)] + Array(repeating: share(600), count: 4))
        #expect(mix.typical().entries.map(\.count) == [60, 34, 4])
        #expect(mix.typical(covering: 60).entries.map(\.count) == [60])
    }
}
