import Glibc

/// A folder of files that others make: nothing in it is believed. Links are not followed, what is gone meanwhile is passed
/// over, and neither depth nor number of files costs more than a bound.
struct FolderWalk: ~Copyable {
    /// Files and folders that are looked at below one folder.
    static let greatestCount = 200_000
    /// Folders in folders.
    private static let greatestDepth = 24

    /// What lies below a folder, the folder included.
    struct Measure: Hashable {
        /// Blocks on the disk (stat(2)), in bytes: holes and small files as what they take.
        var bytes: Int64 = 0
        /// Seconds since 1970 of the newest content.
        var newest: Int64 = 0
        var count = 0
        /// Whether there is more than was looked at.
        var isCut = false

        mutating func add(_ other: Measure) {
            bytes += other.bytes
            newest = max(newest, other.newest)
            count += other.count
            isCut = isCut || other.isCut
        }
    }

    /// A name in a folder.
    struct Child: Hashable {
        var name: String
        var isFolder: Bool
    }

    private let descriptor: Int32

    /// Nil where there is no such folder (of its own: not a link to one).
    init?(_ path: String) { self.init(path, at: AT_FDCWD) }

    /// A folder in another.
    init?(_ name: String, in parent: borrowing FolderWalk) { self.init(name, at: parent.descriptor) }

    private init?(_ path: String, at parent: Int32) {
        let descriptor = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Seconds since 1970 of the last change of what the folder lists; 0 where it cannot be told.
    var lastChange: Int64 {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_mtim.tv_sec) : 0
    }

    /// Ascending by name; those beyond ``greatestCount`` are left out.
    func children() -> [Child] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let stream = fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { closedir(stream) }
        var children: [Child] = []
        while children.count <= Self.greatestCount, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            children.append(Child(name: name, isFolder: status(of: name).map(Self.isFolder) ?? false))
        }
        return children.sorted { $0.name < $1.name }
    }

    /// The measure of one child, whatever it is; nothing where it is gone.
    func measure(_ name: String) -> Measure { measure(name, depth: 0, budget: Self.greatestCount) }

    private func measure(_ name: String, depth: Int, budget: Int) -> Measure {
        guard let status = status(of: name) else { return Measure() }
        var measure = Measure(
            bytes: Int64(status.st_blocks) * 512, newest: Int64(status.st_mtim.tv_sec), count: 1)
        guard Self.isFolder(status), let folder = FolderWalk(name, at: descriptor) else { return measure }
        guard depth < Self.greatestDepth else {
            measure.isCut = true
            return measure
        }
        for child in folder.children() {
            guard measure.count < budget else {
                measure.isCut = true
                break
            }
            measure.add(folder.measure(child.name, depth: depth + 1, budget: budget - measure.count))
        }
        return measure
    }

    /// Removes a child with all that is below it, as far as that can be removed. Costs its number of files.
    func remove(_ name: String) {
        var number = 0
        remove(name, depth: 0, top: descriptor, number: &number)
        // Folders that lay too deep have been moved here.
        var next = 0
        while next < number {
            remove(Self.movedName(next), depth: 0, top: descriptor, number: &number)
            next += 1
        }
    }

    private func remove(_ name: String, depth: Int, top: Int32, number: inout Int) {
        if unlinkat(descriptor, name, 0) == 0 || errno == ENOENT { return }
        guard depth < Self.greatestDepth else {
            if renameat(descriptor, name, top, Self.movedName(number)) == 0 { number += 1 }
            return
        }
        if let folder = FolderWalk(name, at: descriptor) {
            var children = folder.children()
            while !children.isEmpty {
                for child in children {
                    folder.remove(child.name, depth: depth + 1, top: top, number: &number)
                }
                // There may be more than were listed; what cannot be removed is left.
                let left = folder.children()
                children = left == children ? [] : left
            }
        }
        unlinkat(descriptor, name, AT_REMOVEDIR)
    }

    private static func movedName(_ number: Int) -> String { "\(KernelCaches.removedPrefix)deep-\(number)" }

    private func status(of name: String) -> stat? {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    private static func isFolder(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }
}
