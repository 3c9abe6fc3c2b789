/// Puts the headers that a program's source includes in the place of the directives that include them.
///
/// A build's `-I` names folders of the program's host (OpenCL 3.0, section 5.8.6.1), where the device's compiler is not.
/// Directives whose file is not found stay as they are: the compiler knows some headers, and says what it does not.
package struct IncludedHeaders {
    /// The folders of the build's options, in their order.
    package let folders: [String]
    private let read: (String) -> [UInt8]?
    private var result: [UInt8] = []
    private var once: Set<String> = []
    private var count = 0

    /// Bounds on what includes itself.
    private static let greatestDepth = 64
    private static let greatestCount = 4_096

    /// `read` gives the content of the file at a path, nil where there is none.
    package init(options: [UInt8], read: @escaping (String) -> [UInt8]?) {
        folders = Self.folders(of: options)
        self.read = read
    }

    /// The source with its headers, the source itself where it includes none of them; nil where it would be longer than
    /// ``OpenCLInterface/programSource`` or its headers include each other without end. O(length of the result)
    package mutating func expand(_ source: [UInt8]) -> [UInt8]? {
        guard !folders.isEmpty else { return source }
        (result, once, count) = ([], [], 0)
        return append(source, named: nil, depth: 0) ? (count == 0 ? source : result) : nil
    }

    /// False when a bound is reached.
    private mutating func append(_ text: [UInt8], named name: String?, depth: Int) -> Bool {
        guard depth <= Self.greatestDepth, result.count + text.count <= OpenCLInterface.programSource else {
            return false
        }
        var number = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if let name, Self.directive("pragma", of: line)?.hasPrefix("once") == true {
                once.insert(name)
            } else if let header = Self.header(of: line), let found = find(header, from: name) {
                count += 1
                guard count <= Self.greatestCount else { return false }
                if !once.contains(found.path) {
                    result.append(contentsOf: "#line 1 \"\(header.name)\"\n".utf8)
                    guard append(found.content, named: found.path, depth: depth + 1) else { return false }
                    result.append(contentsOf: "#line \(number + 1)\n".utf8)
                    continue
                }
            } else {
                result.append(contentsOf: line)
            }
            result.append(UInt8(ascii: "\n"))
        }
        return result.count <= OpenCLInterface.programSource
    }

    /// A header in quotes is looked for beside the file that includes it first, as C does it (C99, 6.10.2).
    private func find(_ header: Header, from file: String?) -> (path: String, content: [UInt8])? {
        var places = folders.map { $0 + "/" }
        if header.isQuoted, let end = file?.lastIndex(of: "/"), let file { places.insert(String(file[...end]), at: 0) }
        for place in header.name.hasPrefix("/") ? [""] : places {
            if let content = read(place + header.name) { return (place + header.name, content) }
        }
        return nil
    }

    private struct Header {
        var name: String
        var isQuoted: Bool
    }

    /// What a line `#include "header"` or `#include <header>` names.
    private static func header(of line: ArraySlice<UInt8>) -> Header? {
        guard let rest = directive("include", of: line), let opening = rest.first, "\"<".contains(opening) else {
            return nil
        }
        let name = rest.dropFirst().prefix { $0 != (opening == "<" ? ">" : "\"") }
        guard !name.isEmpty, name.count < rest.count - 1 else { return nil }
        return Header(name: String(name), isQuoted: opening == "\"")
    }

    /// What follows the word of a preprocessor's line; nil where the line is another.
    private static func directive(_ word: String, of line: ArraySlice<UInt8>) -> Substring? {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
        let start = line.drop(while: isBlank)
        guard start.first == UInt8(ascii: "#") else { return nil }
        let rest = start.dropFirst().drop(while: isBlank)
        guard rest.starts(with: word.utf8) else { return nil }
        return String(decoding: rest.dropFirst(word.utf8.count).drop(while: isBlank), as: UTF8.self)[...]
    }

    /// The folders that `-I folder` and `-Ifolder` name; quotes and backslashes as in a shell.
    private static func folders(of options: [UInt8]) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var quote: UInt8?
        var isEscaped = false
        for byte in options + [0x20] {
            if isEscaped {
                word.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                isEscaped = true
            } else if byte == quote {
                quote = nil
            } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if quote == nil, byte <= 0x20 {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            } else {
                word.append(byte)
            }
        }
        var folders: [String] = []
        var isFolder = false
        for word in words {
            if isFolder {
                folders.append(word)
                isFolder = false
            } else if word == "-I" {
                isFolder = true
            } else if word.hasPrefix("-I") {
                folders.append(String(word.dropFirst(2)))
            }
        }
        return folders
    }
}
