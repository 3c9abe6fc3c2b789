import Determinism
import ForecastCore
import OpenBLAS
import Testing

@Suite struct OpenBLASTests {
    /// `scripts/setup` installs it; a host without it runs the rest all the same.
    private static let library = try? OpenBLAS()

    @Test(.enabled(if: library != nil, "OpenBLAS is not installed"), arguments: [(1, 1, 1), (5, 7, 9), (64, 104, 64)])
    func productsAreThoseOfThePortableAlgebra(_ rows: Int, _ inner: Int, _ columns: Int) throws {
        var generator = SeededGenerator(seed: UInt64(rows))
        func matrix(_ count: Int) -> [Float] { (0..<count).map { _ in Float(generator.unit() - 0.5) } }
        let left = matrix(rows * inner)
        let right = matrix(inner * columns)
        let before = matrix(rows * columns)
        let library = try #require(Self.library)
        let products: [(any LinearAlgebra, inout [Float]) -> Void] = [
            { $0.multiply(left, right, into: &$1, rows: rows, inner: inner, columns: columns) },
            { $0.multiplyTransposed(left, right, into: &$1, rows: rows, inner: inner, columns: columns) },
            { $0.multiplyByTransposed(left, right, into: &$1, rows: rows, inner: inner, columns: columns) },
        ]
        for product in products {
            var found = before
            var expected = before
            product(library, &found)
            product(PortableLinearAlgebra(), &expected)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }

    @Test func aLibraryThatIsNotThereIsNamed() {
        let error = #expect(throws: OpenBLASError.self) { try OpenBLAS(path: "libnowhere.so.0") }
        #expect(error?.description.contains("libnowhere.so.0") == true)
    }

    @Test func aLibraryThatIsAnotherIsRefused() {
        let error = #expect(throws: OpenBLASError.self) { try OpenBLAS(path: "libc.so.6") }
        #expect(error?.description.contains("cblas_sgemm") == true)
    }

    @Test func theAutomaticChoiceNeverFails() throws {
        #expect(["openblas", "portable"].contains(try LinearAlgebraChoice.automatic.resolve().name))
        #expect(try LinearAlgebraChoice.portable.resolve().name == "portable")
    }
}
