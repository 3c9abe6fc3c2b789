import Glibc

/// Gives back the memory that holds the code of the start.
///
/// Most of what a daemon's libraries do, they do once: resident memory of an agent that runs is half the pages of code
/// that only its start has touched. Pages that hold code are unchanged copies of a file, so the kernel may drop them, and
/// reads those that are used again from its cache (madvise(2), `MADV_DONTNEED` on file-backed pages).
enum StartupPages {
    /// Drops every page of code of this process; what runs comes back page by page. About a millisecond.
    static func giveBack() {
        guard let maps = fopen("/proc/self/maps", "re") else { return }
        defer { fclose(maps) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, maps) > 0, let text = line {
            if let code = codeMapping(String(cString: text)) {
                madvise(UnsafeMutableRawPointer(bitPattern: code.lowerBound), code.count, MADV_DONTNEED)
            }
        }
    }

    /// The addresses of a line of `/proc/PID/maps` that maps code from a file, which is never written; nil for any other.
    static func codeMapping(_ line: String) -> Range<UInt>? {
        // address-address permissions offset device inode path
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { return nil }
        let ends = fields[0].split(separator: "-").map { UInt($0, radix: 16) }
        guard ends.count == 2, let first = ends[0], let end = ends[1], first > 0, first < end else { return nil }
        return first..<end
    }
}
