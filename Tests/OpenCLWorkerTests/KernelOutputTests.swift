import Foundation
import Glibc
import Testing

@testable import OpenCLWorker

@Suite("What kernels print")
struct KernelOutputTests {
    @Test("is taken once, in order, in pieces, and the file has no name")
    func takes() throws {
        let path = NSTemporaryDirectory() + "output-" + UUID().uuidString
        let descriptor = open("/dev/null", O_WRONLY)
        defer { close(descriptor) }
        let output = try KernelOutput(path: path, taking: descriptor)
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(output.take(10).isEmpty)
        func printed(_ text: String) {
            let bytes = Array(text.utf8)
            _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        }
        printed("hello")
        printed(" world")
        #expect(String(decoding: output.take(7), as: UTF8.self) == "hello w")
        #expect(String(decoding: output.take(100), as: UTF8.self) == "orld")
        printed(String(repeating: "x", count: 2 << 20))
        while !output.take(1 << 20).isEmpty {}
        output.clear()
        printed("again")
        #expect(String(decoding: output.take(100), as: UTF8.self) == "again")
    }
}
