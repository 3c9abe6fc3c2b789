import ArgumentParser
import Determinism
import FleetModel
import Foundation
import Testing

@testable import Commands

@Suite struct PayloadTests {
    @Test func `a request reads back as it was written`() {
        let request = PayloadRequest(bytes: 3_000_000, seed: .max, bytesPerSecond: 3_000_000)
        #expect(PayloadRequest(line: String(request.line.dropLast())) == request)
    }

    @Test(arguments: [
        "", "PAYLOAD", "PAYLOAD 1 2", "GET 1 2 3000", "PAYLOAD 0 1 3000", "PAYLOAD 99999999999 1 3000",
        "PAYLOAD -1 1 3000", "PAYLOAD 1 1 1", "PAYLOAD 1 1 3000 4",
    ])
    func `a malformed or oversized request is refused`(line: String) {
        #expect(PayloadRequest(line: line) == nil)
    }

    @Test func `a payload arrives whole and is the same for equal seeds`() throws {
        let server = try PayloadServer()
        Thread.detachNewThread { server.run() }
        defer { server.listener.close() }
        let request = PayloadRequest(bytes: 100_001, seed: 4, bytesPerSecond: 100_000_000)
        let first = try PayloadClient.receive(request, port: server.listener.port)
        #expect(first.count == 100_001)
        #expect(try PayloadClient.receive(request, port: server.listener.port) == first)
    }

    @Test func `the signature depends on the words and not on their order`() {
        let one = PayloadSignature.compute(Array("kitten under the table".utf8))
        let other = PayloadSignature.compute(Array("table the under kitten".utf8))
        let different = PayloadSignature.compute(Array("kitten on the table".utf8))
        #expect(one == other)
        #expect(one != different)
    }
}

@Suite struct CacheKernelsTests {
    @Test func `the expected result is the sum over a cache that was filled by hand`() {
        let (entries, seed, token) = (UInt32(4_096), UInt32(77), UInt32(5))
        let cache = (0..<entries).map { CacheKernels.mixed($0 ^ seed) }
        for item in [UInt32(0), 17, 1_023] {
            var sum: UInt32 = 0
            for read in 0..<CacheKernels.readsPerItem {
                let place = CacheKernels.mixed(item * CacheKernels.readsPerItem + read + token) % entries
                sum &+= cache[Int(place)]
            }
            #expect(CacheKernels.expectedResult(item: item, token: token, entries: entries, seed: seed) == sum)
        }
    }
}

@Suite struct LoadOptionsTests {
    @Test func `a plan stays within the memory cap, whatever the tokens`() throws {
        let load = try LoadOptions.parse(["--memory-cap", "64MiB"])
        for tokens in [0, 1, 500, 1_000_000] {
            let arrival = Arrival(at: 0, contextTokens: tokens, generatedTokens: 0)
            let plan = load.plan(for: arrival, seed: 1)
            #expect(plan.cacheBytes < 64 << 20)
            #expect((1...PayloadRequest.maximumBytes).contains(plan.payloadBytes))
        }
    }

    @Test func `options survive their way to another process`() throws {
        let arguments = [
            "--seed", "9", "--mean-gap", "33", "--gap-cv", "1.5", "--minimum-gap", "7", "--memory-cap",
            "1GiB", "--uplink", "5000000", "--requests", "r.csv", "--fleet", "12", "--users",
        ]
        let load = try LoadOptions.parse(arguments)
        #expect(try LoadOptions.parse(load.arguments).arguments == load.arguments)
        #expect(load.memoryCap.bytes == .gibibytes(1))
    }

    @Test func `every second instance has a user, and an application type of its own`() throws {
        let load = try LoadOptions.parse(["--users"])
        let arrivals = try load.arrivals(for: 600, member: 0, of: 2)
        #expect(load.user(before: arrivals, for: 600, member: 0) != nil)
        #expect(load.user(before: arrivals, for: 600, member: 1) == nil)
        #expect(load.application(member: 0) != load.application(member: 1))
        #expect(try LoadOptions.parse([]).user(before: arrivals, for: 600, member: 0) == nil)
    }
}
