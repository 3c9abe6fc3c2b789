/// What a compiler's log says of why a build failed, and what is said in its place.
enum BuildLog {
    static let givenUp = Array("The build took longer than a build may take here, and was given up.\n".utf8)[...]

    /// - Parameter how: "by signal 11", for instance.
    static func ofCompiler(ended how: String) -> ArraySlice<UInt8> {
        Array("The compiler ended \(how) over this source. The session goes on.\n".utf8)[...]
    }

    /// Whether the source was compiled, and the compiler's own output was refused after that: the log tells of NVIDIA's
    /// assembler, or of no error in the source. Only then can a build with other options come to another end.
    static func tellsOfBackend(_ log: some Sequence<UInt8>) -> Bool {
        let text = String(decoding: Array(log), as: UTF8.self).lowercased()
        return text.contains("ptxas") || !text.contains("error")
    }
}
