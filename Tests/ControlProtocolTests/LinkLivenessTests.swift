import ControlProtocol
import Testing

/// When a silent peer is probed, and when it is given up.
@Suite struct LinkLivenessTests {
    @Test func `a silent peer is probed every half second and dead after its limit`() {
        let liveness = LinkLiveness()
        let now = ContinuousClock.now
        #expect(liveness.look(at: now + .milliseconds(1_400)) == .alive, "a report a second is no silence")
        #expect(liveness.look(at: now + .milliseconds(1_600)) == .probe)
        #expect(liveness.look(at: now + .milliseconds(1_700)) == .alive, "it has been probed")
        #expect(liveness.look(at: now + .milliseconds(2_200)) == .probe)
        #expect(liveness.look(at: now + .milliseconds(2_600)) == .dead)
    }

    @Test func `who is heard lives`() {
        let liveness = LinkLiveness()
        #expect(liveness.look(at: .now + .milliseconds(1_600)) == .probe)
        liveness.heard()
        #expect(liveness.look(at: .now + .milliseconds(1_400)) == .alive)
        #expect(liveness.look(at: .now + .milliseconds(1_600)) == .probe, "the probe before was answered")
    }

    @Test func `time in which nothing could be heard is no silence`() {
        let liveness = LinkLiveness()
        let now = ContinuousClock.now
        // A minute in which this process was stopped.
        #expect(liveness.look(at: now + .seconds(61), late: .seconds(60)) == .alive)
        #expect(liveness.look(at: now + .milliseconds(62_600)) == .dead)
    }

    @Test func `handing on what came is no silence of the peer's`() async {
        let liveness = LinkLiveness()
        await liveness.delivering { #expect(liveness.look(at: .now + .seconds(60)) == .alive) }
        #expect(liveness.look(at: .now + .seconds(60)) == .dead)
    }
}
