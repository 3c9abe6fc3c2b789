import Testing

@testable import ControlProtocol

struct BoundedMailboxTests {
    @Test func whatIsOfferedComesOutInOrder() async {
        let mailbox = BoundedMailbox<Int>(limit: 200)
        for number in 0..<150 { #expect(mailbox.offer(number) == .accepted) }
        mailbox.finish()
        var received: [Int] = []
        for await number in mailbox { received.append(number) }
        #expect(received == Array(0..<150))
    }

    @Test func anOfferBeyondTheLimitIsRefused() {
        let mailbox = BoundedMailbox<Int>(limit: 2)
        #expect([mailbox.offer(1), mailbox.offer(2), mailbox.offer(3)] == [.accepted, .accepted, .full])
        mailbox.finish()
        #expect(mailbox.offer(4) == .finished)
        #expect(mailbox.count == 2)
    }

    @Test func writersThatWaitLoseNothing() async {
        let mailbox = BoundedMailbox<Int>(limit: 3)
        let received = await withTaskGroup(of: Void.self, returning: [Int].self) { group in
            for writer in 0..<8 {
                group.addTask { for number in 0..<100 { await mailbox.put(writer * 100 + number) } }
            }
            var received: [Int] = []
            while received.count < 800, let number = await mailbox.next() { received.append(number) }
            return received
        }
        #expect(received.sorted() == Array(0..<800))
        for writer in 0..<8 {
            let own = received.filter { $0 / 100 == writer }
            #expect(own == own.sorted(), "each writer's elements stay in order")
        }
    }

    @Test func finishingReleasesTheReaderAndTheWriters() async {
        let mailbox = BoundedMailbox<Int>(limit: 1)
        await mailbox.put(1)
        async let blocked = mailbox.put(2)
        mailbox.finish()
        #expect(await blocked == false)
        #expect(await mailbox.next() == 1)
        #expect(await mailbox.next() == nil)
    }

    @Test func cancellingReleasesTheReader() async {
        let mailbox = BoundedMailbox<Int>(limit: 1)
        let reader = Task { await mailbox.next() }
        reader.cancel()
        #expect(await reader.value == nil)
        #expect(mailbox.offer(7) == .accepted)
        #expect(await mailbox.next() == 7)
    }

    @Test func cancellingReleasesAWriter() async {
        let mailbox = BoundedMailbox<Int>(limit: 1)
        await mailbox.put(1)
        let writer = Task { await mailbox.put(2) }
        writer.cancel()
        #expect(await writer.value == false)
        #expect(await mailbox.next() == 1)
        #expect(mailbox.count == 0)
    }
}
