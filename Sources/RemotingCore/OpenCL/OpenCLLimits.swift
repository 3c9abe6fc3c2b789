/// The interface that this module's messages belong to, and the bounds of its messages.
package enum OpenCLInterface {
    package static let kind = "opencl"
    /// The semantic version of client library and worker of this build (``InterfaceEdition/current``).
    package static let version = "0.1.0"

    /// Bulk data of one write or read message; what is greater takes several.
    package static let chunk = 256 << 10
    /// All chunks of a program's source together.
    package static let programSource = 16 << 20
    package static let buildOptions = 64 << 10
    package static let buildLog = 256 << 10
    package static let name = 1024
    package static let kernelsPerProgram = 1024
    package static let argumentsPerKernel = 256
    /// A kernel argument passed by value.
    package static let argumentValue = 64 << 10
    /// Headers of one compilation.
    package static let programHeaders = 1024
    package static let fillPattern = 128
    package static let imageColor = 16
    package static let waitList = 4096
    package static let deferredErrors = 16
    package static let queriedValue = 256 << 10
    package static let deviceParameters = 512
    package static let deviceParameterValue = 64 << 10
    /// Live objects of one kind in a session.
    package static let objectsPerKind = 65_536
}
