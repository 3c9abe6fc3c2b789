import Glibc
import Testing

@testable import AgentRuntime

struct StartupPagesTests {
    @Test(arguments: [
        ("7f00a000-7f00c000 r-xp 00001000 fe:00 1234  /usr/lib/libc.so.6\n", 0x7f00_a000 as UInt..<0x7f00_c000),
        ("55d0-55e0 r-xp 0 fe:00 1 /opt/a program", 0x55d0 as UInt..<0x55e0),
    ])
    func `code of a file is found`(line: String, expected: Range<UInt>) {
        #expect(StartupPages.codeMapping(line) == expected)
    }

    @Test(arguments: [
        // Data, also such as is only read: its relocations are not in the file.
        "7f00a000-7f00c000 r--p 00001000 fe:00 1234 /usr/lib/libc.so.6", "7f00a000-7f00c000 rw-p 0 fe:00 1 /usr/lib/x",
        // Code that no file has.
        "7f00a000-7f00c000 r-xp 00000000 00:00 0", "7ffd1000-7ffd3000 r-xp 00000000 00:00 0 [vdso]",
        "7f00c000-7f00a000 r-xp 0 fe:00 1 /reversed", "0-1000 r-xp 0 fe:00 1 /zero", "", "x-y r-xp 0 0 0 /z",
    ])
    func `anything else is left alone`(line: String) {
        #expect(StartupPages.codeMapping(line) == nil)
    }

    @Test func `the process goes on`() {
        StartupPages.giveBack()
        #expect((1...100).map { $0 * $0 }.reduce(0, +) == 338_350)
    }
}
