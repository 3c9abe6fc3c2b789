import Determinism
import RemotingCore

/// Makes messages of every kind with random contents.
struct MessageGenerator {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    static let requestKinds = 39
    static let responseKinds = 6

    mutating func request(kind: Int) -> OpenCLRequest {
        switch kind {
        case 1: return .createContext(object())
        case 2: return .createQueue(object(), context: object(), properties: random.next())
        case 3: return .createBuffer(object(), context: object(), flags: random.next(), size: random.next())
        case 4: return .createProgram(object(), context: object())
        case 5: return .appendSource(program: object(), bytes(300))
        case 6: return .buildProgram(call(), program: object(), options: bytes(100))
        case 7: return .createKernel(object(), program: object(), name: text())
        case 8: return .setArgument(kernel: object(), index: UInt32(random.below(256)), argument())
        case 9: return .release(self.kind(), object())
        case 10:
            let data = bytes(5_000)
            return .writeBuffer(command(size: UInt64(data.count)), data: data)
        case 11: return .readBuffer(call(), command(size: random.next()))
        case 12:
            return .copyBuffer(
                BufferCopy(
                    queue: object(), source: object(), destination: object(), sourceOffset: random.next(),
                    destinationOffset: random.next(), size: random.next(), order: order()))
        case 13:
            let pattern = Array(repeating: UInt8(random.below(256)), count: 1 << Int(random.below(8)))
            return .fillBuffer(command(size: random.next()), pattern: pattern[...])
        case 14: return .launchKernel(launch())
        case 15: return .marker(queue: object(), order(), isBarrier: random.chance(1, in: 2))
        case 16: return .flush(queue: object())
        case 17: return .finish(call(), queue: object())
        case 18: return .waitForEvents(call(), objects(20))
        case 19: return .queryEvent(call(), object())
        case 20: return .queryObject(call(), self.kind(), object(), parameter: UInt32(random.below(1 << 32)))
        default: return laterRequest(kind: kind)
        }
    }

    private mutating func laterRequest(kind: Int) -> OpenCLRequest {
        switch kind {
        case 21:
            return .createSubBuffer(
                object(), parent: object(), flags: random.next(), origin: random.next(), size: random.next())
        case 22:
            let region = SIMD3<UInt64>(1 + random.below(40), 1 + random.below(10), 1 + random.below(5))
            let data = (0..<region.x * region.y * region.z).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            return .writeRectangle(rectangle(region), data: data[...])
        case 23: return .readRectangle(call(), rectangle(sides()))
        case 24:
            return .copyRectangle(
                RectangleCopy(
                    queue: object(), source: object(), destination: object(), sourceLayout: layout(),
                    destinationLayout: layout(), region: sides(), order: order()))
        case 25: return .createUserEvent(object(), context: object())
        case 26: return .setUserEventStatus(object(), status: code())
        case 27: return .watchEvent(call(), object())
        case 28:
            let headers = (0..<random.below(4)).map { _ in ProgramHeader(name: text(), program: object()) }
            return .compileProgram(call(), program: object(), options: bytes(100), headers: headers)
        case 29:
            return .linkProgram(call(), object(), context: object(), options: bytes(100), inputs: objects(9))
        case 30: return .appendBinary(program: object(), bytes(300))
        case 31: return .loadBinary(call(), program: object())
        case 32: return .readBinary(call(), program: object())
        default: return imageRequest(kind: kind)
        }
    }

    private mutating func imageRequest(kind: Int) -> OpenCLRequest {
        switch kind {
        case 33:
            let kinds: [ImageDescription.Kind] = [.plane, .volume, .planes, .line, .lines, .buffer]
            return .createImage(
                object(), context: object(), flags: random.next(),
                ImageDescription(
                    kind: kinds[Int(random.below(6))],
                    format: ImageFormat(order: UInt32(random.below(1 << 32)), type: UInt32(random.below(1 << 32))),
                    width: random.next(), height: random.next(), depth: random.next(), layers: random.next(),
                    buffer: random.chance(1, in: 2) ? .none : object()))
        case 34: return .writeImage(image(), data: bytes(300))
        case 35: return .readImage(call(), image())
        case 36:
            switch random.below(3) {
            case 0: return .copyImage(image(), .toImage(object(), origin: sides()))
            case 1: return .copyImage(image(), .toBuffer(object(), offset: random.next()))
            default: return .copyImage(image(), .fromBuffer(object(), offset: random.next()))
            }
        case 37:
            let color = (0..<16).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            return .fillImage(image(), color: color[...])
        case 38:
            return .createSampler(
                object(), context: object(),
                SamplerDescription(
                    isNormalized: random.chance(1, in: 2), addressing: UInt32(random.below(1 << 32)),
                    filter: UInt32(random.below(1 << 32))))
        default: return .queryFormats(call(), flags: random.next(), kind: UInt32(random.below(1 << 32)))
        }
    }

    private mutating func image() -> ImageCommand {
        ImageCommand(queue: object(), image: object(), origin: sides(), region: sides(), order: order())
    }

    private mutating func sides() -> SIMD3<UInt64> { SIMD3(random.next(), random.next(), random.next()) }

    private mutating func layout() -> RectangleLayout {
        RectangleLayout(origin: sides(), rowPitch: random.next(), slicePitch: random.next())
    }

    private mutating func rectangle(_ region: SIMD3<UInt64>) -> RectangleCommand {
        RectangleCommand(queue: object(), buffer: object(), layout: layout(), region: region, order: order())
    }

    mutating func response(kind: Int) -> OpenCLResponse {
        switch kind {
        case 1:
            let errors = (0..<random.below(17)).map { _ in
                DeferredError(request: UInt16(random.below(21)), object: object(), code: code())
            }
            return .completed(call(), Completion(code: code(), deferred: errors))
        case 2: return .readData(call(), offset: random.next(), data: bytes(5_000))
        case 3:
            let kernels = (0..<random.below(4)).map { _ in kernel() }
            return .programBuilt(call(), ProgramBuild(code: code(), log: bytes(500), kernels: kernels))
        case 4:
            return .eventStatus(
                call(),
                EventStatus(
                    code: code(), status: code(), queued: random.next(), submitted: random.next(),
                    started: random.next(), ended: random.next()))
        case 5: return .information(call(), code: code(), value: bytes(300))
        default: return .output(bytes(300))
        }
    }

    mutating func bytes(_ bound: UInt64) -> ArraySlice<UInt8> {
        let count = random.below(bound)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }[...]
    }

    private mutating func object() -> ObjectID { ObjectID(rawValue: random.next() | 1) }

    private mutating func call() -> CallID { CallID(rawValue: random.next()) }

    private mutating func code() -> Int32 { -Int32(random.below(70)) }

    private mutating func objects(_ bound: UInt64) -> [ObjectID] {
        (0..<random.below(bound)).map { _ in object() }
    }

    private mutating func kind() -> ObjectKind {
        ObjectKind.allCases[Int(random.below(UInt64(ObjectKind.allCases.count)))]
    }

    private mutating func text() -> String {
        String((0..<random.below(20)).map { _ in "aé_漢"[random.below(4)] })
    }

    private mutating func order() -> CommandOrder {
        CommandOrder(waitFor: objects(4), event: random.chance(1, in: 2) ? .none : object())
    }

    private mutating func command(size: UInt64) -> BufferCommand {
        BufferCommand(queue: object(), buffer: object(), offset: random.next(), size: size, order: order())
    }

    private mutating func argument() -> KernelArgument {
        switch random.below(5) {
        case 4: .sampler(object())
        case 0: .value(bytes(200))
        case 1: .buffer(object())
        case 2: .buffer(.none)
        default: .local(size: random.next())
        }
    }

    private mutating func launch() -> KernelLaunch {
        let dimensions = 1 + random.below(3)
        func vector(_ random: inout SeededGenerator) -> SIMD3<UInt64> {
            var vector = SIMD3<UInt64>.zero
            for index in 0..<Int(dimensions) { vector[index] = random.next() }
            return vector
        }
        return KernelLaunch(
            queue: object(), kernel: object(), dimensions: UInt8(dimensions), globalOffset: vector(&random),
            globalSize: vector(&random), localSize: vector(&random), order: order())
    }

    private mutating func kernel() -> KernelDescription {
        let arguments = (0..<random.below(5)).map { _ in
            KernelArgumentDescription(
                addressQualifier: UInt32(random.below(1 << 32)), accessQualifier: UInt32(random.below(1 << 32)),
                typeQualifier: random.next(), typeName: text(), name: text())
        }
        return KernelDescription(
            name: text(), arguments: arguments, workGroupSize: random.next(),
            preferredWorkGroupMultiple: random.next(),
            requiredWorkGroupSize: SIMD3(random.next(), random.next(), random.next()), localMemory: random.next(),
            privateMemory: random.next())
    }
}

extension String {
    fileprivate subscript(offset: UInt64) -> Character { self[index(startIndex, offsetBy: Int(offset))] }
}
