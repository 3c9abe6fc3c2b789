package import ForecastCore

/// Which linear algebra the forecaster's networks run on, as people choose it.
package enum LinearAlgebraChoice: String, CaseIterable, Sendable {
    /// OpenBLAS where it is installed, else portable.
    case automatic
    /// Needs no library; equal bits on every machine.
    case portable
    case openblas

    /// The linear algebra that is in force, and its name.
    /// - Throws: ``OpenBLASError`` when OpenBLAS is asked for and cannot be opened.
    package func resolve() throws(OpenBLASError) -> (name: String, algebra: any LinearAlgebra) {
        switch self {
        case .portable: return ("portable", PortableLinearAlgebra())
        case .openblas: return ("openblas", try OpenBLAS())
        case .automatic:
            guard let found = try? OpenBLAS() else { return ("portable", PortableLinearAlgebra()) }
            return ("openblas", found)
        }
    }
}
