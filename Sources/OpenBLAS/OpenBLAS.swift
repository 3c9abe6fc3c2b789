import ForecastCore
import Glibc

/// The linear algebra of OpenBLAS, a system library that is opened at run time: a machine without it gets an error that
/// says so, and nothing is linked.
///
/// Faster than ``PortableLinearAlgebra``, by its use of what the processor has beyond the oldest of its kind; so its last
/// bits differ between processors. It works on the caller's thread.
package struct OpenBLAS: LinearAlgebra {
    /// What OpenBLAS is called where it is installed from a package.
    package static let standardPath = "libopenblas.so.0"

    /// `cblas_sgemm`: order, transpose left and right, rows, columns, inner, alpha, left and the length of its rows,
    /// right and the length of its rows, beta, result and the length of its rows.
    private typealias Product =
        @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32,
            Float, UnsafeMutablePointer<Float>, Int32
        ) -> Void

    /// Values of CBLAS's enumerations (BLAS Technical Forum Standard, annex B).
    private enum CBLAS {
        static let rowMajor: Int32 = 101
        static let asItIs: Int32 = 111
        static let transposed: Int32 = 112
    }

    private let product: Product

    /// Opens the library and keeps it open for the life of the process.
    package init(path: String = Self.standardPath) throws(OpenBLASError) {
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw OpenBLASError(cause: dlerror().map { String(cString: $0) } ?? "cannot open \(path)")
        }
        guard let symbol = dlsym(library, "cblas_sgemm") else {
            throw OpenBLASError(cause: "\(path) has no cblas_sgemm")
        }
        product = unsafeBitCast(symbol, to: Product.self)
        // A build with threads of its own would take the cores that agents and clients run on.
        if let setThreads = dlsym(library, "openblas_set_num_threads") {
            unsafeBitCast(setThreads, to: (@convention(c) (Int32) -> Void).self)(1)
        }
    }

    package func multiply(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int
    ) {
        call(CBLAS.asItIs, CBLAS.asItIs, left, inner, right, columns, result, rows, inner, columns)
    }

    package func multiplyTransposed(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int
    ) {
        call(CBLAS.transposed, CBLAS.asItIs, left, rows, right, columns, result, rows, inner, columns)
    }

    package func multiplyByTransposed(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int
    ) {
        call(CBLAS.asItIs, CBLAS.transposed, left, inner, right, inner, result, rows, inner, columns)
    }

    private func call(
        _ leftForm: Int32, _ rightForm: Int32, _ left: UnsafePointer<Float>, _ leftRow: Int,
        _ right: UnsafePointer<Float>, _ rightRow: Int, _ result: UnsafeMutablePointer<Float>, _ rows: Int,
        _ inner: Int, _ columns: Int
    ) {
        guard rows > 0, columns > 0, inner > 0 else { return }
        product(
            CBLAS.rowMajor, leftForm, rightForm, Int32(rows), Int32(columns), Int32(inner), 1, left, Int32(leftRow),
            right, Int32(rightRow), 1, result, Int32(columns))
    }
}

/// Why OpenBLAS cannot be used.
package struct OpenBLASError: Error, Hashable, CustomStringConvertible {
    package let cause: String
    package var description: String { "OpenBLAS cannot be used: \(cause)" }
}
