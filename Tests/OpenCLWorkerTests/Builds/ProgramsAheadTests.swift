import Foundation
import RemotingCore
import Synchronization
import Testing

@testable import OpenCLWorker

@Suite("Programs built ahead")
struct ProgramsAheadTests {
    private static let builds = (1...3).map { number in
        SourceBuild(step: .build, options: [], source: [UInt8(number)])
    }.map { (digest: $0.digest(for: []), build: $0) }

    @Test("are handed out once each")
    func handsOut() throws {
        let ahead = try ProgramsAhead<NSNumber>(Self.builds)
        let begun = DispatchSemaphore(value: 0)
        try ahead.start { build in
            begun.signal()
            return (NSNumber(value: build.source[0]), ProgramBuild(code: 0))
        }
        for (number, build) in Self.builds.enumerated() {
            begun.wait()
            #expect(ahead.take(build.digest, within: .seconds(60))?.program.intValue == number + 1)
            #expect(ahead.take(build.digest, within: .seconds(60)) == nil)
        }
    }

    @Test("are waited for when they are being built, and not built when they were asked for before")
    func waits() throws {
        let ahead = try ProgramsAhead<NSNumber>(Self.builds)
        let (begun, goesOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let built = Mutex<[UInt8]>([])
        let ended = DispatchSemaphore(value: 0)
        try ahead.start { build in
            built.withLock { $0.append(build.source[0]) }
            if build.source[0] == 1 {
                begun.signal()
                goesOn.wait()
            } else {
                ended.signal()
            }
            return (NSNumber(value: build.source[0]), ProgramBuild(code: 0))
        }
        begun.wait()
        #expect(ahead.take(Self.builds[1].digest, within: .seconds(60)) == nil)
        #expect(ahead.take(Self.builds[0].digest, within: .milliseconds(10)) == nil)
        goesOn.signal()
        #expect(ahead.take(Self.builds[0].digest, within: .seconds(60))?.program.intValue == 1)
        ended.wait()
        #expect(built.withLock { $0 } == [1, 3])
    }

    @Test("are none where they fail: the program's own build says why")
    func failure() throws {
        let ahead = try ProgramsAhead<NSNumber>(Array(Self.builds.prefix(1)))
        let ended = DispatchSemaphore(value: 0)
        try ahead.start { _ in
            ended.signal()
            return (nil, ProgramBuild(code: -11))
        }
        ended.wait()
        #expect(ahead.take(Self.builds[0].digest, within: .seconds(60)) == nil)
    }
}
