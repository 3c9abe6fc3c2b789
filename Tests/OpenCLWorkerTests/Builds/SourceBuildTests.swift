import RemotingCore
import Testing

@testable import OpenCLWorker

@Suite("A build of a source")
struct SourceBuildTests {
    private static let build = SourceBuild(
        step: .compile, options: Array("-DX=1".utf8), source: Array("kernel void f() {}".utf8),
        headers: [("a.h", [1, 2]), ("b/c.h", [])])

    @Test("is read as it was written, and nothing else is")
    func coding() throws {
        let read = try SourceBuild(encoded: Self.build.encoded)
        #expect(read.step == .compile && read.options == Self.build.options && read.source == Self.build.source)
        #expect(read.headers.map(\.name) == ["a.h", "b/c.h"] && read.headers.map(\.source) == [[1, 2], []])
        let bytes = Self.build.encoded
        for count in 0..<bytes.count {
            #expect(throws: RemotingError.self) { try SourceBuild(encoded: bytes.prefix(count)) }
        }
        #expect(throws: RemotingError.self) { try SourceBuild(encoded: bytes + [0]) }
        #expect(throws: RemotingError.self) { try SourceBuild(encoded: [9] + bytes.dropFirst()) }
    }

    @Test("has a digest of its own: of another source, option, step, header or device there is another")
    func digests() {
        var others = [Self.build, Self.build, Self.build, Self.build]
        others[0].source.append(0x20)
        others[1].options = []
        others[2].step = .build
        others[3].headers[1].name = "b/d.h"
        let digests = others.map { $0.digest(for: [1]) } + [Self.build.digest(for: [1]), Self.build.digest(for: [2])]
        #expect(Set(digests).count == digests.count)
        #expect(Self.build.digest(for: [1]) == Self.build.digest(for: [1]))
        #expect(digests[0].text.utf8.count == 64)
    }

    @Test("is answered by code and log, and a peer that says something else is not believed")
    func answers() {
        let answer = ProgramBuild(code: -11, log: Array("error".utf8)[...])
        #expect(CompilerWire.build(ofAnswer: CompilerWire.answer(answer)) == answer)
        #expect(CompilerWire.build(ofAnswer: []) == nil)
        #expect(CompilerWire.build(ofAnswer: CompilerWire.answer(answer) + [1]) == nil)
    }
}
