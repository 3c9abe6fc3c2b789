@testable import OpenCLWorker
import Testing

@Suite("Build options")
struct BuildOptionsTests {
    private static func confined(_ text: String) -> String? {
        BuildOptions.confined(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("that OpenCL knows reach the compiler as they are")
    func known() {
        let text = "-D N=4 -DTEXT=\"a b\" -cl-std=CL1.2 -cl-fast-relaxed-math -w -Werror -g -create-library"
        #expect(Self.confined(text) == text)
    }

    @Test("that name include paths are left out")
    func includePaths() {
        #expect(Self.confined("-I /etc -DA -I/root -I\"/x\" -w") == "-DA -w")
    }

    @Test(
        "that lead to files are refused",
        arguments: [
            "@/etc/passwd", "-include /etc/passwd", "-o out.txt", "-Xclang -load", "-fplugin=/x.so", "-save-temps",
            "-L/x",
            "\"-include\" x", "--sysroot=/", "-Wl,-rpath", "-MF /x",
        ])
    func files(text: String) { #expect(Self.confined(text) == nil) }
}
