/// The three matrix products that a feed-forward network needs, on row-major single-precision matrices.
///
/// The network calls them: the first for every tile of instances, all three in a training step. An implementation adds
/// to what `result` holds, reads nothing beyond the shapes given, and keeps nothing. ``PortableLinearAlgebra`` gives
/// equal bits in every run and on every machine; one that calls a BLAS need not.
package protocol LinearAlgebra: Sendable {
    /// `result` [rows × columns] += `left` [rows × inner] · `right` [inner × columns].
    func multiply(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int)

    /// `result` [rows × columns] += transpose of `left` [inner × rows] · `right` [inner × columns].
    func multiplyTransposed(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int)

    /// `result` [rows × columns] += `left` [rows × inner] · transpose of `right` [columns × inner].
    func multiplyByTransposed(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int)
}

/// The linear algebra that needs no library: blocks of 4 × 8 held in registers, multiplied and added in a fixed order.
package struct PortableLinearAlgebra: LinearAlgebra {
    package init() {}

    package func multiply(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int
    ) {
        product(left, rowStep: inner, innerStep: 1, right, into: result, rows: rows, inner: inner, columns: columns)
    }

    package func multiplyTransposed(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int
    ) {
        product(left, rowStep: 1, innerStep: rows, right, into: result, rows: rows, inner: inner, columns: columns)
    }

    package func multiplyByTransposed(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, inner: Int, columns: Int
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(inner * columns, 1)) { turned in
            guard let turned = turned.baseAddress else { return }
            for column in 0..<columns {
                for index in 0..<inner { turned[index * columns + column] = right[column * inner + index] }
            }
            product(
                left, rowStep: inner, innerStep: 1, UnsafePointer(turned), into: result, rows: rows, inner: inner,
                columns: columns)
        }
    }

    /// `left(row, index)` is at `row × rowStep + index × innerStep`.
    private func product(
        _ left: UnsafePointer<Float>, rowStep: Int, innerStep: Int, _ right: UnsafePointer<Float>,
        into result: UnsafeMutablePointer<Float>, rows: Int, inner: Int, columns: Int
    ) {
        let blockRows = rows - rows % 4
        let blockColumns = columns - columns % 8
        for row in stride(from: 0, to: blockRows, by: 4) {
            for column in stride(from: 0, to: blockColumns, by: 8) {
                block(
                    left + row * rowStep, rowStep: rowStep, innerStep: innerStep, right + column,
                    into: result + row * columns + column, inner: inner, columns: columns)
            }
        }
        for row in 0..<rows {
            let first = row < blockRows ? blockColumns : 0
            for column in first..<columns {
                var sum: Float = 0
                for index in 0..<inner {
                    sum += left[row * rowStep + index * innerStep] * right[index * columns + column]
                }
                result[row * columns + column] += sum
            }
        }
    }

    @inline(__always)
    private func block(
        _ left: UnsafePointer<Float>, rowStep: Int, innerStep: Int, _ right: UnsafePointer<Float>,
        into result: UnsafeMutablePointer<Float>, inner: Int, columns: Int
    ) {
        var first = SIMD8<Float>.zero
        var second = SIMD8<Float>.zero
        var third = SIMD8<Float>.zero
        var fourth = SIMD8<Float>.zero
        for index in 0..<inner {
            let values = Self.load(right + index * columns)
            let offset = left + index * innerStep
            first += values * offset[0]
            second += values * offset[rowStep]
            third += values * offset[2 * rowStep]
            fourth += values * offset[3 * rowStep]
        }
        Self.add(first, to: result)
        Self.add(second, to: result + columns)
        Self.add(third, to: result + 2 * columns)
        Self.add(fourth, to: result + 3 * columns)
    }

    @inline(__always)
    private static func load(_ pointer: UnsafePointer<Float>) -> SIMD8<Float> {
        UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Float>.self)
    }

    @inline(__always)
    private static func add(_ values: SIMD8<Float>, to pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: load(pointer) + values, as: SIMD8<Float>.self)
    }
}
