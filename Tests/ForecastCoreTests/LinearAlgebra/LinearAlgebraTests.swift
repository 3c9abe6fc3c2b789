import Determinism
import ForecastCore
import Testing

@Suite struct LinearAlgebraTests {
    /// Shapes on both sides of the blocks of 4 × 8.
    @Test(arguments: [(1, 1, 1), (4, 3, 8), (5, 7, 9), (13, 88, 64), (64, 48, 160), (3, 2, 31)])
    func productsAreTheSlowOnes(_ rows: Int, _ inner: Int, _ columns: Int) {
        var generator = SeededGenerator(seed: UInt64(rows * 1_000 + columns))
        func matrix(_ count: Int) -> [Float] { (0..<count).map { _ in Float(generator.unit() - 0.5) } }
        let left = matrix(rows * inner)
        let right = matrix(inner * columns)
        let before = matrix(rows * columns)
        func transposed(_ matrix: [Float], _ rows: Int, _ columns: Int) -> [Float] {
            (0..<(rows * columns)).map { matrix[($0 % rows) * columns + $0 / rows] }
        }
        var slow = before
        for row in 0..<rows {
            for column in 0..<columns {
                for index in 0..<inner {
                    slow[row * columns + column] += left[row * inner + index] * right[index * columns + column]
                }
            }
        }
        let algebra = PortableLinearAlgebra()
        var plain = before
        var byLeft = before
        var byRight = before
        let turnedLeft = transposed(left, rows, inner)
        let turnedRight = transposed(right, inner, columns)
        algebra.multiply(left, right, into: &plain, rows: rows, inner: inner, columns: columns)
        algebra.multiplyTransposed(turnedLeft, right, into: &byLeft, rows: rows, inner: inner, columns: columns)
        algebra.multiplyByTransposed(left, turnedRight, into: &byRight, rows: rows, inner: inner, columns: columns)
        for index in slow.indices {
            #expect(abs(plain[index] - slow[index]) < 1e-4)
            #expect(abs(byLeft[index] - slow[index]) < 1e-4)
            #expect(abs(byRight[index] - slow[index]) < 1e-4)
        }
    }
}
