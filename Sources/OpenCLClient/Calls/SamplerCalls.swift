import COpenCL
import RemotingCore

func createSampler(
    _ context: cl_context?, _ normalized: cl_bool, _ addressing: cl_addressing_mode, _ filter: cl_filter_mode,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_sampler? {
    create(code) { library throws(OpenCLError) in
        try library.makeSampler(context, normalized, addressing, filter)
    }
}

/// The properties are those of ``createSampler(_:_:_:_:_:)``; one that is not named has its usual value (OpenCL 3.0, 5.7.1).
func createSamplerWithProperties(
    _ context: cl_context?, _ properties: UnsafePointer<cl_sampler_properties>?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_sampler? {
    create(code) { library throws(OpenCLError) in
        let names = [CL_SAMPLER_NORMALIZED_COORDS, CL_SAMPLER_ADDRESSING_MODE, CL_SAMPLER_FILTER_MODE].map {
            cl_sampler_properties($0)
        }
        let list = try PropertyList(properties, of: names)
        let sampler = try library.makeSampler(
            context, cl_bool(truncatingIfNeeded: list[names[0]] ?? 1),
            cl_addressing_mode(truncatingIfNeeded: list[names[1]] ?? UInt64(CL_ADDRESS_CLAMP)),
            cl_filter_mode(truncatingIfNeeded: list[names[2]] ?? UInt64(CL_FILTER_NEAREST)))
        sampler.list = list.bytes
        return sampler
    }
}

extension Library {
    fileprivate func makeSampler(
        _ context: OpaquePointer?, _ normalized: cl_bool, _ addressing: cl_addressing_mode, _ filter: cl_filter_mode
    ) throws(OpenCLError) -> ClientSampler {
        let context: ClientContext = try object(context, or: CL_INVALID_CONTEXT)
        try context.requireImages()
        let modes = cl_addressing_mode(CL_ADDRESS_NONE)...cl_addressing_mode(CL_ADDRESS_MIRRORED_REPEAT)
        let filters = [cl_filter_mode(CL_FILTER_NEAREST), cl_filter_mode(CL_FILTER_LINEAR)]
        try require(modes.contains(addressing) && filters.contains(filter), or: CL_INVALID_VALUE)
        return try ClientSampler(
            context: context,
            SamplerDescription(isNormalized: normalized != 0, addressing: addressing, filter: filter))
    }
}

func retainSampler(_ sampler: cl_sampler?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.retain(sampler, ClientSampler.self, or: CL_INVALID_SAMPLER)
    }
}

func releaseSampler(_ sampler: cl_sampler?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.release(sampler, ClientSampler.self, or: CL_INVALID_SAMPLER)
    }
}

func getSamplerInfo(
    _ sampler: cl_sampler?, _ name: cl_sampler_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let sampler: ClientSampler = try library.object(sampler, or: CL_INVALID_SAMPLER)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_SAMPLER_REFERENCE_COUNT: .number(sampler.references)
            case CL_SAMPLER_CONTEXT: .handle(sampler.context.handle)
            case CL_SAMPLER_NORMALIZED_COORDS: .flag(sampler.description.isNormalized)
            case CL_SAMPLER_ADDRESSING_MODE: .number(sampler.description.addressing)
            case CL_SAMPLER_FILTER_MODE: .number(sampler.description.filter)
            case CL_SAMPLER_PROPERTIES: sampler.list
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}
