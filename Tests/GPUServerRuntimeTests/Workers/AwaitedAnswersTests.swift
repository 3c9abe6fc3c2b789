import FleetModel
import Testing

@testable import GPUServerRuntime

@Suite("What a worker says that nobody asked for")
struct AwaitedAnswersTests {
    @Test("is a report three times, and one more for each question")
    func reports() {
        var awaited = AwaitedAnswers()
        func taken(of count: Int) -> Int { (0..<count).count { _ in awaited.takeReport() } }
        #expect(taken(of: 100) == 3)
        for _ in 0..<5 { awaited.askForReport() }
        #expect(taken(of: 100) == 5)
        for _ in 0..<1_000 { awaited.askForReport() }
        #expect(taken(of: 1_000) == 64)
    }

    @Test("is no limit but the one that it was last told, once")
    func limits() {
        let (first, second) = (
            Slice(memory: .mebibytes(1), compute: MilliShare(1)), Slice(memory: .mebibytes(2), compute: MilliShare(1))
        )
        var awaited = AwaitedAnswers()
        var taken = [awaited.take(limit: first)]
        awaited.ask(limit: first)
        awaited.ask(limit: second)
        for slice in [first, second, second] { taken.append(awaited.take(limit: slice)) }
        #expect(taken == [false, false, true, false])
    }
}
