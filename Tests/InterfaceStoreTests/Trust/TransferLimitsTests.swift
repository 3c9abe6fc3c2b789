@testable import InterfaceStore
import InterfaceCore
import Testing

@Suite struct TransferLimitsTests {
    private let start = ContinuousClock.now

    @Test func tooLittleInAWindowIsTooSlow() throws {
        var limits = TransferLimits()
        limits.window = .seconds(8)
        limits.leastRate = 1_000
        var pace = TransferPace(limits, at: start)
        for second in 1...7 { _ = try pace.received(1, at: start + .seconds(second)) }
        #expect(throws: TrustError.self) { try pace.received(1, at: start + .seconds(8)) }
    }

    @Test func enoughInEachWindowIsFastEnough() throws {
        var limits = TransferLimits()
        limits.window = .seconds(8)
        limits.leastRate = 1_000
        var pace = TransferPace(limits, at: start)
        for window in 1...100 { _ = try pace.received(8_000, at: start + .seconds(8 * window)) }
        #expect(throws: TrustError.self) { try pace.received(7_999, at: start + .seconds(808)) }
    }

    @Test func aGreatestRateIsKeptByWaiting() throws {
        var limits = TransferLimits()
        limits.greatestRate = 100_000
        var pace = TransferPace(limits, at: start)
        #expect(try pace.received(50_000, at: start) == .milliseconds(500))
        #expect(try pace.received(50_000, at: start + .milliseconds(500)) == .milliseconds(500))
        #expect(try pace.received(0, at: start + .seconds(2)) == .zero)
        limits.greatestRate = nil
        pace = TransferPace(limits, at: start)
        #expect(try pace.received(1 << 30, at: start) == .zero)
    }
}
