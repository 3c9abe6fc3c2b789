/// What a compiler's log says of why a build failed.
enum BuildLog {
    /// Whether the source was compiled, and the compiler's own output was refused after that: the log tells of NVIDIA's
    /// assembler, or of no error in the source. Only then can a build with other options come to another end.
    static func tellsOfBackend(_ log: some Sequence<UInt8>) -> Bool {
        let text = String(decoding: Array(log), as: UTF8.self).lowercased()
        return text.contains("ptxas") || !text.contains("error")
    }
}
