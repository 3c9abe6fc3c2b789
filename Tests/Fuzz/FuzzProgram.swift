import Glibc

/// The target that `PRESYNC_FUZZ_TARGET` names.
private let chosen: FuzzTarget? = {
    let name = getenv("PRESYNC_FUZZ_TARGET").map { String(cString: $0) }
    return FuzzTarget.all.first { $0.name == name }
}()

/// Called by libFuzzer once, before anything else: writes the target's seeds where `PRESYNC_FUZZ_CORPUS` says.
@c(LLVMFuzzerInitialize)
public func initialize(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    guard let chosen, let folder = getenv("PRESYNC_FUZZ_CORPUS").map({ String(cString: $0) }) else {
        print("targets: \(FuzzTarget.all.map(\.name).joined(separator: " "))")
        exit(64)
    }
    for (number, seed) in chosen.seeds().enumerated() {
        guard let file = fopen("\(folder)/seed-\(number)", "w") else { exit(73) }
        fwrite(seed, 1, seed.count, file)
        fclose(file)
    }
    return 0
}

/// Called by libFuzzer with each input.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen?.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
