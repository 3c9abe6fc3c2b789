/// What a client may tell a compiler: the options of OpenCL 3.0 (section 5.8.6), and none that names a file of the GPU
/// server, as some compilers take them.
enum BuildOptions {
    /// The options without include paths, which are the client's and mean nothing here (programs such as pyopencl always
    /// give one); nil where another option leads to a file.
    static func confined(_ options: [UInt8]) -> [UInt8]? {
        var kept: [ArraySlice<UInt8>] = []
        var isPath = false
        for word in options.split(whereSeparator: { $0 <= 0x20 }) {
            let text = String(decoding: word, as: UTF8.self).filter { $0 != "\"" && $0 != "'" && $0 != "\\" }
            if isPath {
                isPath = false
            } else if text.hasPrefix("-I") {
                isPath = text == "-I"
            } else if text.hasPrefix("-D") || text.hasPrefix("-cl-") {
                kept.append(word)
            } else if text.first == "@" || refused.contains(where: text.hasPrefix) {
                return nil
            } else {
                kept.append(word)
            }
        }
        return Array(kept.joined(separator: [0x20]))
    }

    /// Beginnings of options by which compilers read or write files, load code, or hand options on.
    private static let refused = [
        "--include", "-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-iprefix", "-iwith", "-isysroot",
        "--sysroot", "-o", "-MF", "-MD", "-MMD", "-fplugin", "-fpass-plugin", "-load", "-Xclang", "-Xlinker", "-Wl,",
        "-Wa,", "-Wp,", "-mllvm", "-B", "-L", "-l", "-T", "-save-temps", "-fmodule", "-ivfsoverlay", "--config",
        "-x", "-emit", "-dump", "-specs", "-working-directory", "-resource-dir", "-fprofile", "-fsanitize", "-ftime",
    ]
}
